"""Dates: parts on their circles and days gone by."""

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._clocks import Clock
from mmsk.feature_extraction.tabular._columns import Column
from mmsk.feature_extraction.tabular._numbers import FilledScaler

DAY = np.timedelta64(1, "D")
CIRCLES = ("month", "day", "weekday", "hour")


class DateCoder:
    """Year, elapsed days, and sine and cosine of month, day, weekday and hour.

    The hour is left out where every date of fit is at midnight.
    """

    categorical = False

    def __init__(self, *, impute: str = "median", scale: str | None = "standard"):
        self.impute = impute
        self.scale = scale

    def fit(self, column: Column, rows, weights) -> "DateCoder":
        self.clock = Clock(column)
        dates = self.clock.read(column)[rows]
        known = dates[~np.isnat(dates)]
        self.origin = known.min() if len(known) else np.datetime64(0, "us")
        midnight = known == known.astype("datetime64[D]")
        self.circles = CIRCLES[:-1] if midnight.all() else CIRCLES
        self.scalers = [
            FilledScaler(impute=self.impute, scale=self.scale).fit(part, weights)
            for part in self._parts(dates)
        ]
        return self

    @property
    def width(self) -> int:
        return len(self.scalers)

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        parts = self._parts(self.clock.read(column))
        for place, (scaler, part) in enumerate(zip(self.scalers, parts, strict=True)):
            out[:, place] = scaler(part)

    def feature_names(self, name: str) -> list[str]:
        pairs = [f"{circle}_{end}" for circle in self.circles for end in ("sin", "cos")]
        return [f"{name}_{part}" for part in ("year", *pairs, "elapsed_days")]

    def _parts(self, dates: NDArray[np.datetime64]) -> list[NDArray[np.float64]]:
        """Return the parts one by one, NaN where the date is missing."""
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
        missing = np.isnat(dates)
        for part in parts:
            part[missing] = np.nan
        return parts
