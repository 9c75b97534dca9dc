"""Which rows a split parts."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TRAIN, _TEST = 1, 2


class Sides:
    """Tell whether two contents stand on different sides.

    Parameters
    ----------
    n_samples : int
    splits : sequence of (train, test), default=None
        The sides are training and test rows, in any of these.
    groups : array-like of shape (n_samples,), default=None
        Without splits: the sides are the groups. Without either each row is a side.
    """

    def __init__(
        self,
        n_samples: int,
        splits: Sequence[tuple[ArrayLike, ArrayLike]] | None = None,
        groups: ArrayLike | None = None,
    ) -> None:
        self._sides = None
        self._groups = np.arange(n_samples) if groups is None else np.asarray(groups)
        if splits is not None:
            self._sides = np.zeros((len(splits), n_samples), dtype=np.uint8)
            for sides, (train, test) in zip(self._sides, splits, strict=True):
                sides[train] |= _TRAIN
                sides[test] |= _TEST

    def part(
        self, first: Iterable[int], second: Iterable[int]
    ) -> tuple[bool, tuple[int, ...]]:
        """Tell whether a row of the one and a row of the other are on two sides.

        Parameters
        ----------
        first, second : iterables of int
            The rows of two contents, or twice those of one.

        Returns
        -------
        parted : bool
        folds : tuple of int
            The splits that part them; empty where there are no splits.
        """
        first, second = list(first), list(second)
        if self._sides is None:
            known = set(self._groups[first].tolist() + self._groups[second].tolist())
            return len(known) > 1, ()
        ours, theirs = (_both(self._sides[:, rows]) for rows in (first, second))
        parted = (ours & theirs[:, ::-1]).any(axis=1)
        folds = tuple(np.flatnonzero(parted).tolist())
        return bool(folds), folds


def _both(sides: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return whether any row is trained on and whether any is tested: (n_splits, 2)."""
    seen = np.bitwise_or.reduce(sides, axis=1)
    return np.stack([seen & _TRAIN, seen & _TEST], axis=1).astype(bool)
