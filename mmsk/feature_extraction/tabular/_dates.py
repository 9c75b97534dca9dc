"""Dates: parts on their circles and days gone by."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import DATE, MISSING, STRING, Column
from mmsk.feature_extraction.tabular._numbers import Standardizer

DAY = np.timedelta64(1, "D")
CIRCLES = ("month", "day", "weekday", "hour")


class DateCoder:
    """Year, elapsed days, and sine and cosine of month, day, weekday and hour.

    The hour is left out where every date of fit is at midnight.
    """

    def __init__(self, *, impute: str = "median", scale: str | None = "standard"):
        self.impute = impute
        self.scale = scale

    def fit(self, column: Column, rows, weights) -> "DateCoder":
        dates = dates_of(column)[rows]
        known = dates[~np.isnat(dates)]
        self.origin = known.min() if len(known) else np.datetime64(0, "us")
        midnight = known == known.astype("datetime64[D]")
        self.circles = CIRCLES[:-1] if midnight.all() else CIRCLES
        self.standardizer = Standardizer.fit(
            self._parts(dates), weights, impute=self.impute, scale=self.scale
        )
        return self

    def encode(self, column: Column) -> NDArray[np.float64]:
        return self.standardizer.transform(self._parts(dates_of(column)))

    def feature_names(self, name: str) -> list[str]:
        pairs = [f"{circle}_{end}" for circle in self.circles for end in ("sin", "cos")]
        return [f"{name}_{part}" for part in ("year", *pairs, "elapsed_days")]

    def _parts(self, dates: NDArray[np.datetime64]) -> NDArray[np.float64]:
        days, months = dates.astype("datetime64[D]"), dates.astype("datetime64[M]")
        month_start = months.astype("datetime64[D]")
        month_length = ((months + 1).astype("datetime64[D]") - month_start) / DAY
        turns = {
            "month": months.astype(np.int64) % 12 / 12,
            "day": (days - month_start) / DAY / month_length,
            "weekday": (days.astype(np.int64) + 3) % 7 / 7,  # 1970 began on a Thursday
            "hour": (dates - days) / DAY,
        }
        parts = [dates.astype("datetime64[Y]").astype(np.int64) + 1970.0]
        for circle in self.circles:
            angle = 2 * np.pi * turns[circle]
            parts += [np.sin(angle), np.cos(angle)]
        parts.append((dates - self.origin) / DAY)
        matrix = np.column_stack(parts)  # (n, n_parts)
        matrix[np.isnat(dates)] = np.nan
        return matrix


def dates_of(column: Column) -> NDArray[np.datetime64]:
    """Return the cells as ``datetime64[us]``, NaT where missing.

    A date with a time zone keeps the time on its clock.

    Raises
    ------
    ValueError
        If a cell is neither a date nor a string in ISO 8601 form.
    """
    if column.values.dtype.kind == "M":
        return column.values
    # objects one by one: only strings and dates convert, and an error names its row
    dates = np.full(len(column.values), np.datetime64("NaT"), "datetime64[us]")
    for row in np.flatnonzero(column.codes != MISSING):
        cell = column.values[row]
        try:
            if column.codes[row] == STRING:
                cell = datetime.fromisoformat(cell)
            elif column.codes[row] != DATE:
                raise ValueError
        except ValueError:
            reason = "expected a date or a string such as '2024-05-17'"
            raise column.error(row, reason) from None
        if getattr(cell, "tzinfo", None) is not None:
            cell = cell.replace(tzinfo=None)
        dates[row] = np.datetime64(cell, "us")
    return dates
