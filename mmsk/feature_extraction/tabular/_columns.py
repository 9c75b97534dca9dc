"""One column of any table: its cells, and what they say about its role."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING, BOOLEAN, NUMBER, STRING, DATE, FOREIGN = range(6)

_ROLES = {BOOLEAN: "boolean", NUMBER: "number", STRING: "category", DATE: "date"}
_WORDS = {BOOLEAN: "boolean", NUMBER: "number", STRING: "string", DATE: "date"}


class Column:
    """The cells of one column.

    Parameters
    ----------
    key : str or int
        Name of the column, its position in an array.
    types : int8 ndarray of shape (n_samples,)
        What each cell is: MISSING, BOOLEAN, NUMBER, STRING or DATE.
    values : ndarray of shape (n_samples,), default=None
        Numbers, booleans, ``datetime64[us]`` or objects. ``None`` where the
        table keeps levels and codes.
    levels : list, default=None
        Different cells, where the table keeps them apart; some may not occur.
    codes : int ndarray of shape (n_samples,), default=None
        The level of each cell, -1 for a missing one.
    declared : bool, default=False
        Whether the table itself says that these are categories.
    zones : frozenset of str or None, default=frozenset()
        The time zone of ``datetime64`` values, None for none; empty for days.
    utc : ndarray of shape (n_samples,), default=None
        The same moments in UTC, where there is a time zone.

    Attributes
    ----------
    dates : tuple or None
        The dates of the cells and their time zones, once they were read.
    """

    def __init__(
        self,
        key: Any,
        types: NDArray[np.int8],
        values: NDArray | None = None,
        *,
        levels: list | None = None,
        codes: NDArray | None = None,
        declared: bool = False,
        zones: frozenset = frozenset(),
        utc: NDArray | None = None,
    ) -> None:
        self.key = key
        self.types = types
        self.declared = declared
        self.zones, self.utc = zones, utc
        self.dates: tuple[NDArray[np.datetime64], frozenset] | None = None
        self._levels, self._codes = levels, codes
        if values is not None:
            self.values = values

    @cached_property
    def values(self) -> NDArray:
        """The cells one by one, ``None`` for a missing one of coded cells."""
        return object_array([*self._levels, None])[self._codes]

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are missing."""
        return self.types == MISSING

    @cached_property
    def kinds(self) -> frozenset[int]:
        """The types of the cells that are not missing."""
        # far faster than np.unique: there are few types
        found = np.bincount(self.types, minlength=FOREIGN + 1)
        return frozenset(np.flatnonzero(found).tolist()) - {MISSING}

    @cached_property
    def coded(self) -> tuple[list, NDArray[np.intp]]:
        """Different cells as hashable Python objects, and the code of each cell.

        A missing cell has code -1. There may be levels that do not occur.
        """
        if self._levels is not None:
            return self._levels, self._codes
        if self.values.dtype == object:
            return _hashed_codes(self.values, self.missing)
        known = ~self.missing
        levels, inverse = np.unique(self.values[known], return_inverse=True)
        codes = np.full(len(self.values), -1, np.intp)
        codes[known] = inverse
        return levels.tolist(), codes

    @property
    def dtype(self) -> np.dtype:
        """The type of the values, object for coded cells."""
        return np.dtype(object) if self._levels is not None else self.values.dtype

    def converted(
        self, convert: Callable[[Any], Any], missing: Any, dtype: Any
    ) -> NDArray:
        """Convert the cells, each different string once.

        Parameters
        ----------
        convert : callable
            From a cell to what `dtype` takes; a ValueError says why it cannot.
        missing : object
            What a missing cell becomes.
        dtype : dtype

        Raises
        ------
        ValueError
            That names the first cell that cannot be converted.
        """
        if self.kinds <= {STRING}:
            cells, codes = self.coded
        else:  # equal cells need not convert alike: dates of several time zones
            known = ~self.missing
            cells, codes = self.values[known].tolist(), np.full(len(known), -1)
            codes[known] = np.arange(len(cells))
        values = np.full(len(cells) + 1, missing, dtype)
        reasons = {}
        for place, cell in enumerate(cells):
            try:
                values[place] = convert(cell)
            except ValueError as error:
                reasons[place] = str(error)
        bad = np.isin(codes, list(reasons))
        if bad.any():
            row = int(np.argmax(bad))
            raise self.error(row, reasons[int(codes[row])])
        return values[codes]

    def error(self, row: int, reason: str) -> ValueError:
        """Return the error that names a cell."""
        cell = _short(self.values[row])
        return ValueError(f"Column {self.key!r}, row {row}: {reason}, got {cell}.")

    def role(self) -> str:
        """Decide the role from the cells.

        Raises
        ------
        ValueError
            If the cells are of different kinds.
        """
        if self.declared:
            return "category"
        if not self.kinds:
            kind = self.values.dtype.kind
            return {"f": "number", "M": "date"}.get(kind, "category")
        if len(self.kinds) > 1:
            raise self.mixed()
        return _ROLES[next(iter(self.kinds))]

    def mixed(self) -> ValueError:
        """Return the error that names the first cell of another kind."""
        first = int(np.argmax(~self.missing))
        kind = self.types[first]
        row = int(np.argmax(~self.missing & (self.types != kind)))
        return ValueError(
            f"Column {self.key!r}, row {row}: got the {_WORDS[self.types[row]]} "
            f"{_short(self.values[row])} in a column that starts with the "
            f"{_WORDS[kind]} {_short(self.values[first])}. Make the column one type, "
            "for example with astype(str)."
        )


def _hashed_codes(cells: NDArray, missing: NDArray) -> tuple[list, NDArray[np.intp]]:
    known = ~missing
    listed = cells[known].tolist()
    places = {level: place for place, level in enumerate(dict.fromkeys(listed))}
    codes = np.full(len(cells), -1, np.intp)
    codes[known] = np.fromiter(map(places.__getitem__, listed), np.intp, len(listed))
    return list(places), codes


def object_array(cells: list) -> NDArray[np.object_]:
    """Return the cells as an array of one dimension, whatever they are."""
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
