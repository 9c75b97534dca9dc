"""Which modalities and which samples a member of an ensemble is shown."""

from collections.abc import Iterator
from numbers import Integral

import numpy as np
from numpy.typing import NDArray


def n_drawn(wanted: int | float | None, count: int) -> int:
    """Return how many of the modalities a parameter stands for.

    Parameters
    ----------
    wanted : int, float or None
        A number, a share (at least one), or all.
    count : int
        How many there are.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    if wanted is None:
        return count
    if not isinstance(wanted, Integral):
        return max(int(wanted * count), 1)
    if wanted > count:
        raise ValueError(
            f"max_modalities={wanted}, but there are {count} modalities. Pass a share "
            "of them, or None."
        )
    return int(wanted)


def drawn_rows(
    n_samples: int,
    max_samples: int | float,
    random: np.random.RandomState,
    *,
    bootstrap: bool,
    weights: NDArray[np.float64] | None = None,
) -> NDArray:
    """Draw samples; return how many times each is taken.

    Parameters
    ----------
    n_samples : int
    max_samples : int or float
        How many are drawn, or which share of them (at least one).
    random : RandomState
    bootstrap : bool
        Whether one may be drawn several times.
    weights : ndarray of shape (n_samples,), default=None
        Chances of the samples, not of sum 1. Where all are taken once, they are
        what is returned.

    Returns
    -------
    times : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If more are wanted than there are, without repetition.
    """
    count = max_samples
    if not isinstance(count, Integral):
        count = max(int(count * n_samples), 1)
    if not bootstrap and count > n_samples:
        raise ValueError(
            f"max_samples={max_samples}, but there are {n_samples} to draw from "
            "without repetition. Pass a share of them, or bootstrap=True."
        )
    if not bootstrap and count == n_samples:
        return np.ones(n_samples) if weights is None else weights
    chances = None if weights is None else weights / weights.sum()
    drawn = random.choice(n_samples, count, replace=bootstrap, p=chances)
    return np.bincount(drawn, minlength=n_samples)


def dealt(
    count: int, size: int | None, random: np.random.RandomState
) -> Iterator[NDArray[np.intp]]:
    """Yield subsets without end.

    Among the subsets of one size, each modality is dealt equally often.

    Parameters
    ----------
    count : int
        How many modalities there are.
    size : int or None
        How many of them a subset has. ``None``: from 1 to all, each size equally
        often.
    random : RandomState

    Yields
    ------
    subset : int ndarray of shape (size,)
        Rising positions.
    """
    sizes = _shuffled(np.arange(1, count + 1) if size is None else [size], random)
    decks: dict[int, list[int]] = {}
    for wanted in sizes:
        deck = decks.setdefault(wanted, [])
        hand: list[int] = []
        while len(hand) < wanted:
            fresh = [each for each in deck if each not in hand]
            if not fresh:
                deck += random.permutation(count).tolist()
                continue
            hand.append(fresh[0])
            deck.remove(fresh[0])
        yield np.sort(hand)


def _shuffled(values, random: np.random.RandomState) -> Iterator[int]:
    """Yield values in random order, all of them before one comes again."""
    while True:
        yield from random.permutation(values).tolist()
