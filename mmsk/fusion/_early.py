"""Early fusion: one estimator on all blocks side by side."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import HasMethods, Interval, fit_context
from mmsk.compose import BlockReducer, BlockScaler
from mmsk.compose._fit_params import as_repeats, fit_params, warn_if_ungrouped
from mmsk.compose._hand_down import hand_down
from mmsk.fusion._base import (
    BaseFusionClassifier,
    BaseFusionRegressor,
    rows_with_a_modality,
    spread,
    with_prior,
)


def _inner_has(method: str):
    def check(self) -> bool:
        inner = getattr(self, "estimator_", None)
        getattr(self._inner() if inner is None else inner, method)
        return True

    return check


class _Early(MetaEstimatorMixin):
    """What both twins do: scale, reduce, fit one estimator on the result."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "modalities": [list, tuple, None],
        "scale": ["boolean"],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "blocks": [Blocks, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator=None,
        *,
        modalities=None,
        scale: bool = True,
        block_norm: float | None = 10.0,
        n_components: int | None = None,
        blocks: Blocks | None = None,
        random_state=None,
    ) -> None:
        self.estimator = estimator
        self.modalities = modalities
        self.scale = scale
        self.block_norm = block_norm
        self.n_components = n_components
        self.blocks = blocks
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Scale the blocks and fit the estimator.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Given to the estimator if it takes groups.

        Returns
        -------
        self : estimator
        """
        self._fit(X, y, sample_weight, groups)
        self._warn_if_single()
        if groups is not None:
            warn_if_ungrouped(self.estimator_)
        return self

    def _fit(self, X, y, sample_weight=None, groups=None):
        X, y, weights, groups, _ = self._start(X, y, sample_weight, groups)
        blocks = self._own_blocks
        self.scaler_ = self.reducer_ = None
        if self.scale:
            self.scaler_ = BlockScaler(block_norm=self.block_norm, blocks=blocks)
            self.scaler_.set_output(transform="default")
            X = self.scaler_.fit(X, sample_weight=weights).transform(X)
        if self.n_components is not None:
            self.reducer_ = BlockReducer(
                self.n_components, blocks=blocks, random_state=self.random_state
            ).set_output(transform="default")
            X = self.reducer_.fit(X, sample_weight=weights).transform(X)
            blocks = self.reducer_.blocks_out_
        self.estimator_ = hand_down(clone(self._inner(y)), blocks)
        rows, weights = as_repeats(self.estimator_, weights)
        groups = None if groups is None else groups[rows]
        params = fit_params(self.estimator_, sample_weight=weights, groups=groups)
        self.estimator_.fit(X[rows], y[rows], **params)
        return self

    @abstractmethod
    def _inner(self, y=None) -> Any:
        """Return the estimator to clone, for this y if it is known."""

    def _allows_nan(self) -> bool:
        reads_nan = get_tags(self._inner()).input_tags.allow_nan
        return reads_nan and self.n_components is None

    def _needs_groups(self) -> bool:
        asks = getattr(self._inner(), "_needs_groups", None)
        return asks is not None and asks()

    def _prepared(self, X: Any) -> Any:
        for step in (self.scaler_, self.reducer_):
            X = X if step is None else step.transform(X)
        return X


class EarlyFusionClassifier(_Early, BaseFusionClassifier):
    """Fit one classifier on the blocks of all modalities side by side.

    Each block is scaled by itself first (and reduced by itself, if asked), so
    that a wide block does not drown a narrow one. An absent modality stands
    there with the values its extractor filled in, and its presence column says
    so.

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

    @available_if(_inner_has("predict_proba"))
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

    @available_if(_inner_has("decision_function"))
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


class EarlyFusionRegressor(_Early, BaseFusionRegressor):
    """Fit one regressor on the blocks of all modalities side by side.

    The twin of EarlyFusionClassifier.

    Parameters
    ----------
    estimator : regressor, default=None
        ``None`` is ``Ridge()``. If it reads blocks itself, it is told the layout
        that it really sees.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    scale : bool, default=True
        Standardise the blocks with BlockScaler.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, see BlockScaler.
        ``None`` leaves wide blocks their weight. Without effect if not `scale`.
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
    y_mean_ : float
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
    >>> EarlyFusionRegressor(blocks=blocks).fit(X, y).score(X, y) > 0.99
    True
    """

    def _inner(self, y=None) -> Any:
        return Ridge() if self.estimator is None else self.estimator

    def predict(self, X):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        some = rows_with_a_modality(self._own_blocks, X)
        y = np.full(X.shape[0], self.y_mean_)
        if some.any():
            y[some] = self.estimator_.predict(self._prepared(X[some]))
        return y
