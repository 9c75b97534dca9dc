"""Late fusion: one estimator for each modality, predictions combined."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._param_validation import StrOptions
from mmsk._utils._targets import mean_and_scale
from mmsk.fusion._base import (
    BaseFusionClassifier,
    BaseFusionRegressor,
    spread,
    with_prior,
)
from mmsk.fusion._combine import (
    confidence_rule,
    evidence_of,
    learn_weights,
    learn_weights_of_values,
    mean_rule,
    median_rule,
    product_rule,
    vote_rule,
)
from mmsk.fusion._early import EarlyFusionClassifier, EarlyFusionRegressor
from mmsk.fusion._late_base import BaseLateFusion
from mmsk.fusion._members import check_probabilities


class LateFusionClassifier(BaseLateFusion, BaseFusionClassifier):
    """Fit one classifier for each modality and combine their probabilities.

    Each classifier sees the scaled block of its modality, is fitted on the
    samples that have it, and is asked only about these; the rule renormalises
    over the modalities that are present.

    Parameters
    ----------
    estimator : classifier, default=None
        Cloned for each modality that `estimators` does not name. Needs
        ``predict_proba``. ``None`` is ``LogisticRegression(max_iter=1000)``.
    estimators : list of (modality, classifier or "drop"), default=None
        Classifiers of their own, reached as ``text__C``; with `estimator` for
        the others. Entries of modalities that are not used have no effect.
    combine : {"mean", "product", "vote", "confidence", "weighted", "stack"}, \
            default="mean"
        ``"mean"``: the mean of the probabilities. ``"product"``: Bayes' rule for
        modalities independent given the class. ``"vote"``: shares of the votes.
        ``"confidence"``: a mean in which every sample weighs a modality by the
        information that its probabilities hold beyond the prior (Kullback-Leibler).
        ``"weighted"``: a mean with the weights that give the smallest log-loss
        out of fold. ``"stack"``: a `final_estimator` fitted on out-of-fold
        log-probabilities (less those of the prior; 0 for an absent modality)
        and presence.
    final_estimator : classifier, default=None
        For ``combine="stack"``. ``None`` is ``LogisticRegression(max_iter=1000)``.
    cv : int, splitter or iterable, default=5
        Folds for ``"weighted"`` and ``"stack"``; an int makes stratified folds,
        grouped where fit is given groups.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    scale : bool, default=True
        Standardise the blocks with BlockScaler.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, see BlockScaler.
        Without effect if not `scale`.
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
    n_jobs : int, default=None
        Modalities and folds fitted at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and seeds the reduction.

    Attributes
    ----------
    estimators_ : list of EarlyFusionClassifier
        The fitted classifiers, each on one modality.
    named_estimators_ : Bunch
        The same by modality.
    weights_ : ndarray of shape (n_modalities,)
        Weights of the modalities, with ``combine="weighted"``.
    final_estimator_ : classifier
        With ``combine="stack"``.
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
        that an estimator would not use.

    See Also
    --------
    EarlyFusionClassifier : One classifier on all blocks.

    References
    ----------
    .. [1] J. Kittler, M. Hatef, R. P. W. Duin, J. Matas, "On Combining
           Classifiers", IEEE TPAMI, 1998.
    .. [2] D. H. Wolpert, "Stacked Generalization", Neural Networks, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import LateFusionClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = np.where(X[:, 0] + X[:, 2] > 0, "yes", "no")
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> clf = LateFusionClassifier(combine="stack", blocks=blocks).fit(X, y)
    >>> clf.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseLateFusion._parameter_constraints,
        "combine": [
            StrOptions({"mean", "product", "vote", "confidence", "weighted", "stack"})
        ],
    }
    _member = EarlyFusionClassifier

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
        return with_prior(self._own_blocks, X, self.class_prior_, self._combined)

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
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _default(self):
        return LogisticRegression(max_iter=1000)

    def _prior_answer(self):
        return self.class_prior_

    def _is_constant(self, y) -> bool:
        return len(self.classes_) == 1

    def _answer(self, model, X):
        return spread(model.predict_proba(X), model.classes_, self.classes_)

    def _fused(self, answers, present):
        if self.combine == "product":
            return product_rule(answers, present, self.class_prior_)
        if self.combine == "confidence":
            return confidence_rule(answers, present, self.class_prior_)
        if self.combine == "vote":
            return vote_rule(answers, present)
        return mean_rule(answers, present, self.weights_)

    def _learn_weights(self, answers, present, y, weights):
        codes = np.searchsorted(self.classes_, y)
        return learn_weights(answers, present, codes, weights)

    def _meta_features(self, answers, present):
        evidence = evidence_of(answers, present, self.class_prior_)
        return np.hstack([*evidence, present])

    def _meta_answer(self, features):
        final = self.final_estimator_
        return spread(final.predict_proba(features), final.classes_, self.classes_)

    def _check_member(self, model, named) -> None:
        check_probabilities(model, named)


