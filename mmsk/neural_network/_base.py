"""What every neural estimator shares: validation, training, state, prediction."""

from abc import abstractmethod
from copy import copy
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from torch import nn

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk._utils._splits import holdout_split
from mmsk._utils._weights import positive_weights
from mmsk.neural_network._hardware import Device
from mmsk.neural_network._inputs import Inputs, MatrixInputs
from mmsk.neural_network._members import Bootstrap
from mmsk.neural_network._net_holder import NOT_PICKLED, NetHolder, Prepared, weights_of
from mmsk.neural_network._optimizers import OPTIMIZERS, Optimizer
from mmsk.neural_network._schedules import SCHEDULES, Schedule
from mmsk.neural_network._scikit_learn_callbacks import (
    CallbackSupportMixin,
    ScikitLearnCallbacks,
    has_callbacks,
)
from mmsk.neural_network._strategy import Strategy
from mmsk.neural_network._target import Target


class BaseNeural(NetHolder, CallbackSupportMixin, BaseEstimator):
    """Private base of the estimators that hold a skorch net.

    A subclass' constructor stores the parameters that are constrained here and
    its own; those of `optimizer`, `schedule`, `n_members` and `callbacks` that it
    leaves out are as the class attributes say, and so are the ``loss`` of the
    classifiers' and of the regressors' base.

    The hooks, in the order in which `fit` calls them:

    - `_check_Xy(X, y, reset=)` validates, and may choose columns;
    - `_usable_rows(X)` says which rows hold something to learn from;
    - `_learn_inputs(X, weights)` learns scales, from all rows that count;
    - `_make_inputs(X, fitting=)` says how X becomes the arguments of a module;
    - `_make_module(inputs, n_outputs, generator)` makes it, once for each member
      of an ensemble. Its parameters are named in `_architecture`.

    `predict` calls `_check_X` and `_make_inputs`; after a pickle `_make_module`,
    too. `_needs_groups()` tells meta-estimators whether groups matter.
    """

    _parameter_constraints: dict = {
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"constant", *SCHEDULES}), Schedule],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "n_members": [Interval(Integral, 1, None, closed="left"), Bootstrap],
        "callbacks": [list, tuple, None],
        "warm_start": ["boolean"],
        "device": [str, Device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}
    __metadata_request__partial_fit = {"sample_weight": True}

    optimizer: Any = "adamw"
    schedule: Any = "constant"
    n_members: Any = 1
    callbacks: Any = None

    _architecture: tuple[str, ...] = ()
    """Parameters that `_make_module` reads or a training that goes on must keep."""

    def _learn_inputs(self, X: Any, weights: NDArray[np.float64] | None) -> None:
        """Learn what wrapping needs from the training rows that count.

        Rows held out for early stopping are among them, as they were when the
        features were learned: a component of one author's words hardly varies in
        the rows of the others, and scaled by these it would drown the held-out loss.
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
    def _encode_target(self, y: NDArray, *, resume: bool, classes: Any) -> NDArray:
        """Return y as numbers; unless resuming, learn how."""

    @abstractmethod
    def _prepare_target(
        self,
        values: NDArray,
        weights: NDArray | None,
        *,
        seen: NDArray[np.bool_] | slice,
        resume: bool,
    ) -> Target:
        """Return what is learned; unless resuming, its scale from the seen rows."""

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
        prepared = self._prepare(X, y, sample_weight, groups, resume=resume)
        watching = []
        if has_callbacks(self):
            metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
            data = {"X": X, "y": y, "metadata": metadata or None}
            watching.append(
                ScikitLearnCallbacks(self, data, self.max_epochs, self._so_far)
            )
        return self._train(prepared, epochs=self.max_epochs, watching=watching)

    def _so_far(self, net: Any) -> dict[str, Any]:
        """Return attributes as if the training had stopped now."""
        return {
            "state_": weights_of(net.module_),
            "history_": list(self.history_),
            "n_iter_": len(self.history_),
        }

    def _fit_one_epoch(self, X, y, sample_weight, classes=None) -> Self:
        """Do what ``partial_fit`` says."""
        if self.early_stopping:
            raise ValueError(
                "partial_fit trains one epoch and cannot stop early. Set "
                "early_stopping=False, or use fit."
            )
        if self.schedule != "constant":
            raise ValueError(
                "partial_fit trains one epoch and knows no end that a schedule could "
                f"aim at, got schedule={self.schedule!r}. Set schedule='constant' and "
                "lr= between the calls, or use fit."
            )
        prepared = self._prepare(
            X, y, sample_weight, None, resume=hasattr(self, "state_"), classes=classes
        )
        return self._train(prepared, epochs=1, keep_net=True)

    def _prepare(
        self, X, y, sample_weight, groups, *, resume, classes=None
    ) -> Prepared:
        """Validate; keep the rows that count; unless resuming, forget all before."""
        for value in self.get_params(deep=False).values():
            if isinstance(value, Strategy):
                value.validate()
        X, y = self._check_Xy(X, y, reset=not resume)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=3)
        rows, weights = positive_weights(sample_weight, X)
        if groups is not None:
            check_consistent_length(X, groups)
            groups = column_or_1d(groups)[rows]
        if not isinstance(rows, slice):
            X, y = X[rows], y[rows]
        values = self._encode_target(y, resume=resume, classes=classes)
        usable = self._usable_rows(X)
        if usable is not None and usable.all():
            usable = None
        held_out, seen = None, slice(None)
        if self.early_stopping:
            counted = slice(None) if usable is None else np.flatnonzero(usable)
            held_out = holdout_split(
                values[counted],
                fraction=self.validation_fraction,
                groups=None if groups is None else groups[counted],
                classifier=values.ndim == 1,
                random_state=int(seeds[2]),
            )
            seen = np.ones(len(values), dtype=bool)
            seen[np.arange(len(values))[counted][held_out[1]]] = False
        target = self._prepare_target(values, weights, seen=seen, resume=resume)
        if usable is not None:
            X, target = X[usable], target.part(usable)
            weights = None if weights is None else weights[usable]
        names = (*self._architecture, "n_members")
        # copied: they can be changed in place
        architecture = {name: _kept(getattr(self, name)) for name in names}
        if resume:
            self._refuse_change(architecture)
        else:
            self._forget("state_", *NOT_PICKLED)
            self.dtype_ = X.dtype.name
            self.n_outputs_ = target.n_outputs
            self.history_ = []
            self._built_with = architecture
            self._learn_inputs(X, weights)
        inputs = self._make_inputs(X, fitting=True)
        return Prepared(inputs, target, held_out, tuple(map(int, seeds)))

    def _refuse_change(self, architecture: dict[str, Any]) -> None:
        changed = [
            name
            for name, value in architecture.items()
            if not _same(value, self._built_with[name])
        ]
        if changed:
            raise ValueError(
                f"{changed} changed since the first fit, so training cannot go on with "
                "its weights. Set them back, or fit with warm_start=False."
            )

    def _needs_groups(self) -> bool:
        """Tell whether fitting makes an inner split that groups would change."""
        return self.early_stopping

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


def _kept(value: Any) -> Any:
    return copy(value) if isinstance(value, Strategy | list | dict) else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)
