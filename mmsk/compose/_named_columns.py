"""Pipelines by column name inside ensembles that make arrays of tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from mmsk._utils._frames import is_frame
from mmsk._utils._param_validation import (
    HasMethods,
    check_feature_names,
    check_n_features,
    fit_context,
    num_samples,
    safe_indexing,
)
from mmsk._utils._weights import positive_weights
from mmsk.compose._columns import as_table
from mmsk.compose._delegation import estimator_has
from mmsk.compose._fit_params import as_repeats, fit_params
from mmsk.compose._packed_rows import unpack_rows


class NamedColumns(MetaEstimatorMixin, BaseEstimator):
    """Give an estimator the table back that an ensemble made an array of.

    The rule is to featurise once and to ensemble on the matrix:
    ``MultimodalClassifier(features, BaggingClassifier(...))``. This is for the
    other way round, where each member of scikit-learn's Bagging or AdaBoost is
    to have features of its own: these ensembles hand their members an object
    array without column names, AdaBoost wants ``sample_weight`` in the signature
    of ``fit``, which a Pipeline lacks, and refuses cells that are missing, arrays
    or pictures. There are two ways through them:

    - *Pack the rows* with `pack_rows` in front of the ensemble: every row is one
      opaque object, and the estimator is given the very rows of the table,
      pandas or polars, with all kinds of cells and columns.
    - *Name the columns* of the array: ``columns=list(X.columns)``. Each column is
      then a number, string, boolean or date column if all its cells are. Nothing
      may draw or reorder the columns (``max_features``, ``bootstrap_features``).

    It is a classifier or a regressor as its estimator is. What wants a matrix of
    numbers (OneVsOneClassifier, SelfTrainingClassifier, RFE, StackingClassifier
    with ``passthrough``) can only stand behind the features.

    Parameters
    ----------
    estimator : classifier or regressor
        A Pipeline, a MultimodalClassifier, ... that reads columns by name.
    columns : array-like of str of shape (n_columns,), default=None
        Names for the columns of an array. ``None``: those of the table that fit
        was given, packed or not; an array stays an array where there are none.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        The classes, for a classifier.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if they have any.

    Raises
    ------
    ValueError
        If the number of columns is not that of the names, or weights are given
        that the estimator would not use.
    ImportError
        If columns are to be named and neither pandas nor polars is installed.

    See Also
    --------
    pack_rows : Makes the rows opaque.
    MultimodalClassifier : Featurises once; ensembles go inside.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.ensemble import AdaBoostClassifier
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from mmsk.compose import NamedColumns, pack_rows
    >>> X = pd.DataFrame({"title": ["a car", "a cat"] * 4, "price": [3.0, None] * 4})
    >>> y = ["car", "cat"] * 4
    >>> by_name = make_pipeline(
    ...     ColumnTransformer([
    ...         ("text", TfidfVectorizer(), "title"),
    ...         ("table", SimpleImputer(), ["price"]),
    ...     ]),
    ...     LogisticRegression(),
    ... )
    >>> boosted = make_pipeline(
    ...     FunctionTransformer(pack_rows),
    ...     AdaBoostClassifier(NamedColumns(by_name), n_estimators=3),
    ... )
    >>> boosted.fit(X, y).predict(X[:2])
    array(['car', 'cat'], dtype='<U3')
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "columns": ["array-like", None],
    }
    __metadata_request__fit = {"sample_weight": True}

    def __init__(self, estimator, columns: Sequence[str] | None = None) -> None:
        self.estimator = estimator
        self.columns = columns

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None) -> "NamedColumns":
        """Fit the estimator on the table.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out. A Pipeline's last step is given the
            weights, and so is every other step that takes them. An estimator
            that takes none sees rows of whole weight as often as that, so that
            Bagging, which draws rows by weights, works around it.

        Returns
        -------
        self : NamedColumns
        """
        rows, weights = positive_weights(sample_weight, X)
        self.estimator_ = clone(self.estimator)
        repeated, weights = as_repeats(self.estimator_, weights)
        params = fit_params(self.estimator_, sample_weight=weights, groups=None)
        if not isinstance(repeated, slice):
            rows = np.arange(num_samples(X))[rows][repeated]
        if not isinstance(rows, slice):
            check_consistent_length(X, y)
            X, y = safe_indexing(X, rows), safe_indexing(y, rows)
        X = self._named(X, self.columns)
        check_feature_names(self, X, reset=True)
        check_n_features(self, X, reset=True)
        self.estimator_.fit(X, y, **params)
        return self

    def _named(self, X: Any, names: Any) -> Any:
        X = unpack_rows(X)
        return X if names is None or is_frame(X) else name_columns(X, names)

    def _call(self, method: str, X: Any, *args: Any, **params: Any) -> Any:
        check_is_fitted(self)
        X = self._named(X, getattr(self, "feature_names_in_", None))
        return getattr(self.estimator_, method)(X, *args, **params)

    @available_if(estimator_has("predict"))
    def predict(self, X):
        """Predict the target of new rows.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        return self._call("predict", X)

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._call("predict_proba", X)

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._call("predict_log_proba", X)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X):
        """Predict the estimator's decision values.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._call("decision_function", X)

    @available_if(estimator_has("score"))
    def score(self, X, y, sample_weight=None):
        """Return the estimator's own score.

        Parameters
        ----------
        X : DataFrame, packed rows, or array-like of shape (n_samples, n_columns)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            Accuracy of most classifiers, R2 of most regressors.
        """
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self._call("score", X, y, **given)

    @property
    def classes_(self):
        """The classes."""
        return self.estimator_.classes_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


def name_columns(X: Any, names: Sequence[str]) -> Any:
    """Make a frame of an array.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
    names : array-like of str of shape (n_columns,)

    Returns
    -------
    table : DataFrame of shape (n_samples, n_columns)
        Of pandas, or of polars where pandas is not installed.
    """
    X, names = as_table(X), [str(name) for name in names]
    if X.shape[1] != len(names):
        raise ValueError(
            f"X has {X.shape[1]} columns, but NamedColumns has the names of "
            f"{len(names)}: {names}. If an ensemble draws columns (max_features), "
            "give it all of them, or packed rows."
        )
    try:
        from pandas import DataFrame
    except ImportError:
        return _polars_frame(X, names)
    return DataFrame(X, columns=names).infer_objects()


def _polars_frame(X: Any, names: list[str]) -> Any:
    try:
        from polars import DataFrame, Series
    except ImportError:
        raise ImportError(
            "NamedColumns names the columns of an array in a frame, and neither pandas "
            'nor polars is installed. Run `pip install "mmsk[pandas]"`.'
        ) from None
    cells = (column.tolist() for column in X.T)
    named = zip(names, cells, strict=True)
    return DataFrame([Series(name, column, strict=False) for name, column in named])
