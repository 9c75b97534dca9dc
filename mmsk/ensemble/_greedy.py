"""Greedy selection of an ensemble from what its candidates say."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from mmsk.fusion._combine import TINY

MOST_SORTED = 25
"""Candidates of which the sorted initialisation may take the first ones."""

SMALLEST_BAG = 5
"""A bag of fewer candidates would mostly be an ensemble of bad ones."""

Score = Callable[[NDArray[np.float64]], float]


def greedy_weights(
    answers: NDArray[np.float64],
    present: NDArray[np.bool_],
    prior: NDArray[np.float64],
    score: Score,
    *,
    n_rounds: int = 25,
    n_init: int | str = "auto",
    n_bags: int = 20,
    bag_fraction: float = 0.5,
    random_state=None,
) -> NDArray[np.float64]:
    """Choose candidates, some of them several times, whose mean scores best.

    Parameters
    ----------
    answers : ndarray of shape (n_candidates, n_samples, n_outputs)
        Out-of-fold predictions.
    present : bool ndarray of shape (n_samples, n_candidates)
        Which candidates say anything of a sample; the mean is over these.
    prior : ndarray of shape (n_outputs,)
        The answer to a sample of which no chosen candidate says anything.
    score : callable
        Takes predictions of shape (n_samples, n_outputs); greater is better.
    n_rounds : int, default=25
        Candidates to add after those of the start.
    n_init : int or "auto", default="auto"
        How many of the best candidates to start with. ``"auto"``: as many of them
        as score best together.
    n_bags : int, default=20
        Selections, each among some of the candidates; 1 is a single one among all.
    bag_fraction : float, default=0.5
        Share of the candidates in a bag; at least five are.
    random_state : int, RandomState instance or None, default=None
        Draws the bags.

    Returns
    -------
    weights : ndarray of shape (n_candidates,)
        Mean over the bags of how often each was chosen; their sum is 1.
    """
    n_candidates = len(answers)
    size = min(n_candidates, max(SMALLEST_BAG, round(bag_fraction * n_candidates)))
    if n_bags == 1 or size == n_candidates:
        bags = [np.arange(n_candidates)]
    else:
        random = check_random_state(random_state)
        bags = [random.permutation(n_candidates)[:size] for _ in range(n_bags)]
    weights = np.zeros(n_candidates)
    for bag in map(np.sort, bags):
        counts = _select(answers[bag], present[:, bag], prior, score, n_rounds, n_init)
        weights[bag] += counts / counts.sum()
    return weights / len(bags)


def _select(answers, present, prior, score, n_rounds, n_init) -> NDArray[np.int64]:
    """Return how often each candidate is in the best ensemble on the way."""
    shares = present.T.astype(np.float64)  # (n_candidates, n_samples)
    known = np.where(present.T[:, :, None], answers, 0.0)

    def value(total, mass):
        mean = total / np.maximum(mass, TINY)[:, None]
        found = score(np.where(mass[:, None] > 0, mean, prior))
        return -np.inf if np.isnan(found) else found

    alone = np.array([value(*each) for each in zip(known, shares, strict=True)])
    order = np.argsort(-alone, kind="stable")
    if n_init == "auto":
        first = order[:MOST_SORTED]
        sums = zip(
            known[first].cumsum(axis=0), shares[first].cumsum(axis=0), strict=True
        )
        n_init = 1 + int(np.argmax([value(*each) for each in sums]))
    counts = np.zeros(len(answers), dtype=np.int64)
    counts[order[:n_init]] = 1
    total, mass = known[counts > 0].sum(axis=0), shares[counts > 0].sum(axis=0)
    best, best_counts = -np.inf, counts
    if counts.any():
        best, best_counts = value(total, mass), counts.copy()
    for _ in range(n_rounds):
        values = [
            value(total + one, mass + share)
            for one, share in zip(known, shares, strict=True)
        ]
        chosen = int(np.argmax(values))
        counts[chosen] += 1
        total, mass = total + known[chosen], mass + shares[chosen]
        if values[chosen] > best or not best_counts.any():
            best, best_counts = values[chosen], counts.copy()
    return best_counts