class LateFusionRegressor(BaseLateFusion, BaseFusionRegressor):
    """Fit one regressor for each modality and combine their predictions.

    The twin of LateFusionClassifier: each regressor sees the scaled block of its
    modality, is fitted on the samples that have it, and is asked only about
    these; the rule renormalises over the modalities that are present. One
    target, or several where the regressors predict several.

    Parameters
    ----------
    estimator : regressor, default=None
        Cloned for each modality that `estimators` does not name. ``None`` is
        ``Ridge(alpha=3 * block_norm**2, tol=1e-8)``, as in EarlyFusionRegressor,
        which says why.
    estimators : list of (modality, regressor or "drop"), default=None
        Regressors of their own, reached as ``text__alpha``; with `estimator` for
        the others. Entries of modalities that are not used have no effect.
    combine : {"mean", "median", "weighted", "stack"}, default="mean"
        ``"mean"`` and ``"median"`` of the predictions. ``"weighted"``: a mean
        with the weights, not negative and of sum 1, that give the smallest
        squared error out of fold; several targets count alike, each over its
        variance. ``"stack"``: a `final_estimator` fitted on standardised
        out-of-fold predictions (0, the mean, for an absent modality) and
        presence, to predict the standardised targets.
    final_estimator : regressor, default=None
        For ``combine="stack"``. ``None`` is ``Ridge()``: what it reads is one
        standardised column for each modality and target.
    cv : int, splitter or iterable, default=5
        Folds for ``"weighted"`` and ``"stack"``, grouped where fit is given
        groups.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    scale : bool, default=True
        Standardise the blocks with BlockScaler.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, see BlockScaler.
        Without effect if not `scale`.
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
    n_jobs : int, default=None
        Modalities and folds fitted at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and seeds the reduction.

    Attributes
    ----------
    estimators_ : list of EarlyFusionRegressor
        The fitted regressors, each on one modality.
    named_estimators_ : Bunch
        The same by modality.
    weights_ : ndarray of shape (n_modalities,)
        Weights of the modalities, with ``combine="weighted"``.
    final_estimator_ : regressor
        With ``combine="stack"``.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality.
    y_scale_ : float, or ndarray of shape (n_targets,)
        (Weighted) standard deviation of y; 1 for a constant one.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, or weights are given
        that an estimator would not use.

    See Also
    --------
    EarlyFusionRegressor : One regressor on all blocks.

    References
    ----------
    .. [1] L. Breiman, "Stacked Regressions", Machine Learning 24, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import LateFusionRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = X[:, 0] + X[:, 2]
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> model = LateFusionRegressor(combine="stack", blocks=blocks).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseLateFusion._parameter_constraints,
        "combine": [StrOptions({"mean", "median", "weighted", "stack"})],
    }
    _member = EarlyFusionRegressor

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
        return self._combined(X).reshape(X.shape[0], *np.shape(self.y_mean_))

    def _learn_prior(self, y, weights) -> None:
        mean, scale = mean_and_scale(y.reshape(len(y), -1), weights)
        one = y.ndim == 1
        self.y_mean_ = float(mean[0]) if one else mean
        self.y_scale_ = float(scale[0]) if one else scale

    def _default(self):
        return Ridge()

    def _prior_answer(self):
        return np.atleast_1d(self.y_mean_)

    def _is_constant(self, y) -> bool:
        return bool((y == y[0]).all())

    def _answer(self, model, X):
        return model.predict(X).reshape(X.shape[0], -1)

    def _fused(self, answers, present):
        if self.combine == "median":
            return median_rule(answers, present)
        return mean_rule(answers, present, self.weights_)

    def _learn_weights(self, answers, present, y, weights):
        y = y.reshape(len(y), -1)
        return learn_weights_of_values(
            answers / self.y_scale_, present, y / self.y_scale_, weights
        )

    def _meta_features(self, answers, present):
        standardised = (answers - self.y_mean_) / self.y_scale_
        known = np.where(present.T[:, :, None], standardised, 0.0)
        return np.hstack([*known, present])

    def _meta_target(self, y):
        return (y - self.y_mean_) / self.y_scale_

    def _meta_answer(self, features):
        said = np.asarray(self.final_estimator_.predict(features), np.float64)
        return said.reshape(len(features), -1) * self.y_scale_ + self.y_mean_

    def _takes_targets(self) -> bool:
        used = self._used()
        if self.combine == "stack" and self.final_estimator is not None:
            used.append(self.final_estimator)
        return all(get_tags(each).target_tags.multi_output for each in used)
