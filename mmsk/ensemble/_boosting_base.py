"""How boosting over modalities is fitted: rounds of learners of one block each."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.tree import BaseDecisionTree

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import set_random_states
from mmsk.compose._hand_down import hand_down
from mmsk.compose._told_unseen import tell_unseen
from mmsk.ensemble._answers import Target
from mmsk.ensemble._members import fit_member
from mmsk.ensemble._rounds import Step, cooperating, reweighted, step_of
from mmsk.exceptions import SingleBlockWarning


def part_of(X: Any, blocks: Blocks, name: str) -> Any:
    """Return the features of one modality, without its presence column."""
    block = blocks[name]
    return X[:, block.start : block.stop]


def learner_of(estimator: Any, blocks: Blocks, name: str) -> Any:
    """Return a clone that knows what it sees: one block that every sample has."""
    others = set(blocks.names) - {name}
    block = blocks[name]
    alone = replace(block, start=0, stop=block.width, indicator=None)
    return hand_down(tell_unseen(clone(estimator), others), Blocks([alone]))


@dataclass
class Modality:
    """The training samples that have one modality.

    Parameters
    ----------
    name : str
    learner : estimator
        A clone that is cloned in each round.
    X : array of shape (n_present, n_columns)
    y : ndarray of shape (n_present,)
    groups : ndarray of shape (n_present,) or None
    present : bool ndarray of shape (n_samples,)
    """

    name: str
    learner: Any
    X: Any
    y: NDArray
    groups: NDArray | None
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, name, learner, X, y, groups, present) -> "Modality":
        """Cut out the samples that have it; X holds its columns only."""
        if isinstance(learner, BaseDecisionTree) and not sp.issparse(X):
            X = np.asfortranarray(X, dtype=np.float32)  # as trees read it
        if not present.all():
            X, y = X[present], y[present]
            groups = None if groups is None else groups[present]
        return cls(name, learner, X, y, groups, present)

    def fit(
        self,
        weights: NDArray[np.float64],
        target: Target,
        random: np.random.RandomState,
    ) -> tuple[Any, NDArray[np.bool_]]:
        """Fit a learner; return it and which of all samples it gets right."""
        model = clone(self.learner)
        set_random_states(model, random)
        own = weights[self.present]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SingleBlockWarning)  # as it should be
            model = fit_member(
                model, target, self.X, self.y, own / own.sum(), self.groups
            )
        right = np.zeros(len(weights), dtype=bool)
        right[self.present] = model.predict(self.X) == self.y
        return model, right


@dataclass(frozen=True)
class Vote:
    """A learner that joined the ensemble.

    Parameters
    ----------
    model : estimator
    modality : str
    round : int
    step : Step
    weight : float
        Of its vote, with the learning rate.
    whole : bool
        Whether every training sample has its modality.
    """

    model: Any
    modality: str
    round: int
    step: Step
    weight: float
    whole: bool

    @property
    def perfect(self) -> bool:
        """Whether it leaves no training sample to learn."""
        return self.whole and self.step.error == 0


class Boost:
    """The rounds of a boosting, on one distribution over the samples or several.

    Parameters
    ----------
    modalities : list of Modality
    target : Target
    weights : ndarray of shape (n_samples,)
        Before the first round.
    n_classes : int
    learning_rate : float
    combine : {"best", "all"}
    cooperation : bool
    random : RandomState
    """

    def __init__(
        self,
        modalities: list[Modality],
        target: Target,
        weights: NDArray[np.float64],
        *,
        n_classes: int,
        learning_rate: float,
        combine: str,
        cooperation: bool,
        random: np.random.RandomState,
    ) -> None:
        self.modalities = modalities
        self.target = target
        self.n_classes = n_classes
        self.learning_rate = learning_rate
        self.combine = combine
        self.cooperation = cooperation
        self.random = random
        self.weights = weights / weights.sum()
        self.own = [self.weights] * len(modalities)
        self.gains = [[] for _ in modalities]

    def run(self, n_rounds: int, n_tried: int, *, weighted: bool) -> list[Vote]:
        """Return the learners that joined, in their order.

        Parameters
        ----------
        n_rounds : int
            At most.
        n_tried : int
            Modalities that are tried in a round.
        weighted : bool
            Whether they are drawn by what they gained so far.
        """
        votes = []
        for number in range(n_rounds):
            tried = self._draw(n_tried, weighted=weighted)
            joined = self._round(number, tried)
            votes += joined
            whole = len(tried) == len(self.modalities)
            if not joined and whole and not self.cooperation:
                break  # the next round would be the same
            if joined and joined[0].perfect:
                break  # nothing is left to learn
        return votes

    def _draw(self, n_tried: int, *, weighted: bool) -> list[int]:
        count = len(self.modalities)
        if n_tried == count:
            return list(range(count))
        if not weighted:
            return sorted(self.random.choice(count, n_tried, replace=False))
        # who was not tried comes first
        mean = [np.mean(each) if each else np.inf for each in self.gains]
        new = [position for position in range(count) if np.isinf(mean[position])]
        self.random.shuffle(new)
        chosen = new[:n_tried]
        if len(chosen) < n_tried:
            rest = [p for p in range(count) if p not in chosen]
            chances = np.array([mean[p] for p in rest]) + 1e-3
            more = n_tried - len(chosen)
            drawn = self.random.choice(
                rest, more, replace=False, p=chances / chances.sum()
            )
            chosen += drawn.tolist()
        return sorted(chosen)

    def _round(self, number: int, tried: list[int]) -> list[Vote]:
        """Fit a learner for each modality that is tried; let the best one join."""
        modalities = [self.modalities[position] for position in tried]
        distributions = [
            self.own[position] if self.cooperation else self.weights
            for position in tried
        ]
        fitted = [
            modality.fit(weights, self.target, self.random)
            for modality, weights in zip(modalities, distributions, strict=True)
        ]
        right = np.stack([each for _, each in fitted])
        answers = np.stack([modality.present for modality in modalities])
        if self.cooperation:
            self._cooperate(tried, right, answers)
        waiting = list(range(len(tried)))
        votes = []
        while waiting and (not votes or self.combine == "all"):
            steps = {
                position: step_of(
                    right[position], answers[position], self.weights, self.n_classes
                )
                for position in waiting
            }
            if not votes:
                for position, step in steps.items():
                    gain = max(1 - step.loss, 0.0) if step.weight > 0 else 0.0
                    self.gains[tried[position]].append(gain)
            able = [position for position in waiting if steps[position].weight > 0]
            if not able:
                break
            best = min(able, key=lambda position: steps[position].loss)
            waiting.remove(best)
            step = steps[best]
            weight = self.learning_rate * step.weight
            if self.n_classes > 1:
                self.weights = reweighted(
                    self.weights, right[best], answers[best], weight, self.n_classes
                )
            model, name = fitted[best][0], modalities[best].name
            whole = bool(answers[best].all())
            votes.append(Vote(model, name, number, step, weight, whole))
        return votes

    def _cooperate(self, tried, right, answers) -> None:
        """Change the distribution of each modality that was tried."""
        moved = cooperating(right, answers)
        for row, position in enumerate(tried):
            step = step_of(right[row], answers[row], self.own[position], self.n_classes)
            if step.weight > 0 and self.n_classes > 1:
                self.own[position] = reweighted(
                    self.own[position],
                    right[row],
                    moved[row],
                    self.learning_rate * step.weight,
                    self.n_classes,
                )
