"""What is particular to regression."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from mmsk._utils._param_validation import fit_context
from mmsk.neural_network._base import BaseNeural
from mmsk.neural_network._losses import squared_error
from mmsk.neural_network._target import Target


class BaseNeuralRegressor(RegressorMixin, BaseNeural):
    """Private base of neural regressors: one number a row, or several."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers. float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            In any unit: the net learns it standardised.
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios count; rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            With ``early_stopping=True``, rows of one group are held out
            together. Not used otherwise.

        Returns
        -------
        self : object
        """
        return self._fit_all_epochs(X, y, sample_weight, groups)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train one more epoch, on rows that may be new.

        The rows of the first call decide how y is standardised. The optimiser
        goes on where it was, except in an estimator that was pickled in between.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            What to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios within this call count.

        Returns
        -------
        self : object
        """
        return self._fit_one_epoch(X, y, sample_weight)

    def predict(self, X):
        """Predict the target in its unit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return self._values(self._check_X(X))

    def _values(self, X: Any) -> NDArray[np.float64]:
        """Return the predictions of validated rows."""
        values = self._outputs(X) * self.y_scale_ + self.y_mean_
        return values[:, 0] if self.y_ndim_ == 1 else values

    def _prepare_target(self, y, weights, *, resume, classes):
        y = np.asarray(y, dtype=np.float64)
        ndim, y = y.ndim, y.reshape(len(y), -1)
        weights = np.ones(len(y)) if weights is None else weights
        if not resume:
            self.y_ndim_ = ndim
            self.y_mean_ = np.average(y, axis=0, weights=weights)
            spread = np.average((y - self.y_mean_) ** 2, axis=0, weights=weights) ** 0.5
            # a constant target: rounding is no spread
            rounding = 10 * np.finfo(np.float64).eps * np.abs(self.y_mean_)
            self.y_scale_ = np.where(spread > rounding, spread, 1.0)
        elif y.shape[1] != len(self.y_mean_):
            raise ValueError(
                f"y has {y.shape[1]} targets, in the first fit it had "
                f"{len(self.y_mean_)}."
            )
        values = (y - self.y_mean_) / self.y_scale_
        return Target(values, weights, y.shape[1], squared_error)
