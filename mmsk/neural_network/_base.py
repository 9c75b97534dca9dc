"""What every neural estimator shares: validation, training, state, prediction."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from torch import nn

from mmsk._utils._param_validation import Interval
from mmsk._utils._splits import holdout_split
from mmsk._utils._weights import positive_weights
from mmsk.neural_network._batches import TrainingRows
from mmsk.neural_network._callbacks import BestWeights, Recorder
from mmsk.neural_network._device import resolve_device
from mmsk.neural_network._inputs import Inputs, MatrixInputs
from mmsk.neural_network._random import seeded
from mmsk.neural_network._target import Target
from mmsk.neural_network._threads import suitable_threads
from mmsk.neural_network._training import make_net, train

CHUNK_VALUES = 2**21
"""Values of X that are predicted at a time."""

NOT_PICKLED = ("net_", "_module")
"""What is made anew from `state_`: devices and optimisers don't travel."""


class BaseNeural(BaseEstimator):
    """Private base of the estimators that hold a skorch net.

    A subclass' constructor stores the parameters that are constrained here and
    its own. `_make_inputs` says how X becomes the arguments of a module,
    `_make_module` which module; all else is inherited.
    """

    _parameter_constraints: dict = {
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}
    __metadata_request__partial_fit = {"sample_weight": True}

    _architecture: tuple[str, ...] = ()
    """Names of the parameters that `_make_module` reads."""

    def _learn_inputs(self, X: Any, weights: NDArray[np.float64] | None) -> None:
        """Learn what wrapping needs from the training rows that count.

        Not called when a training goes on.
        """

    def _make_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        """Wrap validated rows: those to train on that count, or those to predict."""
        return MatrixInputs(X)

    @abstractmethod
    def _make_module(
        self, inputs: Inputs, n_outputs: int, generator: torch.Generator
    ) -> nn.Module:
        """Build the module that takes what `inputs` gives.

        Called under a seeded global stream; `generator` is for what draws in
        training. An estimator that was unpickled calls it again at predict.
        """

    @abstractmethod
    def _prepare_target(
        self, y: NDArray, weights: NDArray | None, *, resume: bool, classes: Any
    ) -> Target:
        """Encode y; unless resuming, learn how."""

    def _usable_rows(self, X: Any) -> NDArray[np.bool_] | None:
        """Tell which validated rows hold something to learn from (None: all)."""
        return None

    def _check_Xy(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, NDArray]:
        """Validate training data."""
        return validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
            y_numeric=is_regressor(self),
        )

    def _check_X(self, X: Any) -> Any:
        """Validate rows to predict."""
        check_is_fitted(self, "state_")
        return validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )

    def _fit_all_epochs(self, X, y, sample_weight, groups) -> Self:
        """Do what ``fit`` says."""
        resume = self.warm_start and hasattr(self, "state_")
        inputs, target, groups = self._prepare(
            X, y, sample_weight, groups, resume=resume
        )
        return self._train(inputs, target, groups, epochs=self.max_epochs)

    def _fit_one_epoch(self, X, y, sample_weight, classes=None) -> Self:
        """Do what ``partial_fit`` says."""
        if self.early_stopping:
            raise ValueError(
                "partial_fit trains one epoch and cannot stop early. Set "
                "early_stopping=False, or use fit."
            )
        inputs, target, _ = self._prepare(
            X, y, sample_weight, None, resume=hasattr(self, "state_"), classes=classes
        )
        return self._train(inputs, target, None, epochs=1, keep_net=True)

    def _prepare(self, X, y, sample_weight, groups, *, resume, classes=None):
        """Validate; keep the rows that count; unless resuming, forget all before."""
        X, y = self._check_Xy(X, y, reset=not resume)
        rows, weights = positive_weights(sample_weight, X)
        if groups is not None:
            check_consistent_length(X, groups)
            groups = column_or_1d(groups)[rows]
        if not isinstance(rows, slice):
            X, y = X[rows], y[rows]
        target = self._prepare_target(y, weights, resume=resume, classes=classes)
        usable = self._usable_rows(X)
        if usable is not None and not usable.all():
            X, target = X[usable], target.part(usable)
            weights = None if weights is None else weights[usable]
            groups = None if groups is None else groups[usable]
        architecture = {name: getattr(self, name) for name in self._architecture}
        if resume and architecture != self._built_with:
            changed = [
                n for n in architecture if architecture[n] != self._built_with[n]
            ]
            raise ValueError(
                f"{changed} changed since the first fit, so training cannot go on with "
                "its weights. Set them back, or fit with warm_start=False."
            )
        if not resume:
            self._forget("state_", *NOT_PICKLED)
            self.dtype_ = X.dtype.name
            self.n_outputs_ = target.n_outputs
            self.history_ = []
            self._built_with = architecture
            self._learn_inputs(X, weights)
        return self._make_inputs(X, fitting=True), target, groups

    def _train(
        self,
        inputs: Inputs,
        target: Target,
        groups: NDArray | None,
        *,
        epochs: int,
        keep_net: bool = False,
    ) -> Self:
        """Train the module that is there, or a new one, and keep its weights."""
        random = check_random_state(self.random_state)
        seeds = [int(seed) for seed in random.randint(2**31 - 1, size=3)]
        dtype = getattr(torch, self.dtype_)
        device = resolve_device(self.device, dtype)
        module = self._built_module(inputs.to(dtype, device), seeds[0])
        # a resumed training must not repeat the shuffles of the first
        shuffle = torch.Generator().manual_seed(seeds[1] + len(self.history_))
        data = TrainingRows(inputs, target.values, target.weights, shuffle)
        valid = None
        if self.early_stopping:
            rows, held_out = holdout_split(
                target.values,
                fraction=self.validation_fraction,
                groups=groups,
                classifier=target.values.ndim == 1,
                random_state=seeds[2],
            )
            data, valid = data.part(rows), data.part(held_out, shuffled=False)
        options = {
            "lr": self.lr,
            "batch_size": self.batch_size,
            "optimizer__weight_decay": self.weight_decay,
        }
        if keep_net and "net_" in self.__dict__:
            net = self.net_.set_params(**options)
        else:
            callbacks = [Recorder(self.history_, self.verbose)]
            if valid is not None:
                callbacks.append(BestWeights(self.n_iter_no_change))
            net = make_net(
                module, target.loss, device=device, callbacks=callbacks, **options
            )
        # a training that is interrupted leaves no half-trained weights behind
        self._forget(*NOT_PICKLED)
        with suitable_threads(n_weights(module) * self.batch_size):
            train(net, data, valid, epochs=epochs)
        self.net_, self._module = net, module
        self.n_iter_ = len(self.history_)
        self.state_ = {
            name: value.cpu().numpy().copy()
            for name, value in module.state_dict().items()
        }
        return self

    def _built_module(self, inputs: Inputs, seed: int = 0) -> nn.Module:
        """Return the module, made if it is not there, on the device of `inputs`."""
        module = self.__dict__.get("_module")
        if module is None:
            # with the parameters of fit: they may have been set since
            builder = object.__new__(type(self))
            builder.__dict__.update(self.__dict__ | self._built_with)
            with seeded(seed) as generator:
                module = builder._make_module(inputs, self.n_outputs_, generator)
            module = module.to(inputs.dtype).eval()
            if hasattr(self, "state_"):
                module.load_state_dict(
                    {name: torch.tensor(value) for name, value in self.state_.items()}
                )
            self._module = module
        return module.to(inputs.device)

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """Return what the module says of validated rows, (n_samples, n_outputs_)."""
        dtype = getattr(torch, self.dtype_)
        device = resolve_device(self.device, dtype, fitted=True)
        inputs = self._make_inputs(X, fitting=False).to(dtype, device)
        module = self._built_module(inputs)
        size = max(CHUNK_VALUES // inputs.n_features, 1)
        with suitable_threads(n_weights(module) * size), torch.inference_mode():
            parts = [
                module(**inputs.take(slice(start, start + size))).cpu()
                for start in range(0, len(inputs), size)
            ]
        return torch.cat(parts).double().numpy()

    def _forget(self, *names: str) -> None:
        for name in names:
            self.__dict__.pop(name, None)

    def _needs_groups(self) -> bool:
        """Tell whether fitting makes an inner split that groups would change."""
        return self.early_stopping

    def __getstate__(self):
        state = super().__getstate__()
        return {name: state[name] for name in state if name not in NOT_PICKLED}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


def n_weights(module: nn.Module) -> int:
    """Count the weights of a module."""
    return sum(weight.numel() for weight in module.parameters())
