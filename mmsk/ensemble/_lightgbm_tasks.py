"""What trees are told of classes and of numbers, and what they answer."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from mmsk._utils._param_validation import StrOptions, fit_context
from mmsk._utils._targets import refuse_strings
from mmsk.ensemble._lightgbm_base import DATA, LightGBMBase

# adding a number to y adds it to the predictions
SHIFTING = (None, "regression", "regression_l1", "huber", "fair", "quantile")

# metrics to which that makes no difference, by LightGBM's names
_OF_DIFFERENCES = """
fair huber l1 l2 l2_root mae mean_absolute_error mean_squared_error mse quantile
regression regression_l1 regression_l2 rmse root_mean_squared_error
"""
OF_DIFFERENCES = frozenset(_OF_DIFFERENCES.split())


def _has_probabilities(self) -> bool:
    if callable(self.objective):
        raise AttributeError(
            "An objective of one's own has raw scores, whose meaning is not known: "
            "ask decision_function, or wrap the estimator in "
            "sklearn.calibration.CalibratedClassifierCV."
        )
    return True


def _has_raw_scores(self) -> bool:
    return callable(self.objective)


class BaseLightGBMClassifier(ClassifierMixin, LightGBMBase):
    """Private base: labels become codes, and raw predictions probabilities."""

    _parameter_constraints: dict = {
        **LightGBMBase._parameter_constraints,
        "objective": [
            StrOptions({"binary", "multiclass", "multiclassova"}),
            callable,
            None,
        ],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the trees.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Numbers; NaN is missing.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the split for early stopping.

        Returns
        -------
        self : LightGBMClassifier
        """
        X, y = validate_data(self, X, y, **DATA)
        check_classification_targets(y)
        X, y, weights, groups = self._kept(X, y, sample_weight, groups)
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        n_classes = len(self.classes_)
        if self.class_weight is not None:
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weights
            )
            by_row = by_class[encoder.transform(y)]
            weights = by_row if weights is None else weights * by_row
        if n_classes == 1:
            self.booster_, self.n_iter_ = None, 0
            return self
        objective = self.objective or ("binary" if n_classes == 2 else "multiclass")
        target = {"objective": objective}
        if callable(objective):
            if n_classes > 2:
                target["num_class"] = n_classes
        elif objective != "binary":
            target["num_class"] = n_classes
        elif n_classes > 2:
            raise ValueError(f"objective='binary' is for two classes, got {n_classes}.")
        codes = encoder.transform(y)
        return self._train(X, codes, weights, groups, stratify=True, **target)

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            The columns of `fit` in their order.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        X = self._check_predict(X)
        if self.booster_ is None:
            return np.ones((X.shape[0], 1))
        scores = self._predict_raw(X)
        if scores.ndim == 1:
            return np.column_stack([1 - scores, scores])
        # one against all others: each class on its own
        return scores / scores.sum(axis=1, keepdims=True)

    @available_if(_has_raw_scores)
    def decision_function(self, X):
        """Return the raw scores, of an objective that is a callable.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            The columns of `fit` in their order.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number, greater than 0 for the second; zeros where
            `fit` saw one class.
        """
        X = self._check_predict(X)
        if self.booster_ is None:
            return np.zeros(X.shape[0])
        return self._predict_raw(X)

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            The columns of `fit` in their order.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        if callable(self.objective):
            scores = self.decision_function(X)
            codes = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)
        else:
            codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]


class BaseLightGBMRegressor(RegressorMixin, LightGBMBase):
    """Private base: the mean is taken out of y where the loss allows it."""

    _parameter_constraints: dict = {
        **LightGBMBase._parameter_constraints,
        "objective": [
            StrOptions(
                {*SHIFTING, "poisson", "mape", "gamma", "tweedie"} - {None},
            ),
            callable,
            None,
        ],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the trees.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Numbers; NaN is missing.
        y : array-like of shape (n_samples,)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the split for early stopping.

        Returns
        -------
        self : LightGBMRegressor
        """
        X, y = validate_data(self, X, y, y_numeric=True, **DATA)
        refuse_strings(y)
        X, y, weights, groups = self._kept(X, y, sample_weight, groups)
        shifts = self._may_shift()
        self.offset_ = float(np.average(y, weights=weights)) if shifts else 0.0
        y = y - self.offset_
        if np.abs(y).max() > np.finfo(np.float32).max:
            raise ValueError(
                "y spans more than LightGBM's targets can, which are float32: scale it."
            )
        objective = self.objective or "regression"
        return self._train(X, y, weights, groups, stratify=False, objective=objective)

    def _may_shift(self) -> bool:
        """Tell whether loss and metric are the same for y less its mean."""
        if callable(self.objective) or self.objective not in SHIFTING:
            return False
        if not self.early_stopping or self.metric is None or callable(self.metric):
            return True
        names = [self.metric] if isinstance(self.metric, str) else self.metric
        named = {each.strip() for name in names for each in str(name).split(",")}
        return named <= OF_DIFFERENCES

    def predict(self, X):
        """Return the predicted numbers.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            The columns of `fit` in their order.

        Returns
        -------
        predicted : ndarray of shape (n_samples,)
        """
        return self._predict_raw(self._check_predict(X)) + self.offset_
