"""What the bagging of classifiers and that of regressors share."""

import warnings
from abc import abstractmethod
from itertools import islice
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    num_samples,
    set_random_states,
)
from mmsk.compose._hand_down import hand_down
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.compose._told_unseen import tell_unseen
from mmsk.ensemble._answers import Target
from mmsk.ensemble._draws import dealt, drawn_rows, n_drawn
from mmsk.ensemble._members import fit_member
from mmsk.exceptions import SingleBlockWarning
from mmsk.fusion._absent import AbsentFill
from mmsk.fusion._base import with_prior

LARGEST_SEED = np.iinfo(np.int32).max


class BaseModalityBagging(MetaEstimatorMixin):
    """Private mixin: members of random modalities, and the mean of their answers.

    The other base is a BaseFusion, which finds the blocks.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "max_modalities": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            StrOptions({"random"}),
        ],
        "max_samples": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
        ],
        "bootstrap": ["boolean"],
        "oob_score": ["boolean"],
        "warm_start": ["boolean"],
        "modalities": [list, tuple, None],
        "blocks": [Blocks, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator=None,
        n_estimators: int = 10,
        *,
        max_modalities: int | float | str = 0.5,
        max_samples: int | float = 1.0,
        bootstrap: bool = True,
        oob_score: bool = False,
        warm_start: bool = False,
        modalities=None,
        blocks: Blocks | None = None,
        n_jobs: int | None = None,
        random_state=None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.max_modalities = max_modalities
        self.max_samples = max_samples
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.warm_start = warm_start
        self.modalities = modalities
        self.blocks = blocks
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Fit the members.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for numbers
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are left out. Where rows are drawn, the weights are
            their chances; where whole groups are, or all rows are used, they are
            handed to the members.
        groups : array-like of shape (n_samples,), default=None
            Whole groups are drawn instead of rows; given to the members as well,
            if they take groups.

        Returns
        -------
        self : estimator
        """
        self._check_inner()
        if self.oob_score and not self.bootstrap:
            raise ValueError("Out of bag estimation only available if bootstrap=True")
        n_given = num_samples(X)
        X, y, weights, groups, kept = self._start(X, y, sample_weight, groups)
        self._warn_if_single()
        if groups is not None:
            warn_if_ungrouped(self._inner())
        blocks = self._own_blocks
        self._absent_fill = AbsentFill(blocks, mean=True).fit(X, weights)
        X = self._absent_fill.transform(X)
        old = self._members_to_keep()
        self._deal(blocks.present(X))
        if groups is None:
            draws = [self._drawn_rows(seed, len(y), weights) for seed in self._seeds]
        else:
            draws = [self._drawn_groups(seed, groups, weights) for seed in self._seeds]
        jobs = list(zip(self._hands, draws, self._seeds, strict=True))[len(old) :]
        self.estimators_ = old + self._parallel()(
            delayed(_fit_one)(
                self._member_of(hand),
                self._target,
                seed,
                *self._shown(hand, times, X, y, groups),
            )
            for hand, times, seed in jobs
        )
        self.estimator_modalities_ = [
            tuple(blocks.names[position] for position in hand) for hand in self._hands
        ]
        # among the rows that fit was given
        self.estimators_samples_ = [kept[np.flatnonzero(times)] for times in draws]
        if self.oob_score:
            self._judge_out_of_bag(X, y, weights, draws, kept, n_given)
        return self

    def _members_to_keep(self) -> list:
        """Return the members of the last fit that this one continues."""
        if not self.warm_start or not hasattr(self, "estimators_"):
            seed = check_random_state(self.random_state).randint(LARGEST_SEED)
            self._first_seed = seed
            return []
        if len(self.estimators_) > self.n_estimators:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be at least the number of "
                f"members that are fitted already, {len(self.estimators_)}, with "
                "warm_start=True."
            )
        return self.estimators_

    def _deal(self, present: NDArray[np.bool_]) -> None:
        """Choose the modalities and the seed of each member."""
        random = np.random.RandomState(self._first_seed)
        self._seeds = random.randint(LARGEST_SEED, size=self.n_estimators)
        able = np.flatnonzero(present.any(axis=0))
        size = None
        if self.max_modalities != "random":
            size = n_drawn(self.max_modalities, len(able))
        hands = dealt(len(able), size, np.random.RandomState(self._first_seed))
        self._hands = [able[hand] for hand in islice(hands, self.n_estimators)]

    def _drawn_rows(self, seed, n_samples, weights) -> NDArray:
        return drawn_rows(
            n_samples,
            self.max_samples,
            np.random.RandomState(seed),
            bootstrap=self.bootstrap,
            weights=weights,
        )

    def _drawn_groups(self, seed, groups, weights) -> NDArray:
        names, codes = np.unique(groups, return_inverse=True)
        random = np.random.RandomState(seed)
        times = drawn_rows(
            len(names), self.max_samples, random, bootstrap=self.bootstrap
        )[codes]
        return times if weights is None else times * weights

    def _member_of(self, hand: NDArray) -> Any:
        """Return an unfitted member that knows the blocks it will see."""
        seen = self._own_blocks.select(self._own_blocks.names[each] for each in hand)
        others = set(self._own_blocks.names) - set(seen.names)
        return hand_down(tell_unseen(clone(self._inner()), others), seen.packed())

    def _columns_of(self, hand: NDArray) -> list[int]:
        blocks = self._own_blocks
        return blocks.select(blocks.names[position] for position in hand).columns

    def _shown(self, hand, times, X, y, groups) -> tuple:
        """Return X, y, weights and groups as a member is fitted on them."""
        has = self._own_blocks.present(X)[:, hand].any(axis=1)
        rows = np.flatnonzero((times > 0) & has)
        weights = times[rows]
        weights = None if (weights == 1).all() else weights.astype(np.float64)
        groups = None if groups is None else groups[rows]
        return X[rows][:, self._columns_of(hand)], y[rows], weights, groups

    def _says(self, X: Any) -> NDArray[np.float64]:
        """Return how much each member has to say of each sample.

        Returns
        -------
        says : ndarray of shape (n_estimators, n_samples)
            The share of its modalities that the sample has; 0 for a member that
            was fitted on nothing.
        """
        present = self._own_blocks.present(X)
        says = np.stack([present[:, hand].mean(axis=1) for hand in self._hands])
        says[[model is None for model in self.estimators_]] = 0.0
        return says

    def _mean_answer(
        self, X: Any, says: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the weighted mean over the members, and who got an answer from any."""
        total = np.zeros((X.shape[0], len(self._target.prior)))
        speaking = [p for p, share in enumerate(says) if share.any()]
        answers = self._parallel(require="sharedmem")(
            delayed(self._answer_of)(position, X[says[position] > 0])
            for position in speaking
        )
        for position, answer in zip(speaking, answers, strict=True):
            share = says[position]
            total[share > 0] += share[share > 0, None] * answer
        mass = says.sum(axis=0)
        some = mass > 0
        return total / np.where(some, mass, 1.0)[:, None], some

    def _answer_of(self, position: int, X: Any) -> NDArray[np.float64]:
        columns = self._columns_of(self._hands[position])
        return self._answer(self.estimators_[position], X[:, columns])

    def _said(self, X: Any, answer: str = "prior") -> NDArray[np.float64]:
        """Return the mean of the members' answers, (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        fitted = [model is not None for model in self.estimators_]
        members = zip(self.estimator_modalities_, fitted, strict=True)
        heard = {name for names, is_fitted in members if is_fitted for name in names}

        def mean(X):
            X = self._absent_fill.transform(X)
            return self._mean_answer(X, self._says(X))[0]

        heard = self._own_blocks.select(heard)
        return with_prior(heard, X, self._target.prior, mean, answer)

    def _judge_out_of_bag(self, X, y, weights, draws, kept, n_given) -> None:
        says = self._says(X)
        says[np.stack(draws) > 0] = 0.0
        answers, some = self._mean_answer(X, says)
        if not some.all():
            warnings.warn(
                f"{int((~some).sum())} of {len(some)} samples are in the bag of every "
                "member that could answer them: they are not in oob_score_, and their "
                "out-of-bag answers are NaN. More estimators mend it.",
                UserWarning,
                stacklevel=3,
            )
        if not some.any():
            raise ValueError(
                "No sample is out of the bag of a member that could answer it. Choose "
                "more estimators or a smaller max_samples."
            )
        given = np.full((n_given, answers.shape[1]), np.nan)
        given[kept[some]] = answers[some]
        self._keep_out_of_bag(given)
        weights = None if weights is None else weights[some]
        self.oob_score_ = self._score(y[some], answers[some], weights)

    def _parallel(self, **params: Any) -> Parallel:
        return Parallel(n_jobs=self.n_jobs, verbose=int(self.verbose), **params)

    @abstractmethod
    def _inner(self) -> Any:
        """Return the estimator that the members are clones of."""

    @abstractmethod
    def _check_inner(self) -> None:
        """Refuse an estimator of another kind."""

    @abstractmethod
    def _answer(self, model: Any, X: Any) -> NDArray[np.float64]:
        """Return what a fitted member says, (n_samples, n_outputs)."""

    @abstractmethod
    def _keep_out_of_bag(self, answers: NDArray[np.float64]) -> None:
        """Keep the out-of-bag answers of the rows that fit was given."""

    @abstractmethod
    def _score(self, y, answers, weights) -> float:
        """Return the score of the answers."""

    def _allows_nan(self) -> bool:
        return get_tags(self._inner()).input_tags.allow_nan

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._inner()).input_tags.sparse
        return tags


def _fit_one(member: Any, target: Target, seed: int, X, y, weights, groups) -> Any:
    set_random_states(member, np.random.RandomState(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingleBlockWarning)  # of one modality by chance
        return fit_member(member, target, X, y, weights, groups)
