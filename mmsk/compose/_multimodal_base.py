"""What the multimodal classifier and regressor share: features, then an estimator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._frames import column_names, take_columns
from mmsk._utils._groups import check_groups
from mmsk._utils._labels import Labels
from mmsk._utils._missing import is_missing
from mmsk._utils._param_validation import HasMethods, fit_context, safe_indexing
from mmsk._utils._targets import check_known
from mmsk._utils._weights import positive_weights
from mmsk.compose._columns import as_table, by_position, names_column
from mmsk.compose._fit_params import as_repeats, fit_params
from mmsk.compose._hand_down import hand_down, register_block_rule
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.compose._leakage import warn_if_leaking
from mmsk.compose._modality_transformer import ModalityTransformer
from mmsk.compose._shared_matrices import shared_rows
from mmsk.compose._told_task import tell_task
from mmsk.exceptions import MediaError


class BaseMultimodal(MetaEstimatorMixin, BaseEstimator):
    """Featurise once, then fit an estimator that knows the blocks."""

    _parameter_constraints: dict = {
        "features": [HasMethods(["fit", "transform"])],
        "estimator": [HasMethods(["fit"])],
        "groups": [str, None],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(self, features, estimator, *, groups: str | None = None) -> None:
        self.features = features
        self.estimator = estimator
        self.groups = groups

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the features, then the estimator on their matrix.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            pandas or polars; with the column `groups`, if that is set.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out altogether.
        groups : array-like of shape (n_samples,), default=None
            Which rows belong together, in place of the column that the parameter
            `groups` names. Searches and cross-validation hand these on with
            metadata routing only; a column they always do.

        Returns
        -------
        self : estimator
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        self._check_kinds()
        # before pictures are decoded in vain
        check_consistent_length(X, y)
        check_known(y)
        if is_classifier(self):
            check_classification_targets(y)
        warn_if_leaking(self.features, self.estimator)
        if groups is not None:
            groups = self._given_groups(X, groups)
        self._columns_in_fit = column_names(X)
        X, named = self._without_groups(X, fitting=True)
        groups = named if groups is None else groups
        if groups is not None:
            warn_if_ungrouped(self.estimator)
        kept, labels = slice(None), Labels.of(X, ())
        if sample_weight is not None:
            kept, sample_weight = positive_weights(sample_weight, X)
            if not isinstance(kept, slice):
                X, y = safe_indexing(X, kept), safe_indexing(y, kept)
                groups = None if groups is None else groups[kept]
        try:
            matrix = self._features_of(X, y, sample_weight, groups)
        except MediaError as error:
            if isinstance(kept, slice) or error.row is None:
                raise
            row = int(kept[error.row])  # of the table that was given
            place = {"row": row, "column": error.column, "index": labels.index_of(row)}
            raise error.at(**place) from error.__cause__
        check_consistent_length(matrix, y)
        self.estimator_ = hand_down(clone(self.estimator), self._blocks)
        tell_task(self.estimator_, self)
        rows, sample_weight = as_repeats(self.estimator_, sample_weight)
        if not isinstance(rows, slice):
            matrix, y = matrix[rows], safe_indexing(y, rows)
            groups = None if groups is None else groups[rows]
        params = fit_params(self.estimator_, sample_weight=sample_weight, groups=groups)
        with _told_of_sparse(matrix, self._blocks):
            self.estimator_.fit(matrix, y, **params)
        return self

    def _features_of(self, *data: Any) -> Any:
        shared = shared_rows(self)
        if shared is None:
            return self._fit_features(*data)
        matrix, self.features_ = shared.fitted(
            lambda: (self._fit_features(*data), self.features_)
        )
        return matrix

    def _fit_features(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Any:
        if isinstance(self.features, FrozenEstimator):
            self.features_ = self.features
            check_is_fitted(self.features_)
            return self._matrix(X)
        # arrays, whatever transform_output is set globally
        self.features_ = clone(self.features).set_output(transform="default")
        tell_task(self.features_, self)
        return self.features_.fit_transform(
            X, y, sample_weight=sample_weight, groups=groups
        )

    def _matrix(self, X: Any) -> Any:
        with config_context(transform_output="default"):  # frozen features heed it
            matrix = self.features_.transform(X)
        return matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix

    @property
    def _blocks(self):
        return self.features_.blocks_

    @property
    def _transformer(self) -> Any:
        """What was given as features, without a FrozenEstimator around it."""
        return getattr(self.features, "estimator", self.features)

    def _check_kinds(self) -> None:
        if not isinstance(self._transformer, ModalityTransformer):
            raise TypeError(
                "features must be a ModalityTransformer, or a FrozenEstimator around "
                f"a fitted one, got {type(self.features).__name__}."
            )
        name = type(self).__name__
        if is_classifier(self) and not is_classifier(self.estimator):
            raise TypeError(f"{name} needs a classifier, got {self.estimator!r}.")
        if is_regressor(self) and not is_regressor(self.estimator):
            raise TypeError(
                f"{name} needs a regressor, got {self.estimator!r}. (A grid of them is "
                'written by fusion_grid with task="regression".)'
            )

    def _counts_columns(self) -> bool:
        """Tell whether a column that is taken out moves those of the branches."""
        if isinstance(self.features, FrozenEstimator):
            return False  # it compares the names itself
        return any(by_position(columns) for *_, columns in self.features.transformers)

    def _check_groups_are_no_feature(self) -> None:
        self._transformer._check_names()
        for name, transformer, columns in self._transformer.transformers:
            if transformer != "drop" and names_column(columns, self.groups):
                raise ValueError(
                    f"Branch {name!r} names the column {self.groups!r}, which is the "
                    "column of groups and no feature. Take it out of the branch, or "
                    "let the branch read a copy of it under another name."
                )

    def _given_groups(self, X: Any, groups: Any) -> np.ndarray:
        if isinstance(groups, str):
            raise TypeError(
                f"fit takes the groups themselves, one for each row, got {groups!r}. A "
                f"column of X is named beforehand: {type(self).__name__}(..., "
                f"groups={groups!r})."
            )
        groups = check_groups(groups)
        check_consistent_length(X, groups)
        return groups

    def _without_groups(self, X: Any, *, fitting: bool) -> tuple[Any, Any]:
        if self.groups is None:
            return X, None
        names = column_names(X)
        if names is None and not fitting:
            return self._without_groups_at(X), None
        if names is None:
            raise ValueError(
                f"groups={self.groups!r} names a column, but X is an array without "
                "names. Pass a DataFrame."
            )
        if self.groups not in names:
            if fitting:
                raise ValueError(
                    f"groups={self.groups!r} is not a column of X; it has {names}."
                )
            return X, None
        if fitting:
            self._check_groups_are_no_feature()
        if fitting and names[-1] != self.groups and self._counts_columns():
            raise ValueError(
                f"Branches count columns, and the column {self.groups!r} (groups), "
                "which is not one of the features, stands before others. Name the "
                "columns of the branches, or move it behind them."
            )
        groups = np.asarray(X[self.groups])
        missing = np.array([is_missing(cell) for cell in groups])
        if fitting and missing.any():
            raise ValueError(
                f"Column {self.groups!r} (groups) is missing in row "
                f"{int(np.flatnonzero(missing)[0])}. Give every row a group."
            )
        return take_columns(X, [n for n in names if n != self.groups]), groups

    def _without_groups_at(self, X: Any) -> Any:
        """Take the groups out of an array that has all columns of the frame of fit.

        Some of scikit-learn's tools, such as permutation_importance of a polars frame,
        make one of it. The features say what they expect of any other.
        """
        X = as_table(X)
        names = self._columns_in_fit
        kept = [name for name in names if name != self.groups]
        expected = list(getattr(self.features_, "feature_names_in_", kept))
        if X.shape[1] != len(names) or kept != expected:
            return X
        return take_columns(X, [names.index(name) for name in kept])

    def _matrix_of(self, X: Any) -> Any:
        X, _ = self._without_groups(X, fitting=False)
        return self._matrix(X)

    def _call(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        shared = shared_rows(self)
        if shared is None:
            matrix = self._matrix_of(X)
        else:
            matrix = shared.matrix(X, lambda: self._matrix_of(X))
        said = getattr(self.estimator_, method)(matrix)
        if isinstance(said, list):  # an array an output
            return [_in_float64(each, method) for each in said]
        return _in_float64(said, method)

    def predict(self, X):
        """Predict the target of new rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The column `groups` is not needed. An array has the columns of fit, with or
            without that one.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Numbers are float64.
        """
        return self._call("predict", X)

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the table, `groups` not counted."""
        return self.features_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of these columns."""
        return self.features_.feature_names_in_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = get_tags(self.features).input_tags
        tags.target_tags = inner.target_tags
        tags.non_deterministic = inner.non_deterministic
        if inner.classifier_tags is not None:
            tags.classifier_tags = inner.classifier_tags
        if inner.regressor_tags is not None:
            tags.regressor_tags = inner.regressor_tags
        return tags


@contextmanager
def _told_of_sparse(matrix: Any, blocks: Blocks) -> Iterator[None]:
    """Say how the matrix becomes dense to whom scikit-learn advises ``.toarray()``."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if not sp.issparse(matrix) or "toarray()" not in str(error):
            raise
        names = [block.name for block in blocks if block.sparse]
        raise TypeError(
            "The estimator, or one inside it, takes no sparse matrix, which the blocks "
            f"{names} make of the features. Pass sparse_output=False to "
            "ModalityTransformer, set_params(features__sparse_output=False); where the "
            "matrix is large, reduce these blocks too, as by "
            f"TfidfExtractor(n_components=...). It said: {error}"
        ) from error


def _in_float64(said: np.ndarray, method: str) -> np.ndarray:
    """Return answers as float64: scikit-learn answers a float32 matrix in float32."""
    if said.dtype != np.float32:
        return said
    said = said.astype(np.float64)
    if method == "predict_proba" and said.ndim == 2:
        total = said.sum(axis=1, keepdims=True)
        if np.allclose(total, 1, rtol=0, atol=1e-5):  # not of several labels a row
            said /= total  # as far as float64 can tell, as log_loss wants it
    return said


def _leave(estimator: Any, view: Any, path: str) -> None:
    """Leave it alone: it makes its own blocks from its own features."""


register_block_rule(BaseMultimodal, _leave)
