"""Scores of predictions that are there already, by a scorer's name or a loss."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from mmsk._utils._targets import mean_and_scale

EPSILON = np.finfo(np.float64).eps


def score_of(
    metric: Any, y: NDArray, weights: NDArray | None, classes: NDArray | None
) -> Callable[[NDArray[np.float64]], float]:
    """Return a function that scores predictions; greater is better.

    Parameters
    ----------
    metric : str, scorer, callable or None
        A scorer or its name; or a loss ``metric(y, predictions)``, which is given
        ``sample_weight=`` where there are weights. ``None`` is the log-loss, or
        the squared error in which several targets count alike.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    weights : ndarray of shape (n_samples,) or None
    classes : ndarray of shape (n_classes,) or None
        Sorted; ``None`` for numbers.

    Returns
    -------
    score : callable
        Takes probabilities of shape (n_samples, n_classes), or numbers of shape
        (n_samples, n_targets).
    """
    if metric is None:
        if classes is None:
            return _SquaredError(y, weights)
        return _LogLoss(np.searchsorted(classes, y), weights)
    weighted = {} if weights is None else {"sample_weight": weights}
    if isinstance(metric, str):
        metric = get_scorer(metric)
    if hasattr(metric, "set_score_request"):  # what make_scorer returns
        said = _SaidNumbers() if classes is None else _SaidClasses(classes)
        return lambda predictions: metric(said, predictions, y, **weighted)
    if classes is None and y.ndim == 1:
        return lambda predictions: -metric(y, predictions[:, 0], **weighted)
    return lambda predictions: -metric(y, predictions, **weighted)


class _LogLoss:
    def __init__(self, codes: NDArray, weights: NDArray | None) -> None:
        self.cells = np.arange(len(codes)), codes
        self.weights = weights

    def __call__(self, proba: NDArray) -> float:
        # scikit-learn's limit: one wrong certainty costs 36
        of_true = np.log(np.clip(proba[self.cells], EPSILON, 1 - EPSILON))
        return float(np.average(of_true, weights=self.weights))


class _SquaredError:
    def __init__(self, y: NDArray, weights: NDArray | None) -> None:
        self.y = y.reshape(len(y), -1)
        self.scale = mean_and_scale(self.y, weights)[1]
        self.weights = weights

    def __call__(self, predictions: NDArray) -> float:
        error = ((predictions - self.y) / self.scale) ** 2
        return -float(np.average(error.mean(axis=1), weights=self.weights))


class _SaidClasses(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose X are its probabilities: what a scorer asks."""

    def __init__(self, classes: NDArray) -> None:
        self.classes = classes
        self.classes_ = classes

    def fit(self, X, y=None):
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes[X.argmax(axis=1)]


class _SaidNumbers(RegressorMixin, BaseEstimator):
    """A fitted regressor whose X are its predictions."""

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return X[:, 0] if X.shape[1] == 1 else X
