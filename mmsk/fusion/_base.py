"""What the fusion estimators share: layout, absent rows, the prior."""

import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    is_regressor,
)
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from mmsk._utils._blocks import Blocks
from mmsk._utils._targets import refuse_strings
from mmsk._utils._weights import positive_weights
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning


class BlockReader:
    """Private mixin: finds the blocks of X and cuts out the chosen modalities.

    The constructor of the estimator stores ``modalities`` and ``blocks``.
    """

    modalities: list[str] | None
    blocks: Blocks | None

    def _learn_blocks(self, X: Any) -> None:
        """Learn the layout of a validated X, and which of its modalities to use."""
        self.blocks_ = self.blocks
        if self.blocks_ is None:
            names = getattr(self, "feature_names_in_", [""] * X.shape[1])
            self.blocks_ = Blocks.from_feature_names(names)
        chosen = self.blocks_.select(self._modality_names())
        self.modalities_ = list(chosen.names)

    def _warn_if_single(self) -> None:
        if len(self.blocks_) == 1:
            warnings.warn(
                f"{type(self).__name__} was given one block "
                f"({self.blocks_.names[0]!r}), so there is nothing to fuse. It finds "
                "several inside MultimodalClassifier or MultimodalRegressor with two "
                "branches, on a frame with columns like 'text__cat', or by blocks=.",
                SingleBlockWarning,
                stacklevel=4,
            )

    def _warn_if_unseen(self, present: NDArray[np.bool_]) -> None:
        """Warn of modalities that no training sample has."""
        some = present.any(axis=0)
        own = zip(self._own_blocks, some, strict=True)
        unseen = [block.name for block, seen in own if not seen and not block.unseen]
        if unseen and some.any():
            warnings.warn(
                f"No training sample has the modalities {unseen}. If they are "
                "there, a step before this estimator scaled their presence columns: "
                "use BlockScaler instead.",
                MissingModalityWarning,
                stacklevel=4,
            )

    def _chosen(self, X: Any) -> Any:
        """Return the columns of the chosen modalities, in the order of the blocks."""
        self.blocks_.check(X)
        return self.blocks_.select(self.modalities_).take(X)

    @property
    def _own_blocks(self) -> Blocks:
        """Layout of the chosen columns."""
        return self.blocks_.select(self.modalities_).packed()

    def _modality_names(self) -> list[str] | None:
        """Return what the parameters say, in fit."""
        return self.modalities


class BaseFusion(BlockReader, BaseEstimator):
    """Private base of the fusion estimators that fit other estimators."""

    def _check_X(self, X: Any, y: Any = None, *, reset: bool) -> Any:
        """Validate X (and y); return the columns of the chosen modalities."""
        checks = {
            "accept_sparse": "csr",
            "dtype": [np.float64, np.float32],
            "ensure_all_finite": "allow-nan" if self._allows_nan() else True,
        }
        if not reset:
            return self._chosen(validate_data(self, X, reset=False, **checks))
        numbers = is_regressor(self)
        X, y = validate_data(self, X, y, **checks, multi_output=True, y_numeric=numbers)
        self._learn_blocks(X)
        return self._chosen(X), y

    def _start(self, X: Any, y: Any, sample_weight: Any, groups: Any):
        """Validate what fit was given; learn the answer for rows without anything.

        Returns
        -------
        X, y, weights, groups : arrays
            The rows that count: positive weight, at least one modality.
        kept : int ndarray
            Their positions among the given rows.
        """
        X, y = self._check_X(X, y, reset=True)
        y = self._check_y(y)
        rows, weights = positive_weights(sample_weight, X)
        kept = np.arange(X.shape[0])[rows]
        groups = None if groups is None else np.asarray(groups)
        if groups is not None:
            check_consistent_length(X, groups)
        self._learn_prior(y[kept], weights)
        present = self._own_blocks.present(X, kept)
        some = present.any(axis=1)
        self._warn_if_unseen(present)
        if not some.any():
            raise ValueError(
                f"No sample has any of the modalities {list(self._own_blocks.names)}."
            )
        kept = kept[some]
        weights = None if weights is None else weights[some]
        groups = None if groups is None else groups[kept]
        if len(kept) < X.shape[0]:
            X, y = X[kept], y[kept]
        return X, y, weights, groups, kept

    @abstractmethod
    def _check_y(self, y: NDArray) -> NDArray:
        """Refuse a target of another kind."""

    @abstractmethod
    def _learn_prior(self, y: NDArray, weights: NDArray[np.float64] | None) -> None:
        """Learn what to say of a row without any modality."""

    def _allows_nan(self) -> bool:
        return False

    def _needs_groups(self) -> bool:
        return False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._allows_nan()
        return tags


