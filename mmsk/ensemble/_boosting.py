"""ModalityBoostingClassifier."""

import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, is_classifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import Bunch, check_random_state, get_tags
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
)
from mmsk.compose._fit_params import takes_weights
from mmsk.compose._hand_down import has_sampler
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.ensemble._answers import Classes
from mmsk.ensemble._boosting_answers import BoostingAnswers
from mmsk.ensemble._boosting_base import Boost, Modality, Vote, learner_of, part_of
from mmsk.ensemble._draws import n_drawn
from mmsk.exceptions import PerfectFitWarning


class ModalityBoostingClassifier(MetaEstimatorMixin, BoostingAnswers):
    r"""Boost classifiers of one modality each; the best modality of a round wins it.

    In each round a clone of `estimator` is fitted on each modality, and the one
    whose vote makes the exponential loss of the ensemble smallest joins it, with
    the weight of SAMME [2]_:

    .. math:: \alpha = \log \frac{W_+}{W_-} + \log (K - 1)

    where :math:`W_+` and :math:`W_-` are the weights of the samples that it gets
    right and wrong, and :math:`K` is the number of classes. A sample that lacks
    the modality is neither: its weight does not change, and it is predicted by
    the votes of the modalities that it has, over the sum of their weights.

    With `cooperation` each modality has its own weights of the samples, as in
    MuMBo [1]_: where it is wrong and another modality right, it does not try
    harder but leaves the sample to the other. (MuMBo's matrices of costs are
    SAMME's weights here.) With one modality, all of this is AdaBoostClassifier, but
    for the weight of a last estimator that makes no error: it is large, not 1.

    Parameters
    ----------
    estimator : classifier, default=None
        Fitted on the features of one modality (no presence column), on the
        samples that have it; must take `sample_weight`. If it reads blocks, it
        is told that one. ``None`` is ``DecisionTreeClassifier(max_depth=1)``.
    n_estimators : int, default=50
        Rounds at most. They end where a round's winner makes no error and no sample
        lacks its modality, with a PerfectFitWarning, and where none is better than
        chance.
    learning_rate : float, default=1.0
        Shrinks the weights of the votes, in (0, inf).
    combine : {"best", "all"}, default="best"
        Who joins after a round: the winner, or the others behind it as well, best
        first, each weighed by what the ones before it left to do.
    cooperation : bool, default=False
        Whether modalities have weights of their own and share out the samples.
    max_modalities : int, float or None, default=None
        How many modalities are tried in a round, drawn anew each time; a float is
        a share of them (at least one). ``None``: all. With 1, a round costs one
        small fit.
    draw : {"uniform", "weighted"}, default="uniform"
        How they are drawn: with equal chances, or in proportion to what a modality
        took off the loss on average when it was tried.
    class_weight : dict, "balanced" or None, default=None
        Multiplies the weights of the samples before the first round.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds the estimators and the draws.

    Attributes
    ----------
    estimators_ : list of classifier
        Those that joined, in their order.
    estimator_modalities_ : list of str
        Whose features each of them reads: with ``combine="best"``, who won which
        round.
    estimator_rounds_ : ndarray of shape (n_joined,)
        In which round each joined, from 0.
    estimator_weights_ : ndarray of shape (n_joined,)
        Weights of their votes.
    estimator_errors_ : ndarray of shape (n_joined,)
        Weighted share of errors of each among the samples that it answers.
    modality_weights_ : Bunch of float
        Sum of the weights of each modality's votes, over that of all.
    feature_importances_ : ndarray of shape (n_features_in_,)
        If the estimators have them.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares: the answer for samples without any modality.
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, the estimator takes no
        weights, or none is better than chance in the first round.

    See Also
    --------
    ModalityBaggingClassifier : Members of several modalities, drawn at random.
    sklearn.ensemble.AdaBoostClassifier : The same on all columns at once.

    References
    ----------
    .. [1] S. Koco, C. Capponi, "A Boosting Approach to Multiview Classification
           with Cooperation", ECML PKDD, 2011.
    .. [2] J. Zhu, H. Zou, S. Rosset, T. Hastie, "Multi-class AdaBoost", Statistics
           and Its Interface 2, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.ensemble import ModalityBoostingClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = (X[:, 0] + X[:, 2] > 0).astype(int)
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> clf = ModalityBoostingClassifier(n_estimators=20, blocks=blocks).fit(X, y)
    >>> clf.estimator_modalities_[:4]
    ['image', 'table', 'image', 'image']
    >>> clf.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "combine": [StrOptions({"best", "all"})],
        "cooperation": ["boolean"],
        "max_modalities": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            None,
        ],
        "draw": [StrOptions({"uniform", "weighted"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "modalities": [list, tuple, None],
        "blocks": [Blocks, None],
        "random_state": ["random_state"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators: int = 50,
        learning_rate: float = 1.0,
        combine: str = "best",
        cooperation: bool = False,
        max_modalities: int | float | None = None,
        draw: str = "uniform",
        class_weight=None,
        modalities=None,
        blocks: Blocks | None = None,
        random_state=None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.combine = combine
        self.cooperation = cooperation
        self.max_modalities = max_modalities
        self.draw = draw
        self.class_weight = class_weight
        self.modalities = modalities
        self.blocks = blocks
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Fit the rounds.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            Weights before the first round. Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Given to the estimators if they take groups.

        Returns
        -------
        self : estimator
        """
        inner = self._inner()
        if not is_classifier(inner):
            raise TypeError(f"estimator must be a classifier, got {inner!r}.")
        if not takes_weights(inner) and not has_sampler(inner):
            raise ValueError(
                "Boosting gives samples other weights in each round, and the fit of "
                f"{inner!r} uses no sample_weight. Pass an estimator that does, such "
                "as DecisionTreeClassifier or LogisticRegression, or use "
                "ModalityBaggingClassifier, which needs none."
            )
        X, y, weights, groups, _ = self._start(X, y, sample_weight, groups)
        self._warn_if_single()
        if groups is not None:
            warn_if_ungrouped(inner)
        target = Classes(y, weights)
        blocks = self._own_blocks
        modalities = [
            Modality.of(
                name,
                learner_of(inner, blocks, name),
                part_of(X, blocks, name),
                y,
                groups,
                present,
            )
            for name, present in zip(blocks.names, blocks.present(X).T, strict=True)
            if present.any()
        ]
        boost = Boost(
            modalities,
            target,
            self._first_weights(target, y, weights),
            n_classes=len(self.classes_),
            learning_rate=self.learning_rate,
            combine=self.combine,
            cooperation=self.cooperation,
            random=check_random_state(self.random_state),
        )
        votes = boost.run(
            self.n_estimators,
            n_drawn(self.max_modalities, len(modalities)),
            weighted=self.draw == "weighted",
        )
        if not votes:
            raise ValueError(
                f"No {type(inner).__name__} of one of the modalities {self.modalities_}"
                " is better than chance on the training samples: there is nothing to "
                "boost."
            )
        self._warn_if_perfect(votes)
        self.estimators_ = [vote.model for vote in votes]
        self.estimator_modalities_ = [vote.modality for vote in votes]
        self.estimator_rounds_ = np.array([vote.round for vote in votes])
        self.estimator_weights_ = np.array([vote.weight for vote in votes])
        self.estimator_errors_ = np.array([vote.step.error for vote in votes])
        return self

    def _inner(self) -> Any:
        if self.estimator is None:
            return DecisionTreeClassifier(max_depth=1)
        return self.estimator

    def _warn_if_perfect(self, votes: list[Vote]) -> None:
        """Say so where the rounds ended because one modality makes no error."""
        n_rounds = votes[-1].round + 1
        winner = next(vote for vote in votes if vote.round == votes[-1].round)
        if n_rounds == self.n_estimators or not winner.perfect:
            return
        if len(self.classes_) > 1:
            warnings.warn(
                f"Boosting ended after {n_rounds} of {self.n_estimators} rounds: "
                f"{type(self._inner()).__name__} on modality {winner.modality!r} makes "
                "no error on the training samples, so that nothing is left to learn. "
                "If it knows them by heart, as it may in a wide block, pass stronger "
                "regularisation or smaller trees, or scale the block first "
                "(BlockScaler).",
                PerfectFitWarning,
                stacklevel=4,
            )

    def _first_weights(self, target, y, weights) -> NDArray[np.float64]:
        first = np.ones(len(y)) if weights is None else weights
        if self.class_weight is None:
            return first
        by_class = compute_class_weight(
            self.class_weight, classes=target.classes, y=y, sample_weight=weights
        )
        first = first * by_class[np.searchsorted(target.classes, y)]
        if not first.all():
            raise ValueError(
                f"class_weight must be positive, got {self.class_weight!r}. Leave the "
                "samples of a class out of X and y instead."
            )
        return first

    @property
    def modality_weights_(self) -> Bunch:
        """Share of each modality in the weights of all votes."""
        check_is_fitted(self)
        sums = dict.fromkeys(self.modalities_, 0.0)
        pairs = zip(self.estimator_modalities_, self.estimator_weights_, strict=True)
        for name, weight in pairs:
            sums[name] += float(weight)
        total = sum(sums.values())
        return Bunch(**{name: each / total for name, each in sums.items()})

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Weighted mean of the estimators' importances, 0 for presence columns."""
        check_is_fitted(self)
        importances = np.zeros(self.n_features_in_)
        members = zip(
            self.estimators_,
            self.estimator_modalities_,
            self.estimator_weights_ / self.estimator_weights_.sum(),
            strict=True,
        )
        for model, name, weight in members:
            block = self.blocks_[name]
            own = getattr(model, "feature_importances_", None)
            if own is None or len(own) != block.width:
                raise AttributeError(
                    f"{type(model).__name__} has no feature_importances_ of the "
                    f"features of {name!r}, so {type(self).__name__} has none."
                )
            importances[block.start : block.stop] += weight * own
        return importances

    def _allows_nan(self) -> bool:
        return get_tags(self._inner()).input_tags.allow_nan

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._inner()).input_tags.sparse
        return tags
