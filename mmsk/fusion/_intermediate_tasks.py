"""What intermediate fusion takes for classes and for numbers, and how it answers."""

import numpy as np

from mmsk._utils._blocks import Blocks
from mmsk.fusion._intermediate_base import BaseIntermediateFusion
from mmsk.neural_network._classification import BaseNeuralClassifier
from mmsk.neural_network._regression import BaseNeuralRegressor


class BaseIntermediateFusionClassifier(BaseIntermediateFusion, BaseNeuralClassifier):
    """Private base: samples without any modality get the shares of the classes."""

    _parameter_constraints: dict = {
        **BaseNeuralClassifier._parameter_constraints,
        **BaseIntermediateFusion._own_constraints,
    }

    def __init__(
        self,
        mechanism="concat",
        *,
        encoders="auto",
        modalities=None,
        hidden_layer_sizes=(64,),
        fusion_size: int = 64,
        dropout: float = 0.0,
        modality_dropout: float = 0.0,
        auxiliary_loss: float = 0.0,
        decision="fused",
        block_norm: float | None = 10.0,
        clip: float | None = None,
        loss="cross_entropy",
        optimizer="adamw",
        lr: float = 3e-3,
        weight_decay: float = 1e-2,
        schedule="constant",
        max_epochs: int = 50,
        batch_size: int = 128,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        n_members=1,
        class_weight=None,
        callbacks=None,
        warm_start: bool = False,
        device="auto",
        blocks: Blocks | None = None,
        random_state=None,
        verbose: int = 0,
    ) -> None:
        self.mechanism = mechanism
        self.encoders = encoders
        self.modalities = modalities
        self.hidden_layer_sizes = hidden_layer_sizes
        self.fusion_size = fusion_size
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.auxiliary_loss = auxiliary_loss
        self.decision = decision
        self.block_norm = block_norm
        self.clip = clip
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.n_members = n_members
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.blocks = blocks
        self.random_state = random_state
        self.verbose = verbose

    def _member_probabilities(self, X) -> np.ndarray:
        ask = super()._member_probabilities
        return self._members_with_prior(X, self.class_prior_, ask)


class BaseIntermediateFusionRegressor(BaseIntermediateFusion, BaseNeuralRegressor):
    """Private base: samples without any modality get the mean of the target."""

    _parameter_constraints: dict = {
        **BaseNeuralRegressor._parameter_constraints,
        **BaseIntermediateFusion._own_constraints,
    }

    def __init__(
        self,
        mechanism="concat",
        *,
        encoders="auto",
        modalities=None,
        hidden_layer_sizes=(64,),
        fusion_size: int = 64,
        dropout: float = 0.0,
        modality_dropout: float = 0.0,
        auxiliary_loss: float = 0.0,
        decision="fused",
        block_norm: float | None = 10.0,
        clip: float | None = None,
        loss="squared_error",
        optimizer="adamw",
        lr: float = 3e-3,
        weight_decay: float = 1e-2,
        schedule="constant",
        max_epochs: int = 50,
        batch_size: int = 128,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        n_members=1,
        callbacks=None,
        warm_start: bool = False,
        device="auto",
        blocks: Blocks | None = None,
        random_state=None,
        verbose: int = 0,
    ) -> None:
        self.mechanism = mechanism
        self.encoders = encoders
        self.modalities = modalities
        self.hidden_layer_sizes = hidden_layer_sizes
        self.fusion_size = fusion_size
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.auxiliary_loss = auxiliary_loss
        self.decision = decision
        self.block_norm = block_norm
        self.clip = clip
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.n_members = n_members
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.blocks = blocks
        self.random_state = random_state
        self.verbose = verbose

    def _member_values(self, X) -> np.ndarray:
        mean = self.y_mean_[0] if self.y_ndim_ == 1 else self.y_mean_
        ask = super()._member_values
        return self._members_with_prior(X, mean, ask, "training mean")
