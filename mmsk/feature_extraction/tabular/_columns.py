"""One column of any table: its cells, and what they say about its role."""

import datetime
import decimal
import numbers
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING, BOOLEAN, NUMBER, STRING, DATE, FOREIGN = range(6)

_ROLES = {BOOLEAN: "boolean", NUMBER: "number", STRING: "category", DATE: "date"}
_WORDS = {BOOLEAN: "boolean", NUMBER: "number", STRING: "string", DATE: "date"}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The cells of one column.

    Parameters
    ----------
    key : str or int
        Name of the column, its position in an array.
    values : ndarray of shape (n_samples,)
        Numbers, booleans, ``datetime64[us]`` or objects.
    codes : int8 ndarray of shape (n_samples,)
        What each cell is: MISSING, BOOLEAN, NUMBER, STRING or DATE.
    declared : bool, default=False
        Whether the table itself says that these are categories.
    """

    key: Any
    values: NDArray
    codes: NDArray[np.int8]
    declared: bool = False

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are missing."""
        return self.codes == MISSING

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
        kinds = self.kinds()
        if self.declared:
            return "category"
        if not kinds:
            kind = self.values.dtype.kind
            return {"f": "number", "M": "date"}.get(kind, "category")
        if len(kinds) > 1:
            raise self.mixed()
        return _ROLES[kinds.pop()]

    def kinds(self) -> set[int]:
        """Return the codes of the cells that are not missing."""
        return set(np.unique(self.codes).tolist()) - {MISSING}

    def mixed(self) -> ValueError:
        """Return the error that names the first cell of another kind."""
        first = int(np.argmax(self.codes != MISSING))
        kind = self.codes[first]
        row = int(np.argmax((self.codes != MISSING) & (self.codes != kind)))
        return ValueError(
            f"Column {self.key!r}, row {row}: got the {_WORDS[self.codes[row]]} "
            f"{_short(self.values[row])} in a column that starts with the "
            f"{_WORDS[kind]} {_short(self.values[first])}. Make the column one type, "
            "for example with astype(str)."
        )


def read_column(key: Any, raw: Any) -> Column:
    """Read a pandas or polars Series or a 1-D array.

    Raises
    ------
    TypeError
        If a cell is no string, number, boolean or date.
    ValueError
        If the numbers are complex.
    """
    if hasattr(raw.dtype, "is_numeric"):
        values, declared = _polars_values(raw)
    elif isinstance(raw, np.ndarray):
        values, declared = raw, False
    else:
        values, declared = _pandas_values(raw)
    kind = values.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: column {key!r} is complex.")
    if kind == "m":
        raise _foreign(key, 0, "timedelta")
    if kind in "iufb":
        code = BOOLEAN if kind == "b" else NUMBER
        missing = np.isnan(values) if kind == "f" else np.zeros(len(values), bool)
        codes = np.where(missing, MISSING, code).astype(np.int8)
    elif kind == "M":
        values = values.astype("datetime64[us]")
        codes = np.where(np.isnat(values), MISSING, DATE).astype(np.int8)
    else:
        values = values.astype(object)
        codes = _cell_codes(key, values)
    return Column(key, values, codes, declared)


def _pandas_values(raw: Any) -> tuple[NDArray, bool]:
    dtype = raw.dtype
    kind = getattr(dtype, "kind", "O")
    if kind == "M" and raw.dt.tz is not None:
        raw = raw.dt.tz_localize(None)  # the clock on the wall, not UTC
    if kind in "iufM" and not isinstance(dtype, np.dtype):
        missing = np.datetime64("NaT") if kind == "M" else np.nan
        target = "datetime64[us]" if kind == "M" else np.float64
        return raw.to_numpy(dtype=target, na_value=missing), False
    if isinstance(dtype, np.dtype):
        return raw.to_numpy(), False
    return raw.to_numpy(dtype=object), str(dtype) == "category"


def _polars_values(raw: Any) -> tuple[NDArray, bool]:
    dtype = raw.dtype
    name = str(dtype)
    if name.startswith("Decimal"):
        raw = raw.cast(float)
    if dtype.is_numeric():
        return raw.to_numpy(), False
    if getattr(dtype, "time_zone", None) is not None:
        raw = raw.dt.replace_time_zone(None)
    if name.startswith("Date"):
        return raw.to_numpy(), False
    cells = np.fromiter(raw.to_list(), dtype=object, count=len(raw))
    return cells, name.startswith(("Categorical", "Enum"))


def _cell_codes(key: Any, cells: NDArray[np.object_]) -> NDArray[np.int8]:
    codes = np.fromiter(map(_type_code, map(type, cells)), np.int8, len(cells))
    if (codes == FOREIGN).any():
        row = int(np.argmax(codes == FOREIGN))
        raise _foreign(key, row, type(cells[row]).__name__)
    candidates = np.flatnonzero((codes == NUMBER) | (codes == DATE))
    # NaN and NaT are the cells that differ from themselves
    unequal = np.fromiter(
        (bool(cell != cell) for cell in cells[candidates]), bool, len(candidates)
    )
    codes[candidates[unequal]] = MISSING
    return codes


@cache
def _type_code(cls: type) -> int:
    # pandas is optional: its two missing scalars are known by their type's name
    if cls is type(None) or cls.__name__ in ("NAType", "NaTType"):
        return MISSING
    for kinds, code in (
        ((bool, np.bool_), BOOLEAN),
        (str, STRING),
        (np.timedelta64, FOREIGN),  # which numpy registers as an integer
        ((numbers.Real, decimal.Decimal), NUMBER),
        ((datetime.date, np.datetime64), DATE),
    ):
        if issubclass(cls, kinds):
            return code
    return FOREIGN


def _foreign(key: Any, row: int, name: str) -> TypeError:
    return TypeError(
        f"Column {key!r}, row {row}: got a cell of type {name!r}, but the argument "
        "must be a string, a number, a boolean, a date or missing in every cell. "
        "Pictures, sound and lists belong to the extractors for images, audio and "
        f"text; leave the column out with roles={{{key!r}: 'drop'}}."
    )


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
