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
from mmsk.neural_network._losses import CLASSIFICATION_LOSSES, ClassificationLoss
from mmsk.neural_network._target import Target


class BaseNeuralClassifier(ClassifierMixin, BaseNeural):
    """Private base of neural classifiers: one class a row, or several labels."""

    _parameter_constraints: dict = {
        **BaseNeural._parameter_constraints,
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), ClassificationLoss, callable],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    loss: Any = "cross_entropy"

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

    def predict_members(self, X):
        """Predict probabilities by each member of the ensemble.

        `predict_proba` is their mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : float64 ndarray of shape (n_members, n_samples, n_classes) or \
                (n_members, n_samples, n_labels)
        """
        return self._member_probabilities(self._check_X(X))

    def predict_spread(self, X):
        """Say how far the members disagree.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        spread : float64 ndarray of shape (n_samples, n_classes) or \
                (n_samples, n_labels)
            Standard deviation of the members' probabilities.
        """
        return self.predict_members(X).std(axis=0)

    def _member_probabilities(self, X: Any) -> NDArray[np.float64]:
        """Return the members' probabilities of validated rows."""
        outputs = self._outputs(X)
        return expit(outputs) if self.multilabel_ else softmax(outputs, axis=-1)

    def _probabilities(self, X: Any) -> NDArray[np.float64]:
        """Return the probabilities of validated rows."""
        return self._member_probabilities(X).mean(axis=0)

    def _encode_target(self, y, *, resume, classes):
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
        if multilabel:
            return self._encode_labels(y, resume=resume)
        return self._encode_classes(y, resume=resume, classes=classes)

    def _encode_classes(self, y, *, resume, classes):
        y = column_or_1d(y, warn=True)
        encoder = LabelEncoder()
        if not resume:
            self.classes_ = encoder.fit(y if classes is None else classes).classes_
        elif classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes={classes!r} differ from those of the first call, "
                f"{self.classes_!r}."
            )
        encoder.classes_ = self.classes_
        return encoder.transform(y)

    def _encode_labels(self, y, *, resume):
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is for one class a row, y holds several labels. Pass "
                "sample_weight instead."
            )
        y = (y.toarray() if sp.issparse(y) else np.asarray(y)).astype(np.float64)
        if not resume:
            self.classes_ = np.arange(y.shape[1])
        elif y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y has {y.shape[1]} labels, in the first fit it had "
                f"{len(self.classes_)}."
            )
        return y

    def _prepare_target(self, values, weights, *, seen, resume):
        weights = np.ones(len(values)) if weights is None else weights
        if self.multilabel_:
            shares = np.average(values[seen], axis=0, weights=weights[seen])
        else:
            if len(np.unique(values[seen])) < len(np.unique(values)):
                seen = slice(None)  # the group of a class' only rows is held out
            totals = np.bincount(
                values[seen], weights[seen], minlength=len(self.classes_)
            )
            shares = totals / totals.sum()
            weights = weights * self._weights_by_class(values, weights, shares, seen)
        if not resume:
            self.class_prior_ = shares
        loss = self.loss
        if isinstance(loss, str):
            loss = CLASSIFICATION_LOSSES[loss]()
        if isinstance(loss, ClassificationLoss):
            loss = loss.rows(self.class_prior_, multilabel=self.multilabel_)
        return Target(values, weights, len(self.classes_), loss)

    def _weights_by_class(self, codes, weights, shares, seen):
        """Return the class weight of each row, balanced on those that are seen."""
        if self.class_weight is None:
            return 1.0
        if self.class_weight == "balanced" and not shares.all():
            raise ValueError(
                'class_weight="balanced" needs rows of every class at once. Pass '
                "a dict, or sample_weight, to partial_fit."
            )
        by_class = compute_class_weight(
            self.class_weight,
            classes=self.classes_,
            y=self.classes_[codes[seen]],
            sample_weight=weights[seen],
        )
        return by_class[codes]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
