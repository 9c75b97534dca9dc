"""What is particular to classification."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from mmsk._utils._param_validation import StrOptions, fit_context
from mmsk.neural_network._base import BaseNeural
from mmsk.neural_network._losses import binary_cross_entropy, cross_entropy
from mmsk.neural_network._target import Target


class BaseNeuralClassifier(ClassifierMixin, BaseNeural):
    """Private base of neural classifiers: one class a row, or several labels."""

    _parameter_constraints: dict = {
        **BaseNeural._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    __metadata_request__partial_fit = {"sample_weight": True, "classes": True}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers. float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            One class a row, or 0 and 1 for each label.
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
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one more epoch, on rows that may be new.

        The optimiser goes on where it was, except in an estimator that was
        pickled in between.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            One class a row, or 0 and 1 for each label.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come, needed on the first call unless y
            holds several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios within this call count.

        Returns
        -------
        self : object
        """
        if classes is None and not hasattr(self, "state_") and np.ndim(y) < 2:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._fit_one_epoch(X, y, sample_weight, classes)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            A class a row, or 1 for each label of a probability over one half.
        """
        proba = self.predict_proba(X)
        if self.multilabel_:
            return (proba > 0.5).astype(np.int64)
        return self.classes_[proba.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : float64 ndarray of shape (n_samples, n_classes) or \
                (n_samples, n_labels)
            Columns in the order of `classes_`. Rows sum to 1, except where the
            labels are independent of each other.
        """
        return self._probabilities(self._check_X(X))

    def _probabilities(self, X: Any) -> NDArray[np.float64]:
        """Return the probabilities of validated rows."""
        outputs = self._outputs(X)
        return expit(outputs) if self.multilabel_ else softmax(outputs, axis=1)

    def _prepare_target(self, y, weights, *, resume, classes):
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Several targets of more than two classes each (multiclass-"
                "multioutput) are not supported. Wrap the estimator in "
                "sklearn.multioutput.MultiOutputClassifier."
            )
        multilabel = kind == "multilabel-indicator"
        if resume and multilabel != self.multilabel_:
            raise ValueError("y must be of the same kind as in the first fit.")
        self.multilabel_ = multilabel
        prepare = self._prepare_labels if multilabel else self._prepare_classes
        return prepare(y, weights, resume=resume, classes=classes)

    def _prepare_classes(self, y, weights, *, resume, classes):
        y = column_or_1d(y, warn=True)
        encoder = LabelEncoder()
        if resume:
            encoder.classes_ = self.classes_
            if classes is not None and not np.array_equal(
                np.unique(classes), self.classes_
            ):
                raise ValueError(
                    f"classes={classes!r} differ from those of the first call, "
                    f"{self.classes_!r}."
                )
        else:
            encoder.fit(y if classes is None else classes)
        codes = encoder.transform(y)
        shares = np.bincount(codes, weights, minlength=len(encoder.classes_))
        if not resume:
            self.classes_ = encoder.classes_
            self.class_prior_ = shares / shares.sum()
        weights = np.ones(len(y)) if weights is None else weights
        if self.class_weight is not None:
            if self.class_weight == "balanced" and not shares.all():
                raise ValueError(
                    'class_weight="balanced" needs rows of every class at once. Pass '
                    "a dict, or sample_weight, to partial_fit."
                )
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weights
            )
            weights = weights * by_class[codes]
        return Target(codes, weights, len(self.classes_), cross_entropy)

    def _prepare_labels(self, y, weights, *, resume, classes):
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is for one class a row, y holds several labels. Pass "
                "sample_weight instead."
            )
        y = (y.toarray() if sp.issparse(y) else np.asarray(y)).astype(np.float64)
        if resume and y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y has {y.shape[1]} labels, in the first fit it had "
                f"{len(self.classes_)}."
            )
        weights = np.ones(len(y)) if weights is None else weights
        if not resume:
            self.classes_ = np.arange(y.shape[1])
            self.class_prior_ = np.average(y, axis=0, weights=weights)
        return Target(y, weights, y.shape[1], binary_cross_entropy)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
