"""Early fusion: one estimator on all blocks side by side."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from mmsk.fusion._base import (
    BaseFusionClassifier,
    BaseFusionRegressor,
    rows_with_a_modality,
    spread,
    with_prior,
)
from mmsk.fusion._early_base import BaseEarlyFusion, inner_has
from mmsk.fusion._linear import linear_regressor


class EarlyFusionClassifier(BaseEarlyFusion, BaseFusionClassifier):
    """Fit one classifier on the blocks of all modalities side by side.

    Each block is scaled by itself first (and reduced by itself, if asked), so
    that a wide block does not drown a narrow one. In the columns of an absent
    modality the classifier sees zeros, the mean of a scaled dense block (or NaN,
    if training samples without it hold that), whatever stands there in X; its
    presence column says so.

    Parameters
    ----------
    estimator : classifier, default=None
        ``None`` is ``LogisticRegression(max_iter=1000)``. If it reads blocks
        itself, it is told the layout that it really sees.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    scale : bool, default=True
        Standardise the blocks with BlockScaler.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, see BlockScaler.
        ``None`` leaves wide blocks their weight. Without effect if not `scale`.
    clip : float or None, default=None
        What is further than this many standard deviations from the mean of its
        column counts as that far, see BlockScaler. ``None``: as it is. Without effect
        if not `scale`.
    n_components : int or None, default=None
        Reduce blocks that are wider than this with BlockReducer.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds the reduction. The estimator has its own.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    scaler_ : BlockScaler or None
        The fitted scaler.
    reducer_ : BlockReducer or None
        The fitted reducer.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, or weights are given
        that the estimator would not use.

    See Also
    --------
    LateFusionClassifier : One classifier for each modality.
    IntermediateFusionClassifier : Encoders trained with the head.

    References
    ----------
    .. [1] T. Baltrusaitis, C. Ahuja, L.-P. Morency, "Multimodal Machine
           Learning: A Survey and Taxonomy", IEEE TPAMI, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import EarlyFusionClassifier
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = (X[:, 0] * 2 + X[:, 2] > 0).astype(int)
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> EarlyFusionClassifier(blocks=blocks).fit(X, y).score(X, y)
    1.0
    """

    def _inner(self, y=None) -> Any:
        if y is not None and len(self.classes_) == 1:
            return DummyClassifier(strategy="prior")
        if self.estimator is None:
            return LogisticRegression(max_iter=1000)
        return self.estimator

    def _proba(self, X: Any) -> np.ndarray:
        proba = self.estimator_.predict_proba(self._prepared(X)).astype(np.float64)
        proba = spread(proba, self.estimator_.classes_, self.classes_)
        total = proba.sum(axis=1, keepdims=True)  # 1e-7 off when X is float32
        # OneVsRestClassifier answers 0 for every class where no member says yes
        return np.where(
            total > 0, proba / np.where(total > 0, total, 1), self.class_prior_
        )

    def predict(self, X):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        some = rows_with_a_modality(self._own_blocks, X)
        y = np.repeat(self.classes_[[self.class_prior_.argmax()]], X.shape[0])
        if some.any():
            y[some] = self.estimator_.predict(self._prepared(X[some]))
        return y

    @available_if(inner_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return with_prior(self._own_blocks, X, self.class_prior_, self._proba)

    @available_if(inner_has("decision_function"))
    def decision_function(self, X):
        """Return the classifier's decision values.

        Samples without any modality get the logarithm of the prior (of its odds
        with two classes).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        some = rows_with_a_modality(self._own_blocks, X)
        if some.all():
            return self._decision(X)
        log_prior = np.log(self.class_prior_)
        if len(self.classes_) == 2:
            log_prior = log_prior[1] - log_prior[0]
        decision = np.empty((X.shape[0], *np.shape(log_prior)))
        decision[:] = log_prior
        if some.any():
            decision[some] = self._decision(X[some])
        return decision

    def _decision(self, X: Any) -> np.ndarray:
        decision = self.estimator_.decision_function(self._prepared(X))
        known = self.estimator_.classes_
        if len(known) == len(self.classes_):
            return decision
        # a class that only samples without any modality have is never decided for
        own = np.column_stack([-decision, decision]) if decision.ndim == 1 else decision
        full = np.full((X.shape[0], len(self.classes_)), -np.inf)
        full[:, np.searchsorted(self.classes_, known)] = own
        return full


class EarlyFusionRegressor(BaseEarlyFusion, BaseFusionRegressor):
    """Fit one regressor on the blocks of all modalities side by side.

    The twin of EarlyFusionClassifier; several targets where the regressor
    predicts several.

    Parameters
    ----------
    estimator : regressor, default=None
        ``None`` is ``Ridge(alpha=3 * block_norm**2, tol=1e-8)``, a penalty of 300:
        rows have norm `block_norm`, and a penalty much below its square leaves
        least squares, which fits the training rows of a wide block exactly, noise
        included. Where blocks are not brought to a norm it is ``Ridge()``. Search
        for a smaller penalty where a narrow table of few rows is all there is. If
        it reads blocks itself, it is told the layout that it really sees.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    scale : bool, default=True
        Standardise the blocks with BlockScaler.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, see BlockScaler.
        ``None`` leaves wide blocks their weight. Without effect if not `scale`.
    clip : float or None, default=None
        What is further than this many standard deviations from the mean of its
        column counts as that far, see BlockScaler. ``None``: as it is. Without effect
        if not `scale`.
    n_components : int or None, default=None
        Reduce blocks that are wider than this with BlockReducer.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds the reduction. The estimator has its own.

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor.
    scaler_ : BlockScaler or None
        The fitted scaler.
    reducer_ : BlockReducer or None
        The fitted reducer.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, or weights are given
        that the estimator would not use.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import EarlyFusionRegressor
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = X[:, 0] * 2 + X[:, 2]
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> EarlyFusionRegressor(blocks=blocks).fit(X, y).score(X, y) > 0.95
    True
    """

    def _inner(self, y=None) -> Any:
        if self.estimator is not None:
            return self.estimator
        if not self.scale or self.block_norm is None:
            return Ridge()
        return linear_regressor(self.block_norm)

    def predict(self, X):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return with_prior(
            self._own_blocks, X, self.y_mean_, self._values, "training mean"
        )

    def _values(self, X: Any) -> np.ndarray:
        values = np.asarray(self.estimator_.predict(self._prepared(X)), np.float64)
        return values.reshape(X.shape[0], *np.shape(self.y_mean_))

    def _takes_targets(self) -> bool:
        return get_tags(self._inner()).target_tags.multi_output
