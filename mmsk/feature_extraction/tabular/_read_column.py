"""Reading one column of pandas, polars and NumPy tables."""

import datetime
import decimal
import numbers
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._clocks import zone_name
from mmsk.feature_extraction.tabular._columns import (
    BOOLEAN,
    DATE,
    FOREIGN,
    MISSING,
    NUMBER,
    STRING,
    Column,
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
    if isinstance(raw, np.ndarray):
        return _read_values(key, raw)
    if hasattr(raw.dtype, "is_numeric"):
        return _read_polars(key, raw)
    return _read_pandas(key, raw)


def _read_pandas(key: Any, raw: Any) -> Column:
    dtype = raw.dtype
    name, kind = str(dtype), getattr(dtype, "kind", "O")
    if name == "category" or name.startswith(("str", "string")):
        return _read_coded(key, raw, declared=name == "category")
    if kind == "M" and raw.dt.tz is not None:
        # the clock on the wall, and UTC beside it
        column = _read_pandas(key, raw.dt.tz_localize(None))
        utc = _read_pandas(key, raw.dt.tz_convert("UTC").dt.tz_localize(None))
        return _zoned(column, zone_name(raw.dt.tz), utc)
    if isinstance(dtype, np.dtype):
        return _read_values(key, raw.to_numpy())
    if kind in "iufM":
        missing = np.datetime64("NaT") if kind == "M" else np.nan
        target = "datetime64[us]" if kind == "M" else np.float64
        return _read_values(key, raw.to_numpy(dtype=target, na_value=missing))
    return _read_values(key, raw.to_numpy(dtype=object))


def _read_coded(key: Any, raw: Any, *, declared: bool) -> Column:
    """Read a pandas Series that codes its cells faster than a loop could."""
    codes, levels = raw.factorize()
    levels = levels.tolist()
    types = np.append(_cell_types(levels), np.int8(MISSING))[codes]
    column = Column(key, types, levels=levels, codes=codes, declared=declared)
    return _without_foreign(column)


def _read_polars(key: Any, raw: Any) -> Column:
    dtype = raw.dtype
    name = str(dtype)
    if name.startswith("Decimal"):
        raw = raw.cast(float)
    if dtype.is_numeric():
        return _read_values(key, raw.to_numpy())
    zone = getattr(dtype, "time_zone", None)
    if zone is not None:
        column = _read_polars(key, raw.dt.replace_time_zone(None))
        utc = raw.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _zoned(column, zone, _read_polars(key, utc))
    if name.startswith("Date"):
        return _read_values(key, raw.to_numpy())
    cells = np.fromiter(raw.to_list(), dtype=object, count=len(raw))
    return _read_values(key, cells, name.startswith(("Categorical", "Enum")))


def _read_values(key: Any, values: NDArray, declared: bool = False) -> Column:
    kind = values.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: column {key!r} is complex.")
    if kind == "m":
        raise _foreign(key, 0, "timedelta")
    if kind in "iufb":
        types = np.full(len(values), BOOLEAN if kind == "b" else NUMBER, np.int8)
        if kind == "f":
            types[np.isnan(values)] = MISSING
    elif kind == "M":
        days = np.datetime_data(values.dtype)[0] == "D"
        values = values.astype("datetime64[us]")
        types = np.where(np.isnat(values), MISSING, DATE).astype(np.int8)
        has_clock = not days and DATE in types
        return Column(key, types, values, zones=frozenset([None] * has_clock))
    else:
        values = values.astype(object)
        types = _cell_types(values.tolist())
    return _without_foreign(Column(key, types, values, declared=declared))


def _zoned(column: Column, zone: str, utc: Column) -> Column:
    if column.zones:
        column.zones, column.utc = frozenset({zone}), utc.values
    return column


def _without_foreign(column: Column) -> Column:
    if FOREIGN in column.kinds:
        row = int(np.argmax(column.types == FOREIGN))
        raise _foreign(column.key, row, type(column.values[row]).__name__)
    return column


def _cell_types(cells: list) -> NDArray[np.int8]:
    classes = list(map(type, cells))
    types_of = {cls: _type_of(cls) for cls in set(classes)}
    types = np.fromiter(map(types_of.__getitem__, classes), np.int8, len(classes))
    if not {NUMBER, DATE}.isdisjoint(types_of.values()):
        # NaN and NaT are the cells that differ from themselves
        for row in np.flatnonzero((types == NUMBER) | (types == DATE)).tolist():
            if cells[row] != cells[row]:
                types[row] = MISSING
    return types


@cache
def _type_of(cls: type) -> int:
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
