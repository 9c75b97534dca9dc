"""What fitted estimators say of samples, as columns of numbers.

The kind of the target decides what these columns are: one class a sample, several
labels a sample, or numbers.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor

from mmsk.fusion._base import spread
from mmsk.fusion._combine import TINY, evidence_of


class Target(ABC):
    """Private base: the classes or the scale of y, and how answers about it look.

    Attributes
    ----------
    prior : ndarray of shape (n_outputs,)
        The answer to a sample of which nothing is known: (weighted) shares of the
        classes or labels, or means.
    """

    prior: NDArray[np.float64]

    def is_constant(self, y: NDArray) -> bool:
        """Tell whether nothing is to be learned from some samples."""
        return bool((y == y[0]).all())

    @abstractmethod
    def answer(self, model: Any, method: str, X: Any) -> NDArray[np.float64]:
        """Return what a fitted estimator says, ``(n_samples, n_columns)``."""

    @abstractmethod
    def neutral(self, method: str, model: Any) -> NDArray[np.float64] | float:
        """Return what stands for an answer about samples it can't see."""

    def of(self, model: Any, y: NDArray) -> NDArray:
        """Return y as an estimator is fitted on it."""
        return y

    def features(
        self, answers: NDArray, present: NDArray, method: str, *, logit: bool
    ) -> NDArray[np.float64]:
        """Return what a final estimator reads of the answers.

        Parameters
        ----------
        answers : ndarray of shape (n_samples, n_columns)
        present : bool ndarray of shape (n_samples,)
        method : str
            The method that gave them.
        logit : bool
            Whether probabilities become log-probabilities less the prior's.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out)
        """
        return answers


class Classes(Target):
    """One class a sample.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    weights : ndarray of shape (n_samples,) or None

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    """

    def __init__(self, y: NDArray, weights: NDArray | None) -> None:
        self.classes, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes, weights=weights, minlength=len(self.classes))
        self.prior = counts / counts.sum()

    @property
    def prior_prediction(self):
        """The most frequent class."""
        return self.classes[self.prior.argmax()]

    @property
    def prior_decision(self):
        """Logarithm of the prior, of its odds with two classes."""
        log_prior = np.log(np.maximum(self.prior, TINY))
        return log_prior[1] - log_prior[0] if len(log_prior) == 2 else log_prior

    def of(self, model, y):
        # a regressor learns the positions of the classes
        return np.searchsorted(self.classes, y) if is_regressor(model) else y

    def check(self, name: str, model: Any) -> None:
        """Refuse a fitted estimator that knows other classes."""
        if is_regressor(model):
            return
        known = np.asarray(getattr(model, "classes_", ())).tolist()
        others = [each for each in known if each not in set(self.classes.tolist())]
        if others:
            raise ValueError(
                f"The fitted estimator {name!r} knows the classes {others}, which y "
                "lacks. Pass samples of every class, or fit it on the classes of y."
            )

    def answer(self, model, method, X):
        if is_regressor(model):
            return _columns(model.predict(X), X)
        if method == "predict_proba":
            if not hasattr(model, method):
                raise TypeError(
                    f"{type(model).__name__} has no predict_proba. Wrap it in "
                    "sklearn.calibration.CalibratedClassifierCV."
                )
            proba = np.asarray(model.predict_proba(X), dtype=np.float64)
            return spread(proba, model.classes_, self.classes)
        if method == "predict":
            return _columns(np.searchsorted(self.classes, model.predict(X)), X)
        return self._decisions(model, X)

    def _decisions(self, model, X):
        """Return decision values; lowest for classes that a fold did not show."""
        known = model.classes_
        if len(known) == 1:  # a constant: it has no decision values
            decisions = np.where(self.classes == known[0], 1.0, -1.0)
            decisions = decisions[1:] if len(decisions) == 2 else decisions
            return np.tile(decisions, (X.shape[0], 1))
        decisions = _columns(model.decision_function(X), X)
        if len(known) == len(self.classes):
            return decisions
        if decisions.shape[1] == 1:
            decisions = np.hstack([-decisions, decisions])
        if decisions.shape[1] != len(known):
            raise ValueError(
                f"{type(model).__name__} decides between pairs of classes, but a fold "
                "lacks a class. Pass decision_function_shape='ovr', fewer folds, or "
                "stack_method='predict_proba'."
            )
        full = np.tile(decisions.min(axis=1), (len(self.classes), 1)).T
        full[:, np.searchsorted(self.classes, known)] = decisions
        return full

    def neutral(self, method, model):
        if is_regressor(model):
            return float(self.prior @ np.arange(len(self.classes)))
        if method == "predict_proba":
            return self.prior
        return float(self.prior.argmax()) if method == "predict" else 0.0

    def features(self, answers, present, method, *, logit):
        if method != "predict_proba":
            return answers
        if logit:
            evidence = evidence_of(answers[None], present[:, None], self.prior)[0]
            two = evidence.shape[1] == 2
            return evidence[:, 1:] - evidence[:, :1] if two else evidence
        return answers[:, 1:] if answers.shape[1] == 2 else answers


class Labels(Target):
    """Several labels a sample, each there (1) or not (0).

    Parameters
    ----------
    y : int ndarray of shape (n_samples, n_labels)
    weights : ndarray of shape (n_samples,) or None
    """

    def __init__(self, y: NDArray, weights: NDArray | None) -> None:
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                "Several labels a sample must be given as 0 and 1, got values "
                f"{np.unique(y)[:5].tolist()}."
            )
        self.prior = np.average(y, axis=0, weights=weights)
        self.classes = [np.unique(column) for column in y.T]

    @property
    def prior_prediction(self):
        """Labels that more than half of the samples have."""
        return self.prior > 0.5

    @property
    def prior_decision(self):
        """Logarithm of the prior odds of each label."""
        odds = [np.maximum(share, TINY) for share in (self.prior, 1 - self.prior)]
        return np.log(odds[0]) - np.log(odds[1])

    def answer(self, model, method, X):
        said = getattr(model, "predict" if is_regressor(model) else method)(X)
        if not isinstance(said, list):
            return _columns(said, X)
        # an array of probabilities a label; one column where it knows one value
        columns = [
            proba[:, -1] if len(known) == 2 else np.repeat(float(known[0]), len(proba))
            for proba, known in zip(said, model.classes_, strict=True)
        ]
        return np.stack(columns, axis=1)

    def neutral(self, method, model):
        if method == "predict_proba" or is_regressor(model):
            return self.prior
        if method == "predict":
            return self.prior_prediction.astype(np.float64)
        return 0.0

    def features(self, answers, present, method, *, logit):
        if method != "predict_proba" or not logit:
            return answers
        columns = [
            evidence_of(
                np.stack([1 - proba, proba], axis=1)[None],
                present[:, None],
                np.array([1 - share, share]),
            )[0]
            for proba, share in zip(answers.T, self.prior, strict=True)
        ]
        return np.stack([each[:, 1] - each[:, 0] for each in columns], axis=1)


class Numbers(Target):
    """One number a sample, or several.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    weights : ndarray of shape (n_samples,) or None
    """

    def __init__(self, y: NDArray, weights: NDArray | None) -> None:
        self.prior = np.atleast_1d(np.average(y, axis=0, weights=weights))

    def answer(self, model, method, X):
        return _columns(model.predict(X), X)

    def neutral(self, method, model):
        return self.prior


def _columns(said: Any, X: Any) -> NDArray[np.float64]:
    return np.asarray(said, dtype=np.float64).reshape(X.shape[0], -1)
