"""What is particular to regression."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from mmsk._utils._param_validation import StrOptions, fit_context
from mmsk._utils._targets import mean_and_scale
from mmsk.neural_network._base import BaseNeural
from mmsk.neural_network._losses import REGRESSION_LOSSES, RegressionLoss
from mmsk.neural_network._target import Target


class BaseNeuralRegressor(RegressorMixin, BaseNeural):
    """Private base of neural regressors: one number a row, or several."""

    _parameter_constraints: dict = {
        **BaseNeural._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES)), RegressionLoss, callable],
    }

    loss: Any = "squared_error"

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

    def predict_members(self, X):
        """Predict by each member of the ensemble.

        `predict` is their mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : float64 ndarray of shape (n_members, n_samples) or \
                (n_members, n_samples, n_targets)
        """
        return self._member_values(self._check_X(X))

    def predict_spread(self, X):
        """Say how far the members disagree.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        spread : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
            Standard deviation of the members' predictions.
        """
        return self.predict_members(X).std(axis=0)

    def _member_values(self, X: Any) -> NDArray[np.float64]:
        """Return the members' predictions of validated rows."""
        values = self._outputs(X) * self.y_scale_ + self.y_mean_
        return values[..., 0] if self.y_ndim_ == 1 else values

    def _values(self, X: Any) -> NDArray[np.float64]:
        """Return the predictions of validated rows."""
        return self._member_values(X).mean(axis=0)

    def _encode_target(self, y, *, resume, classes):
        y = np.asarray(y, dtype=np.float64)
        ndim, y = y.ndim, y.reshape(len(y), -1)
        if not resume:
            self.y_ndim_ = ndim
        elif y.shape[1] != len(self.y_mean_):
            raise ValueError(
                f"y has {y.shape[1]} targets, in the first fit it had "
                f"{len(self.y_mean_)}."
            )
        return y

    def _prepare_target(self, values, weights, *, seen, resume):
        weights = np.ones(len(values)) if weights is None else weights
        if not resume:
            self.y_mean_, self.y_scale_ = mean_and_scale(values[seen], weights[seen])
        values = (values - self.y_mean_) / self.y_scale_
        loss = self.loss
        if isinstance(loss, str):
            loss = REGRESSION_LOSSES[loss]()
        if isinstance(loss, RegressionLoss):
            loss = loss.rows()
        return Target(values, weights, values.shape[1], loss)
