"""EnsembleSelectionClassifier and EnsembleSelectionRegressor."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    Interval,
    StrOptions,
    fit_context,
    num_samples,
)
from mmsk.compose._fit_params import warn_if_ungrouped
from mmsk.ensemble._answers import Classes, Numbers
from mmsk.ensemble._greedy import greedy_weights
from mmsk.ensemble._members import NamedMembers, answer_of
from mmsk.ensemble._metric import score_of
from mmsk.fusion._base import BaseFusionClassifier, BaseFusionRegressor, with_prior
from mmsk.fusion._combine import mean_rule


class BaseEnsembleSelection(NamedMembers):
    """Private base: out-of-fold answers, a greedy choice, and those chosen refitted."""

    _parameter_constraints: dict = {
        **NamedMembers._parameter_constraints,
        "metric": [str, callable, None],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_bags": [Interval(Integral, 1, None, closed="left")],
        "bag_fraction": [Interval(Real, 0, 1, closed="right")],
        "cv": ["cv_object", StrOptions({"prefit"})],
    }
    _method: str
    """By which the estimators are asked."""

    def __init__(
        self,
        estimators,
        *,
        metric=None,
        n_rounds: int = 25,
        n_init: int | str = "auto",
        n_bags: int = 20,
        bag_fraction: float = 0.5,
        cv=None,
        blocks: Blocks | None = None,
        n_jobs: int | None = None,
        random_state=0,
        verbose: int = 0,
    ) -> None:
        self.estimators = estimators
        self.metric = metric
        self.n_rounds = n_rounds
        self.n_init = n_init
        self.n_bags = n_bags
        self.bag_fraction = bag_fraction
        self.cv = cv
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Choose among the estimators, and fit those chosen on all samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for numbers
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out; the metric is weighted too.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the folds of `cv`; given to every
            estimator that takes groups.

        Returns
        -------
        self : estimator
        """
        used = self._used()  # refused before data is looked at
        given = X, y, groups
        X, y, weights, groups, kept = self._start(X, y, sample_weight, groups)
        prefit = self.cv == "prefit"
        if groups is not None and not prefit:
            warn_if_ungrouped(*used.values())
        self._learn_reads(used)
        seen = self._can_see(X)
        members = list(used.values() if prefit else self._fresh(used).values())
        constant = self._target.is_constant(y)
        if prefit:
            for member in members:
                check_is_fitted(member)
        elif constant:  # nothing that folds could show
            members = self._fit_on_all(members, X, y, weights, groups, seen)
        if prefit or constant:
            answers = self._answers(members, X, seen)
        else:
            splits = self._splits(self.cv, given, kept)
            methods = [self._method] * len(members)
            answers = self._answers_out_of_fold(
                members, methods, X, y, weights, groups, seen, splits
            )
        self.oof_predictions_ = self._as_given(
            used, answers, kept, num_samples(given[0])
        )
        self._select(np.stack(answers), seen, y, weights)
        chosen = self.weights_ > 0
        if not (prefit or constant):
            fitted = iter(
                self._fit_on_all(
                    [
                        clone(member)
                        for member, is_in in zip(members, chosen, strict=True)
                        if is_in
                    ],
                    X,
                    y,
                    weights,
                    groups,
                    seen[:, chosen],
                )
            )
            members = [next(fitted) if is_in else None for is_in in chosen]
        self.estimators_ = [
            member if is_in else None
            for member, is_in in zip(members, chosen, strict=True)
        ]
        self.named_estimators_ = Bunch(**dict.fromkeys(self.named_estimators, "drop"))
        self.named_estimators_.update(
            (name, member)
            for name, member in zip(used, self.estimators_, strict=True)
            if member is not None
        )
        return self

    def _select(self, answers, seen, y, weights) -> None:
        """Learn the weights from answers of shape (n_estimators, n_samples, k)."""
        # a splitter of the user's may leave rows out of every test fold
        judged = ~np.isnan(answers[0]).any(axis=1)
        answers, seen, y = answers[:, judged], seen[judged], y[judged]
        weights = None if weights is None else weights[judged]
        score = score_of(self.metric, y, weights, getattr(self, "classes_", None))
        able = np.flatnonzero(seen.any(axis=0))
        self.weights_ = np.zeros(len(answers))
        self.weights_[able] = greedy_weights(
            answers[able],
            seen[:, able],
            self._target.prior,
            score,
            n_rounds=self.n_rounds,
            n_init=self.n_init,
            n_bags=self.n_bags,
            bag_fraction=self.bag_fraction,
            random_state=self.random_state,
        )
        self.scores_ = np.array([score(answer) for answer in answers])
        fused = np.tile(self._target.prior, (len(y), 1))
        some = (seen & (self.weights_ > 0)).any(axis=1)
        fused[some] = mean_rule(answers[:, some], seen[some], self.weights_)
        self.score_ = float(score(fused))

    def _answers(self, members, X, seen) -> list[NDArray[np.float64]]:
        prior = self._target.prior
        return [
            answer_of(member, self._method, self._target, X, has, prior)
            for member, has in zip(members, seen.T, strict=True)
        ]

    def _said(self, X: Any, answer: str = "prior") -> NDArray[np.float64]:
        """Return the weighted mean of what the chosen estimators say."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        chosen = [member is not None for member in self.estimators_]
        reads = zip(self._reads, chosen, strict=True)
        read = {name for names, is_in in reads if is_in for name in names}
        blocks = self._own_blocks.select(read)

        def combined(X):
            seen = self._can_see(X) & np.array(chosen)
            answers = self._answers(self.estimators_, X, seen)
            return mean_rule(np.stack(answers), seen, self.weights_)

        return with_prior(blocks, X, self._target.prior, combined, answer)

    def _needs_groups(self) -> bool:
        return self.cv != "prefit"


class EnsembleSelectionClassifier(BaseEnsembleSelection, BaseFusionClassifier):
    """Choose, from many candidates, the classifiers whose mean is best.

    All candidates predict out of fold. Starting with the best of them, the one
    that improves the mean of the probabilities most is added, again and again, and
    a candidate may come several times; the best ensemble on the way is kept. How
    often a candidate was chosen is its weight. That is repeated on random bags of
    the candidates, and the ensembles are averaged, which guards against choosing
    by luck. Only those chosen are fitted on all samples.

    Parameters
    ----------
    estimators : list of (str, classifier)
        Names and candidates with probabilities, reached as ``name__parameter``;
        ``"drop"`` leaves one out. Each reads the modalities it chooses: a fusion
        estimator by its parameter ``modalities``, any other behind a BlockSelector
        in a Pipeline; samples without any of them it is neither fitted on nor
        asked about.
    metric : str, scorer or callable, default=None
        What the ensemble shall be best at: the name of a scorer
        (``"average_precision"``), a scorer, or a loss ``metric(y, proba)`` that
        takes probabilities of shape (n_samples, n_classes), less is better, which
        is given ``sample_weight=`` where fit is given weights. ``None`` is the
        log-loss.
    n_rounds : int, default=25
        Candidates that are added after those of the start.
    n_init : int or "auto", default="auto"
        How many of the best candidates to start with. ``"auto"``: as many of the
        best, up to 25, as score best together.
    n_bags : int, default=20
        Bags; 1 is one selection among all candidates.
    bag_fraction : float, default=0.5
        Share of the candidates that a bag holds, in (0, 1]; at least five, so that
        up to five candidates make one bag.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the predictions. An int makes shuffled folds, stratified, and
        grouped where fit is given groups; ``None`` is 5. ``"prefit"``: the
        candidates are fitted already, on other samples, and are not fitted again.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The candidates are told it.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and draws the bags.
    verbose : int, default=0
        Messages of joblib.

    Attributes
    ----------
    weights_ : ndarray of shape (n_estimators,)
        Weights of the candidates that are not dropped, sum 1.
    estimators_ : list of classifier or None
        The candidates with a weight, fitted on all samples; ``None`` for others.
    named_estimators_ : Bunch
        The same by name; ``"drop"`` for others.
    scores_ : ndarray of shape (n_estimators,)
        What each candidate scores out of fold, greater is better (less the loss).
    score_ : float
        What the ensemble scores on the same predictions: it was chosen on them, so
        expect less.
    oof_predictions_ : Bunch of ndarray of shape (n_samples, n_classes)
        Probabilities by each candidate's name, of every sample by the model that
        did not see it (with ``cv="prefit"`` by the one there is); the prior where
        it sees no modality. NaN for samples of weight 0, without any modality, and
        in no test fold.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality that a
        chosen candidate reads.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities of X.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If `estimators` is no list of pairs, X does not fit `blocks`, or weights are
        given that a candidate would not use.
    TypeError
        If a candidate has no probabilities.

    See Also
    --------
    ModalityStackingClassifier : A final classifier instead of weights.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble Selection
           from Libraries of Models", ICML, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from mmsk.ensemble import EnsembleSelectionClassifier
    >>> X = np.random.default_rng(0).normal(size=(80, 3))
    >>> y = np.where(X[:, 0] + X[:, 2] > 0, "yes", "no")
    >>> chosen = EnsembleSelectionClassifier(
    ...     [
    ...         ("strong", LogisticRegression(C=100.0)),
    ...         ("weak", LogisticRegression(C=1e-4)),
    ...         ("bayes", GaussianNB()),
    ...     ]
    ... ).fit(X, y)
    >>> chosen.weights_
    array([1., 0., 0.])
    """

    _method = "predict_proba"

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
        proba = self._said(X)
        # those of a float32 matrix are rounded
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        proba = self._said(X)
        return self.classes_[proba.argmax(axis=1)]

    def _check_kind(self, name, estimator) -> None:
        if not is_classifier(estimator):
            raise ValueError(
                f"The estimator {name!r} should be a classifier, got {estimator!r}."
            )

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Classes(y, weights)


class EnsembleSelectionRegressor(BaseEnsembleSelection, BaseFusionRegressor):
    """Choose, from many candidates, the regressors whose mean is best.

    The twin of EnsembleSelectionClassifier. One target, or several where the
    regressors predict several; a candidate has one weight for all.

    Parameters
    ----------
    estimators : list of (str, regressor)
        Names and candidates, reached as ``name__parameter``; ``"drop"`` leaves one
        out.
    metric : str, scorer or callable, default=None
        What the ensemble shall be best at: the name of a scorer
        (``"neg_mean_absolute_error"``), a scorer, or a loss
        ``metric(y, predictions)``, less is better, which is given
        ``sample_weight=`` where fit is given weights. ``None`` is the squared error
        over the variance of the target, its mean for several.
    n_rounds : int, default=25
        Candidates that are added after those of the start.
    n_init : int or "auto", default="auto"
        How many of the best candidates to start with. ``"auto"``: as many of the
        best, up to 25, as score best together.
    n_bags : int, default=20
        Bags; 1 is one selection among all candidates.
    bag_fraction : float, default=0.5
        Share of the candidates that a bag holds, in (0, 1]; at least five, so that
        up to five candidates make one bag.
    cv : int, splitter, iterable or "prefit", default=None
        Folds for the predictions, grouped where fit is given groups; ``None`` is 5.
        ``"prefit"``: the candidates are fitted already, on other samples, and are
        not fitted again.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block. The candidates are told it.
    n_jobs : int, default=None
        Fits at a time, as in joblib.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of an int `cv` and draws the bags.
    verbose : int, default=0
        Messages of joblib.

    Attributes
    ----------
    weights_ : ndarray of shape (n_estimators,)
        Weights of the candidates that are not dropped, sum 1.
    estimators_ : list of regressor or None
        The candidates with a weight, fitted on all samples; ``None`` for others.
    named_estimators_ : Bunch
        The same by name; ``"drop"`` for others.
    scores_ : ndarray of shape (n_estimators,)
        What each candidate scores out of fold, greater is better (less the loss).
    score_ : float
        What the ensemble scores on the same predictions: it was chosen on them, so
        expect less.
    oof_predictions_ : Bunch of ndarray of shape (n_samples,) or (n_samples, n_targets)
        Predictions by each candidate's name, of every sample by the model that did
        not see it (with ``cv="prefit"`` by the one there is); the mean where it
        sees no modality. NaN for samples of weight 0, without any modality, and in
        no test fold.
    y_mean_ : float, or ndarray of shape (n_targets,)
        (Weighted) mean of y: the answer for samples without any modality that a
        chosen candidate reads.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities of X.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        As EnsembleSelectionClassifier.

    See Also
    --------
    ModalityStackingRegressor : A final regressor instead of weights.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble Selection
           from Libraries of Models", ICML, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from mmsk.ensemble import EnsembleSelectionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 3))
    >>> y = X[:, 0] + X[:, 2]
    >>> EnsembleSelectionRegressor(
    ...     [("strong", Ridge(0.1)), ("weak", Ridge(1e4))]
    ... ).fit(X, y).weights_
    array([1., 0.])
    """

    _method = "predict"

    def predict(self, X):
        """Predict the target of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y_pred : float64 ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        said = self._said(X, "training mean")
        return said.reshape(len(said), *np.shape(self.y_mean_))

    def _check_kind(self, name, estimator) -> None:
        if not is_regressor(estimator):
            raise ValueError(
                f"The estimator {name!r} should be a regressor, got {estimator!r}."
            )

    def _learn_prior(self, y, weights) -> None:
        super()._learn_prior(y, weights)
        self._target = Numbers(y, weights)

    def _takes_targets(self) -> bool:
        return all(tags.target_tags.multi_output for tags in self._tags_of_members())
