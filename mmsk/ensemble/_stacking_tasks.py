"""What stacks of classifiers and of regressors take, and how they answer."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from mmsk._utils._param_validation import StrOptions
from mmsk.ensemble._answers import Classes, Labels, Numbers
from mmsk.ensemble._stacking_base import BaseModalityStacking, final_has
from mmsk.fusion._base import BaseFusionClassifier, BaseFusionRegressor

METHODS = ("predict_proba", "decision_function", "predict")


class BaseModalityStackingClassifier(BaseModalityStacking, BaseFusionClassifier):
    """Private base of stacks for classes: one a sample, or several labels."""

    _parameter_constraints: dict = {
        **BaseModalityStacking._parameter_constraints,
        "stack_method": [StrOptions({"auto", "logit", *METHODS})],
    }

    @available_if(final_has("predict"))
    def predict(self, X, **predict_params):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        **predict_params : dict
            For the final estimator's ``predict``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        return self._said(
            X,
            lambda final, features: final.predict(features, **predict_params),
            lambda: self._target.prior_prediction,
        )

    @available_if(final_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        return self._said(
            X,
            lambda final, features: self._target.answer(
                final, "predict_proba", features
            ),
            lambda: self._target.prior,
        )

    @available_if(final_has("decision_function"))
    def decision_function(self, X):
        """Return the final estimator's decision values.

        Samples without any modality get the logarithm of the prior (of its odds
        with two classes or several labels). Of a single class all are 0.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._said(
            X,
            self._decide,
            lambda: self._target.prior_decision,
        )

    def _decide(self, final, features):
        if len(self.classes_) == 1:  # the final estimator is a constant
            return np.zeros(features.shape[0])
        return final.decision_function(features)

    def _final(self):
        if self.final_estimator is not None:
            return self.final_estimator
        final = LogisticRegression(max_iter=1000)
        has_labels = isinstance(getattr(self, "_target", None), Labels)
        return MultiOutputClassifier(final) if has_labels else final

    def _check_final(self) -> None:
        if not is_classifier(self._final()):
            raise ValueError(
                "The 'final_estimator' parameter should be a classifier, got "
                f"{self.final_estimator!r}."
            )

    def _check_kind(self, name, estimator) -> None:
        """Take classifiers, and regressors for classes in an order."""

    def _check_y(self, y):
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            return np.asarray(y)
        return column_or_1d(y, warn=True)

    def _learn_prior(self, y, weights) -> None:
        self._target = (Classes if y.ndim == 1 else Labels)(y, weights)
        self.classes_ = self._target.classes
        self.class_prior_ = self._target.prior

    def _method(self, name, *estimators) -> str:
        estimator = estimators[-1]
        wanted = {"auto": METHODS, "logit": ("predict_proba",)}
        wanted = wanted.get(self.stack_method, (self.stack_method,))
        if is_regressor(estimator):
            wanted = [each for each in wanted if each == "predict"]
        for method in wanted:
            if any(hasattr(each, method) for each in estimators):
                return method
        raise ValueError(
            f"The estimator {name!r} ({type(estimator).__name__}) does not implement "
            f"the method that stack_method={self.stack_method!r} asks for."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inside = list(self._tags_of_members())
        if self.final_estimator is not None:
            inside.append(get_tags(self.final_estimator))
        tags.classifier_tags.multi_label = all(
            each.classifier_tags is not None and each.classifier_tags.multi_label
            for each in inside
        )
        return tags


class BaseModalityStackingRegressor(BaseModalityStacking, BaseFusionRegressor):
    """Private base of stacks for numbers: one a sample, or several."""

    stack_method = "predict"

    def predict(self, X, **predict_params):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        **predict_params : dict
            For the final estimator's ``predict``.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return self._said(
            X,
            lambda final, features: final.predict(features, **predict_params),
            lambda: self.y_mean_,
            "training mean",
        )

    def _final(self) -> Any:
        if self.final_estimator is None:
            return make_pipeline(StandardScaler(with_mean=False), Ridge())
        return self.final_estimator

    def _check_final(self) -> None:
        if not is_regressor(self._final()):
            raise ValueError(
                "The 'final_estimator' parameter should be a regressor, got "
                f"{self.final_estimator!r}."
            )

    def _check_kind(self, name, estimator) -> None:
        if not is_regressor(estimator):
            raise ValueError(
                f"The estimator {name!r} should be a regressor, got {estimator!r}."
            )

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Numbers(y, weights)

    def _method(self, name, *estimators) -> str:
        return "predict"

    def _takes_targets(self) -> bool:
        inside = [*self._tags_of_members(), get_tags(self._final())]
        return all(each.target_tags.multi_output for each in inside)
