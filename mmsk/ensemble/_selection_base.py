"""What the selection of classifiers and that of regressors share."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import (
    Interval,
    StrOptions,
    fit_context,
    num_samples,
)
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.ensemble._greedy import greedy_weights
from mmsk.ensemble._members import NamedMembers, answer_of
from mmsk.ensemble._metric import score_of
from mmsk.fusion._base import with_prior
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
            self._check_fitted(used)
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
