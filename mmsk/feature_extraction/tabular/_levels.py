"""The levels of a category, and which of them a cell holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._clocks import Clock
from mmsk.feature_extraction.tabular._columns import (
    BOOLEAN,
    DATE,
    NUMBER,
    STRING,
    Column,
)

# True == 1 == 1.0 in a dictionary of levels
_FAMILIES = {NUMBER: "numbers", BOOLEAN: "numbers", STRING: "strings", DATE: "dates"}


class Levels:
    """The levels that the rows of fit hold, sorted.

    Parameters
    ----------
    column : Column
    rows : slice or int ndarray
        The rows that count.
    weights : ndarray of shape (n_rows,) or None

    Attributes
    ----------
    names : list of shape (n_levels,)
        The levels.
    counts : ndarray of shape (n_levels,)
        The weight of each level.
    total : float
        The weight of all rows, those with a missing cell among them.
    has_missing : bool
        Whether a cell was missing.
    """

    def __init__(self, column: Column, rows, weights) -> None:
        self.family = _family(column)
        self._clock = Clock(column) if DATE in column.kinds else None
        known, codes = self._coded(column)
        codes = codes[rows]
        # the last place is that of the missing cells, whose code is -1
        n_rows = np.bincount(codes + 1, minlength=len(known) + 1)
        mass = n_rows
        if weights is not None:
            mass = np.bincount(codes + 1, weights, len(known) + 1)
        self.total = float(mass.sum())
        self.has_missing = bool(n_rows[0])
        pairs = [
            (level, count)
            for level, count, n in zip(known, mass[1:], n_rows[1:], strict=True)
            if n
        ]
        pairs.sort(key=lambda pair: pair[0])
        self.names = [level for level, _ in pairs]
        self.counts = np.array([count for _, count in pairs], dtype=np.float64)
        self._places = {level: place for place, level in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def constant(self) -> bool:
        """Whether all cells of fit were the same, or all missing."""
        return len(self) + self.has_missing <= 1

    def codes(self, column: Column) -> NDArray[np.intp]:
        """Return the place of each cell's level.

        A level that was not there in fit has the place ``len(self)``, a missing
        cell the one behind.

        Raises
        ------
        ValueError
            If the cells are of another type than in fit.
        """
        family = _family(column)
        if None not in (family, self.family) and family != self.family:
            raise ValueError(
                f"Column {column.key!r} holds {family}, but its levels were "
                f"{self.family} in fit: convert it to what it was."
            )
        known, codes = self._coded(column)
        places = [self._places.get(level, len(self)) for level in known]
        return np.array([*places, len(self) + 1], dtype=np.intp)[codes]

    def labels(self) -> list[str]:
        """Return the levels as they stand in names of features."""
        return list(map(label, self.names))

    def _coded(self, column: Column) -> tuple[list, NDArray[np.intp]]:
        if self._clock is not None and DATE in column.kinds:
            # of one type too: a date and a datetime can't be sorted
            column = Column(column.key, column.types, self._clock.read(column))
        return column.coded


def label(level: Any) -> str:
    """Return a level as a string, 1.0 as 1."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        level = int(level)
    return str(level)


def _family(column: Column) -> str | None:
    """Tell what the levels are.

    Raises
    ------
    ValueError
        If they are of several types.
    """
    families = {_FAMILIES[kind] for kind in column.kinds}
    if len(families) > 1:
        raise column.mixed()
    return next(iter(families), None)
