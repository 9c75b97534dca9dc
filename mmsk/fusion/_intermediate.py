"""Intermediate fusion: an encoder for each modality, trained with the head."""

from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
from torch import nn

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.compose import BlockScaler
from mmsk.fusion._base import BlockReader, with_prior
from mmsk.modules import MLP, ConcatFusion, FusionNet, GatedFusion
from mmsk.neural_network._classification import BaseNeuralClassifier
from mmsk.neural_network._inputs import BlockInputs

MECHANISMS: dict[str, type[nn.Module]] = {
    "concat": ConcatFusion,
    "gated": GatedFusion,
}


class IntermediateFusionClassifier(BlockReader, BaseNeuralClassifier):
    """Train an encoder for each modality, a fusion mechanism and a head together.

    Each modality's block is scaled and encoded by a network of its own; the
    mechanism fuses the encoded blocks of the modalities that a sample has, so
    that what stands in the columns of an absent one has no influence; a linear
    head predicts the classes. Trained by skorch like NeuralClassifier.

    Parameters
    ----------
    mechanism : {"concat", "gated"}, default="concat"
        ``"concat"``: one layer on the encoded blocks side by side
        (`mmsk.modules.ConcatFusion`). ``"gated"``: every sample chooses how much
        it trusts each modality (`mmsk.modules.GatedFusion`).
    encoders : "auto" or dict, default="auto"
        For a modality by name ``"mlp"`` or a torch module that maps its block
        ``(n, *shape)`` to ``(n, out_size)`` and has the attribute ``out_size``;
        it is copied. ``"mlp"`` for modalities without an entry.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Layers of the ``"mlp"`` encoders.
    fusion_size : int, default=64
        Width of the fused block.
    dropout : float, default=0.0
        Share of the encoders' hidden units that are zeroed in training.
    modality_dropout : float, default=0.0
        Probability that a modality of a sample is hidden in training; at least
        one is kept. Prepares for samples that lack modalities.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every vector block, see
        BlockScaler. ``None``: standardised columns.
    lr : float, default=3e-3
        Learning rate of AdamW.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    max_epochs : int, default=50
        Passes over the training samples.
    batch_size : int, default=128
        Samples a step.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the samples (stratified; whole groups
        where fit is given groups), stop after `n_iter_no_change` epochs without
        a better loss on them, and keep the best weights.
    validation_fraction : float, default=0.1
        See `early_stopping`.
    n_iter_no_change : int, default=10
        See `early_stopping`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    warm_start : bool, default=False
        Go on from the weights of the last fit.
    device : str, default="auto"
        ``"auto"`` takes cuda, mps or cpu, whichever is there first.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, batches and dropout. No global seed is touched.
    verbose : int, default=0
        Above 0, a line for each epoch.

    Attributes
    ----------
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    scaler_ : BlockScaler
        The fitted scaler of the chosen blocks.
    state_ : dict of str to ndarray
        The weights of the module.
    net_ : skorch.NeuralNet
        The trained net; not part of a pickle.
    history_ : list of dict
        Losses of every epoch.
    n_iter_ : int
        Number of epochs.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, or `encoders` is not
        as described.

    See Also
    --------
    EarlyFusionClassifier : One classifier on all blocks.
    LateFusionClassifier : One classifier for each modality.

    References
    ----------
    .. [1] J. Arevalo et al., "Gated Multimodal Units for Information Fusion",
           ICLR Workshop, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import IntermediateFusionClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = np.where(X[:, 0] * X[:, 2] > 0, "same", "opposite")
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> clf = IntermediateFusionClassifier(lr=1e-2, blocks=blocks, random_state=0)
    >>> clf.fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseNeuralClassifier._parameter_constraints,
        "mechanism": [StrOptions(set(MECHANISMS))],
        "encoders": [dict, StrOptions({"auto"})],
        "modalities": [list, tuple, None],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "fusion_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "modality_dropout": [Interval(Real, 0, 1, closed="left")],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "blocks": [Blocks, None],
    }

    def __init__(
        self,
        mechanism: str = "concat",
        *,
        encoders="auto",
        modalities=None,
        hidden_layer_sizes=(64,),
        fusion_size: int = 64,
        dropout: float = 0.0,
        modality_dropout: float = 0.0,
        block_norm: float | None = 10.0,
        lr: float = 3e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 50,
        batch_size: int = 128,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight=None,
        warm_start: bool = False,
        device: str = "auto",
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
        self.block_norm = block_norm
        self.lr = lr
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.device = device
        self.blocks = blocks
        self.random_state = random_state
        self.verbose = verbose

    _architecture = (
        "mechanism",
        "encoders",
        "hidden_layer_sizes",
        "fusion_size",
        "dropout",
        "modality_dropout",
    )

    def _check_Xy(self, X, y, *, reset):
        X, y = super()._check_Xy(X, y, reset=reset)
        if reset:
            self._learn_blocks(X)
            self._warn_if_single()
        return self._chosen(X), y

    def _check_X(self, X):
        return self._chosen(super()._check_X(X))

    def _usable_rows(self, X):
        present = self._own_blocks.present(X)
        some = present.any(axis=1)
        self._warn_if_unseen(present)
        if not some.any():
            raise ValueError(
                f"No sample has any of the modalities {list(self._own_blocks.names)}."
            )
        return some

    def _learn_inputs(self, X, weights) -> None:
        scaler = BlockScaler(block_norm=self.block_norm, blocks=self._own_blocks)
        # arrays, whatever transform_output is set globally
        scaler.set_output(transform="default")
        self.scaler_ = scaler.fit(X, sample_weight=weights)

    def _make_inputs(self, X, *, fitting: bool) -> BlockInputs:
        return BlockInputs(self.scaler_.transform(X), self._own_blocks)

    def _make_module(self, inputs, n_outputs, generator) -> FusionNet:
        encoders = {
            block.name: self._encoder(block, generator) for block in inputs.blocks
        }
        sizes = {name: encoder.out_size for name, encoder in encoders.items()}
        return FusionNet(
            encoders,
            MECHANISMS[self.mechanism](sizes, self.fusion_size),
            nn.Linear(self.fusion_size, n_outputs),
            modality_dropout=self.modality_dropout,
            generator=generator,
        )

    def _encoder(self, block: Any, generator: Any) -> nn.Module:
        chosen = {} if isinstance(self.encoders, str) else self.encoders
        unknown = [name for name in chosen if name not in self.blocks_.names]
        if unknown:
            raise ValueError(
                f"encoders names the modalities {unknown}; there are "
                f"{list(self.blocks_.names)}."
            )
        encoder = chosen.get(block.name, "mlp")
        if isinstance(encoder, nn.Module) and hasattr(encoder, "out_size"):
            return deepcopy(encoder)
        if not (isinstance(encoder, str) and encoder == "mlp"):
            raise ValueError(
                f"The encoder of modality {block.name!r} must be 'mlp' or a torch "
                f"module with the attribute out_size, got {encoder!r}."
            )
        if block.kind != "vector":
            raise ValueError(
                f"Modality {block.name!r} is a raw {block.kind} of shape "
                f"{block.shape}, which an 'mlp' does not read. Pass encoders="
                f"{{{block.name!r}: module}} with a module that maps (n, "
                f"{', '.join(map(str, block.shape))}) to (n, out_size)."
            )
        return MLP(
            block.width,
            self.hidden_layer_sizes,
            dropout=self.dropout,
            generator=generator,
        )

    def _probabilities(self, X) -> np.ndarray:
        return with_prior(
            self._own_blocks, X, self.class_prior_, super()._probabilities
        )