class BaseFusionClassifier(ClassifierMixin, BaseFusion):
    """Private base of the classifiers among them."""

    def _check_y(self, y):
        check_classification_targets(y)
        shape = np.shape(y)
        if len(shape) == 2 and shape[1] > 1:
            others = ""
            if type_of_target(y) == "multilabel-indicator":
                others = ", or take IntermediateFusionClassifier"
            raise ValueError(
                f"y should be a 1d array, got an array of shape {shape}. For several "
                f"targets a row put {type(self).__name__} into "
                f"sklearn.multioutput.MultiOutputClassifier{others}."
            )
        return column_or_1d(y, warn=True)

    def _learn_prior(self, y, weights) -> None:
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes, weights=weights, minlength=len(self.classes_))
        self.class_prior_ = counts / counts.sum()


class BaseFusionRegressor(RegressorMixin, BaseFusion):
    """Private base of the regressors among them: one target, or several."""

    def _check_y(self, y):
        y = np.asarray(y)
        refuse_strings(y)
        if y.ndim == 2 and y.shape[1] == 1 and not self._takes_targets():
            return column_or_1d(y, warn=True)
        return y

    def _learn_prior(self, y, weights) -> None:
        self.y_mean_ = np.average(y, axis=0, weights=weights)
        if y.ndim == 1:
            self.y_mean_ = float(self.y_mean_)

    @abstractmethod
    def _takes_targets(self) -> bool:
        """Tell whether the estimators inside predict several targets."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._takes_targets()
        return tags


def rows_with_a_modality(
    blocks: Blocks, X: Any, answer: str = "prior"
) -> NDArray[np.bool_]:
    """Tell which samples have a modality at all; warn if some have none.

    Parameters
    ----------
    blocks : Blocks
        Layout of X.
    X : array of shape (n_samples, n_features)
    answer : str, default="prior"
        What the warning says that such samples get.
    """
    some = blocks.present(X).any(axis=1)
    if not some.all():
        rows = np.flatnonzero(~some)
        warnings.warn(
            f"{len(rows)} of {len(some)} samples have none of the modalities "
            f"{list(blocks.names)} (rows {rows[:5].tolist()}"
            f"{', ...' if len(rows) > 5 else ''}): they get the {answer}.",
            MissingModalityWarning,
            stacklevel=4,
        )
    return some


def with_prior(
    blocks: Blocks,
    X: Any,
    prior: NDArray[np.float64] | float,
    predict: Callable[[Any], NDArray[np.float64]],
    answer: str = "prior",
) -> NDArray[np.float64]:
    """Predict; rows without any modality get the prior.

    Parameters
    ----------
    blocks : Blocks
        Layout of X.
    X : array of shape (n_samples, n_features)
    prior : float, or ndarray of shape (n_outputs,)
        The shares of the classes, or the means of the targets.
    predict : callable
        Takes rows that have a modality, returns one answer of the prior's shape
        for each.
    answer : str, default="prior"
        What the warning calls the prior.
    """
    some = rows_with_a_modality(blocks, X, answer)
    if some.all():
        return predict(X)
    said = np.repeat(np.asarray(prior, dtype=np.float64)[None], X.shape[0], axis=0)
    if some.any():
        said[some] = predict(X[some])
    return said


def spread(
    proba: NDArray[np.float64], known: NDArray, classes: NDArray
) -> NDArray[np.float64]:
    """Place the columns of some classes among all classes, 0 elsewhere.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_known)
    known : ndarray of shape (n_known,)
        Sorted classes of the columns.
    classes : ndarray of shape (n_classes,)
        Sorted classes of the result.
    """
    if len(known) == len(classes):
        return proba
    full = np.zeros((len(proba), len(classes)))
    full[:, np.searchsorted(classes, known)] = proba
    return full
