"""What boosting over modalities says of samples: its votes, round by round."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from mmsk.ensemble._boosting_base import part_of
from mmsk.fusion._base import BaseFusionClassifier, rows_with_a_modality


class BoostingAnswers(BaseFusionClassifier):
    """Private base: predictions from the votes of fitted estimators of one modality.

    What is fitted holds ``estimators_``, and of each its ``estimator_modalities_``,
    ``estimator_rounds_`` and ``estimator_weights_``.
    """

    def _rounds(self, X: Any) -> Iterator[NDArray[np.float64]]:
        """Yield the decision values (n_samples, n_classes) after each round."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        blocks, n_classes = self._own_blocks, len(self.classes_)
        heard = blocks.select(set(self.estimator_modalities_))
        rows_with_a_modality(heard, X)  # warns
        rows = {
            name: np.flatnonzero(present)
            for name, present in zip(heard.names, heard.present(X).T, strict=True)
        }
        parts = {name: part_of(X[rows[name]], blocks, name) for name in heard.names}
        said = np.zeros((X.shape[0], n_classes))
        heard_weights = np.zeros((X.shape[0], 1))
        members = zip(
            self.estimator_rounds_,
            self.estimators_,
            self.estimator_modalities_,
            self.estimator_weights_,
            strict=True,
        )
        for _, joined in groupby(members, key=lambda member: member[0]):
            for _, model, name, weight in joined:
                own = rows[name]
                if not len(own):
                    continue
                codes = np.searchsorted(self.classes_, model.predict(parts[name]))
                against = weight / max(n_classes - 1, 1)
                said[own] -= against
                said[own, codes] += weight + against
                heard_weights[own] += weight
            spoken = heard_weights > 0
            yield np.where(
                spoken, said / np.where(spoken, heard_weights, 1.0), self._neutral
            )

    @property
    def _neutral(self) -> NDArray[np.float64]:
        """Decision values of which the probabilities are the prior."""
        n_classes = len(self.classes_)
        logarithms = np.log(np.maximum(self.class_prior_, np.finfo(float).tiny))
        logarithms -= logarithms.mean()
        return logarithms * max(n_classes - 1, 1)

    def _scores(self, X: Any) -> NDArray[np.float64]:
        for scores in self._rounds(X):
            last = scores
        return last

    def decision_function(self, X):
        """Return the weighted votes for each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples, n_classes), or (n_samples,) for two
            A vote for a class counts 1, that for another one ``-1 / (n_classes -
            1)``; their weighted mean over the modalities that a sample has. With
            two classes, positive for the second.
        """
        return self._as_decision(self._scores(X))

    def staged_decision_function(self, X):
        """Yield `decision_function` after each round.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Yields
        ------
        decision : ndarray of shape (n_samples, n_classes), or (n_samples,) for two
        """
        for scores in self._rounds(X):
            yield self._as_decision(scores)

    def _as_decision(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def staged_predict(self, X):
        """Yield `predict` after each round.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Yields
        ------
        y_pred : ndarray of shape (n_samples,)
        """
        for scores in self._rounds(X):
            yield self.classes_[scores.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The softmax of the decision values over ``n_classes - 1``, in the order
            of ``classes_``.
        """
        return self._as_proba(self._scores(X))

    def staged_predict_proba(self, X):
        """Yield `predict_proba` after each round.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Yields
        ------
        proba : ndarray of shape (n_samples, n_classes)
        """
        for scores in self._rounds(X):
            yield self._as_proba(scores)

    def _as_proba(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return softmax(scores / max(scores.shape[1] - 1, 1), axis=1)

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))

    def staged_score(self, X, y, sample_weight=None):
        """Yield the accuracy after each round.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Yields
        ------
        score : float
        """
        for said in self.staged_predict(X):
            yield accuracy_score(y, said, sample_weight=sample_weight)
