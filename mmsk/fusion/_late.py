"""Late fusion: one estimator for each modality, predictions combined."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Bunch, get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    HasMethods,
    Interval,
    NamedSteps,
    StrOptions,
    fit_context,
)
from mmsk._utils._splits import splits_of_kept
from mmsk.compose._fit_params import as_repeats, fit_params, warn_if_ungrouped
from mmsk.fusion._base import BaseFusionClassifier, spread, with_prior
from mmsk.fusion._combine import (
    evidence_of,
    learn_weights,
    mean_rule,
    product_rule,
    vote_rule,
)
from mmsk.fusion._early import EarlyFusionClassifier
from mmsk.fusion._members import (
    check_probabilities,
    fit_member,
    is_drop,
    own_estimators,
)


class LateFusionClassifier(MetaEstimatorMixin, BaseFusionClassifier, NamedSteps):
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
    combine : {"mean", "product", "vote", "weighted", "stack"}, default="mean"
        ``"mean"``: the mean of the probabilities. ``"product"``: Bayes' rule for
        modalities independent given the class. ``"vote"``: shares of the votes.
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
        "estimator": [HasMethods(["fit"]), None],
        "estimators": [list, None],
        "combine": [StrOptions({"mean", "product", "vote", "weighted", "stack"})],
        "final_estimator": [HasMethods(["fit"]), None],
        "cv": ["cv_object"],
        "modalities": [list, tuple, None],
        "scale": ["boolean"],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator=None,
        estimators=None,
        *,
        combine: str = "mean",
        final_estimator=None,
        cv=5,
        modalities=None,
        scale: bool = True,
        block_norm: float | None = 10.0,
        n_components: int | None = None,
        blocks: Blocks | None = None,
        n_jobs: int | None = None,
        random_state=0,
    ) -> None:
        self.estimator = estimator
        self.estimators = estimators
        self.combine = combine
        self.final_estimator = final_estimator
        self.cv = cv
        self.modalities = modalities
        self.scale = scale
        self.block_norm = block_norm
        self.n_components = n_components
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, those of `estimators` as ``modality__parameter``."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params) -> "LateFusionClassifier":
        """Set parameters, those of `estimators` as ``modality__parameter``."""
        self._set_params("estimators", **params)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> "LateFusionClassifier":
        """Fit the modalities' classifiers and what combines them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the folds of `cv`.

        Returns
        -------
        self : LateFusionClassifier
        """
        self._own_estimators()  # refused before data is looked at
        given = X, y, groups
        X, y, weights, groups, kept = self._start(X, y, sample_weight, groups)
        self._warn_if_single()
        members = self._members()
        if groups is not None:
            inside = [member._inner() for member in members.values()]
            warn_if_ungrouped(*inside, self.final_estimator)
        everything = np.arange(X.shape[0])
        self.estimators_ = self._fit_members(
            members, X, y, weights, groups, [(each, everything) for each in members]
        )
        self.named_estimators_ = Bunch(
            **dict(zip(members, self.estimators_, strict=True))
        )
        self.weights_ = self.final_estimator_ = None
        if len(self.classes_) == 1:
            return self
        if self.combine in ("weighted", "stack"):
            given_X, given_y, given_groups = given
            splits = splits_of_kept(
                self.cv,
                given_X,
                given_y,
                kept,
                groups=given_groups,
                classifier=True,
                random_state=self.random_state,
            )
            self._fit_combination(members, X, y, weights, groups, splits)
        return self

    def _members(self) -> dict[str, EarlyFusionClassifier]:
        """Return the unfitted classifier of each modality."""
        own = self._own_estimators()
        return {
            name: EarlyFusionClassifier(
                own.get(name, self.estimator),
                modalities=[name],
                scale=self.scale,
                block_norm=self.block_norm,
                n_components=self.n_components,
                blocks=self._own_blocks,
                random_state=self.random_state,
            )
            for name in self._own_blocks.names
        }

    def _own_estimators(self) -> dict[str, Any]:
        """Return the classifiers, or "drop", of the modalities that have their own."""
        own = own_estimators(self.estimators)
        self._validate_names(list(own))
        return own

    def _modality_names(self) -> list[str]:
        names = self.blocks_.select(self.modalities).names
        own = self._own_estimators()
        unknown = [name for name in own if name not in self.blocks_.names]
        if unknown:
            raise ValueError(
                f"estimators names the modalities {unknown}; there are "
                f"{list(self.blocks_.names)}."
            )
        return [name for name in names if not is_drop(own.get(name))]

    def _fit_members(self, members, X, y, weights, groups, jobs) -> list:
        """Fit (modality, rows) jobs; ``None`` where no row has the modality."""
        present = self._own_blocks.present(X)

        def data(name, rows):
            rows = rows[present[rows, self._own_blocks.names.index(name)]]
            take = [None if each is None else each[rows] for each in (weights, groups)]
            return X[rows], y[rows], *take

        return Parallel(n_jobs=self.n_jobs)(
            delayed(fit_member)(clone(members[name]), *data(name, rows))
            for name, rows in jobs
        )

    def _fit_combination(self, members, X, y, weights, groups, splits) -> None:
        jobs = [(name, train) for train, _ in splits for name in members]
        fitted = iter(self._fit_members(members, X, y, weights, groups, jobs))
        present = self._present(X)
        proba = np.zeros((len(members), X.shape[0], len(self.classes_)))
        held_out = np.zeros(X.shape[0], dtype=bool)
        for _, test in splits:
            held_out[test] = True
            models = [next(fitted) for _ in members]
            proba[:, test] = self._member_proba(models, X[test])
        # a splitter of the user's may leave rows out of every test fold
        proba, present, y = proba[:, held_out], present[held_out], y[held_out]
        weights = None if weights is None else weights[held_out]
        groups = None if groups is None else groups[held_out]
        if self.combine == "weighted":
            codes = np.searchsorted(self.classes_, y)
            self.weights_ = learn_weights(proba, present, codes, weights)
            return
        final = self.final_estimator
        final = LogisticRegression(max_iter=1000) if final is None else clone(final)
        features = self._meta_features(proba, present)
        rows, weights = as_repeats(final, weights)
        groups = None if groups is None else groups[rows]
        params = fit_params(final, sample_weight=weights, groups=groups)
        self.final_estimator_ = final.fit(features[rows], y[rows], **params)
        check_probabilities(final, final)

    def _present(self, X: Any) -> NDArray[np.bool_]:
        """Tell which of the fitted modalities the samples have."""
        fitted = [each is not None for each in self.estimators_]
        return self._own_blocks.present(X) & np.array(fitted)

    def _member_proba(self, models: list, X: Any) -> NDArray[np.float64]:
        """Return ``(n_modalities, n_samples, n_classes)``, 0 where absent."""
        present = self._present(X)
        proba = np.zeros((len(models), X.shape[0], len(self.classes_)))
        for position, model in enumerate(models):
            has = present[:, position]
            if model is None:  # a fold whose training rows lack the modality
                proba[position, has] = self.class_prior_
            elif has.any():
                own = model.predict_proba(X[has])
                proba[position, has] = spread(own, model.classes_, self.classes_)
        return proba

    def _meta_features(self, proba: NDArray, present: NDArray) -> NDArray:
        evidence = evidence_of(proba, present, self.class_prior_)
        return np.hstack([*evidence, present])

    def _combined(self, X: Any) -> NDArray[np.float64]:
        present = self._present(X)
        some = present.any(axis=1)
        if not some.all():  # what they have, no training sample had
            fused = np.tile(self.class_prior_, (X.shape[0], 1))
            if some.any():
                fused[some] = self._combined(X[some])
            return fused
        proba = self._member_proba(self.estimators_, X)
        if self.final_estimator_ is not None:
            features = self._meta_features(proba, present)
            fused = self.final_estimator_.predict_proba(features)
            return spread(fused, self.final_estimator_.classes_, self.classes_)
        if self.combine == "product":
            return product_rule(proba, present, self.class_prior_)
        if self.combine == "vote":
            return vote_rule(proba, present)
        return mean_rule(proba, present, self.weights_)

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

    def _allows_nan(self) -> bool:
        used = [self.estimator, *(each for _, each in self.estimators or [])]
        used = [LogisticRegression() if each is None else each for each in used]
        return self.n_components is None and all(
            get_tags(each).input_tags.allow_nan
            for each in used
            if not isinstance(each, str)
        )

    def _needs_groups(self) -> bool:
        return self.combine in ("weighted", "stack")
