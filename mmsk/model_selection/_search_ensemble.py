"""SearchEnsembleClassifier and SearchEnsembleRegressor."""

from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.utils import get_tags, indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from mmsk._utils._param_validation import NamedSteps, check_sample_weight, fit_context
from mmsk._utils._targets import check_known
from mmsk.compose._fit_params import fit_params
from mmsk.compose._hand_down import is_estimator
from mmsk.compose._multimodal_base import BaseMultimodal
from mmsk.compose._shared_matrices import SharedMatrices, SharedRows, sharing
from mmsk.ensemble._answers import Classes, Numbers, Target


class BaseSearchEnsemble(MetaEstimatorMixin, NamedSteps):
    """Private base: a weighted mean of what estimators say of the same table."""

    _parameter_constraints: dict = {
        "estimators": [list],
        "weights": ["array-like", None],
    }
    __metadata_request__fit = {"sample_weight": True}

    def __init__(self, estimators, *, weights=None) -> None:
        self.estimators = estimators
        self.weights = weights

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, those of `estimators` as ``name__parameter``."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params) -> Self:
        """Set parameters, those of `estimators` as ``name__parameter``."""
        self._set_params("estimators", **params)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None) -> Self:
        """Fit each estimator on all rows, in place of models that there may be.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            As the estimators take it.
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for numbers
        sample_weight : array-like of shape (n_samples,), default=None
            Given to every estimator.

        Returns
        -------
        self : estimator
        """
        self._check_estimators()
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        check_known(y)
        if is_classifier(self):
            check_classification_targets(y)
        X, y, sample_weight = indexable(X, y, sample_weight)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X)
        models = []
        for _, estimator in self.estimators:
            params = fit_params(estimator, sample_weight=sample_weight, groups=None)
            models.append([clone(estimator).fit(X, y, **params)])
        return self._with_models(models, self._learn(y, sample_weight))

    def _check_estimators(self) -> None:
        pairs = self.estimators
        if not pairs or not all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and isinstance(pair[0], str)
            and is_estimator(pair[1])
            for pair in pairs
        ):
            raise ValueError(
                f"estimators must be a list, not empty, of (name, estimator), got "
                f"{pairs!r}."
            )
        kind = "classifier" if is_classifier(self) else "regressor"
        for name, each in pairs:
            if not (is_classifier if is_classifier(self) else is_regressor)(each):
                raise TypeError(f"estimators: {name!r} must be a {kind}, got {each!r}.")

    def _checked_weights(self) -> NDArray[np.float64]:
        n_members = len(self.estimators)
        if self.weights is None:
            return np.full(n_members, 1 / n_members)
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (n_members,) or (weights < 0).any() or not weights.any():
            raise ValueError(
                f"weights must be {n_members} numbers, none negative and not all 0, "
                f"got {self.weights!r}."
            )
        return weights / weights.sum()

    def _with_models(self, models: list[list], target: Target) -> Self:
        """Take fitted models, some for each estimator."""
        self.weights_ = self._checked_weights()
        self.estimators_ = models
        self._target = target
        first = models[0][0]
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, name):
                setattr(self, name, getattr(first, name))
        return self

    def _mean(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        total, shared = 0.0, _SharedFeatures(chain(*self.estimators_), X)
        for weight, models in zip(self.weights_, self.estimators_, strict=True):
            for model in models:
                with shared.of(model):
                    said = answers_of(self._target, model, X)
                total = total + weight / len(models) * said
        return total

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inside = [
            get_tags(pair[1]).input_tags
            for pair in self.estimators
            if isinstance(pair, list | tuple) and is_estimator(pair[-1])
        ]
        for name in ("sparse", "allow_nan", "string"):
            setattr(tags.input_tags, name, all(getattr(t, name) for t in inside))
        return tags


class SearchEnsembleClassifier(ClassifierMixin, BaseSearchEnsemble):
    """Average the probabilities of classifiers that read the same table.

    ``FusionSearchCV.ensemble`` makes it, with several fitted models for each
    classifier, one a fold, whose answers are averaged first. To fit it, as
    ``clone(ensemble).fit(X, y)``, is to fit each classifier once, on all rows.

    Parameters
    ----------
    estimators : list of (str, classifier)
        Names and classifiers, reached as ``name__parameter``. One without
        probabilities is sure of what it predicts.
    weights : array-like of shape (n_estimators,), default=None
        Not negative; they are divided by their sum. ``None``: all alike.

    Attributes
    ----------
    estimators_ : list of list of classifier
        The fitted models of each classifier.
    weights_ : ndarray of shape (n_estimators,)
        The weights, sum 1.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of columns of X, where the estimators count them.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If `estimators` is no list of pairs, or the weights don't fit.
    TypeError
        If one of them is no classifier.

    See Also
    --------
    FusionSearchCV : Its `ensemble` chooses the weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from mmsk.model_selection import SearchEnsembleClassifier
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["a", "a", "b", "b"]
    >>> members = [("linear", LogisticRegression()), ("bayes", GaussianNB())]
    >>> SearchEnsembleClassifier(members, weights=[2, 1]).fit(X, y).predict([[2.5]])
    array(['b'], dtype='<U1')
    """

    def _learn(self, y: Any, weights: Any) -> Target:
        return Classes(column_or_1d(y, warn=True), weights)

    @property
    def classes_(self):
        """The classes."""
        return self._target.classes

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
        """
        return self._mean(X)

    def predict(self, X):
        """Predict the most probable classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        best = self._mean(X).argmax(axis=1)
        return self._target.classes[best]


class SearchEnsembleRegressor(RegressorMixin, BaseSearchEnsemble):
    """Average the predictions of regressors that read the same table.

    The twin of SearchEnsembleClassifier.

    Parameters
    ----------
    estimators : list of (str, regressor)
        Names and regressors, reached as ``name__parameter``.
    weights : array-like of shape (n_estimators,), default=None
        Not negative; they are divided by their sum. ``None``: all alike.

    Attributes
    ----------
    estimators_ : list of list of regressor
        The fitted models of each regressor.
    weights_ : ndarray of shape (n_estimators,)
        The weights, sum 1.
    n_features_in_ : int
        Number of columns of X, where the estimators count them.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If `estimators` is no list of pairs, or the weights don't fit.
    TypeError
        If one of them is no regressor.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> from mmsk.model_selection import SearchEnsembleRegressor
    >>> median = DummyRegressor(strategy="median")
    >>> members = [("mean", DummyRegressor()), ("median", median)]
    >>> ensemble = SearchEnsembleRegressor(members, weights=[3, 1])
    >>> ensemble.fit([[0], [1], [2]], [0.0, 0.0, 6.0]).predict([[5]])
    array([1.5])
    """

    def _learn(self, y: Any, weights: Any) -> Target:
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return Numbers(y.astype(np.float64), weights)

    def predict(self, X):
        """Predict the target of new rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        mean = self._mean(X)
        return mean[:, 0] if mean.shape[1] == 1 else mean


class _SharedFeatures:
    """Make the features that several models have, as those of a fold, once.

    Parameters
    ----------
    models : iterable of estimator
    X : table
    """

    def __init__(self, models: Iterable[Any], X: Any) -> None:
        self._matrices, self._table = SharedMatrices(), X
        self._counts = Counter(map(_features_id, models))

    def of(self, model: Any) -> AbstractContextManager:
        """Return the context in which a model is asked about the table."""
        features = _features_id(model)
        if features is None or self._counts[features] == 1:
            return nullcontext()
        rows = SharedRows(self._matrices, str(features).encode())
        rows.ask(self._table, b"")
        return sharing(model, rows)


def _features_id(model: Any) -> int | None:
    return id(model.features_) if isinstance(model, BaseMultimodal) else None


def answers_of(target: Target, model: Any, X: Any) -> NDArray[np.float64]:
    """Return probabilities, certain ones where a classifier has none, or numbers.

    Parameters
    ----------
    target : Target
    model : fitted estimator
    X : table of n_samples rows

    Returns
    -------
    answers : ndarray of shape (n_samples, n_outputs)
    """
    if not isinstance(target, Classes):
        return np.asarray(model.predict(X), dtype=np.float64).reshape(
            -1, len(target.prior)
        )
    if hasattr(model, "predict_proba"):
        return target.answer(model, "predict_proba", X)
    codes = np.searchsorted(target.classes, model.predict(X))
    return np.eye(len(target.classes))[codes]
