"""Numbers and booleans: impute, then scale."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import DATE, MISSING, STRING, Column

FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class Standardizer:
    """Fill, centre and scale columns of numbers, all arrays of shape (k,)."""

    fill: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        values: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        impute: str,
        scale: str | None,
    ) -> "Standardizer":
        """Learn from values of shape (n, k) and positive weights of shape (n,)."""
        known = ~np.isnan(values)
        if impute == "median":
            fill = weighted_median(values, weights)
        else:
            fill = weighted_mean(np.where(known, values, 0), known * weights[:, None])
        filled = np.where(known, values, fill)
        if scale is None:
            return cls(fill, np.zeros_like(fill), np.ones_like(fill))
        full = np.broadcast_to(weights[:, None], values.shape)
        mean = weighted_mean(filled, full)
        distance = np.abs(filled - mean)
        # squares of numbers near the ends of float64 are 0 or inf
        unit = np.where(distance.max(axis=0) > 0, distance.max(axis=0), 1)
        sd = unit * np.sqrt(weighted_mean((distance / unit) ** 2, full))
        # a column that holds one value tells nothing: its features are 0
        sd[filled.max(axis=0) == filled.min(axis=0)] = np.inf
        return cls(fill, mean, sd)

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features of values of shape (n, k)."""
        filled = np.where(np.isnan(values), self.fill, values)
        with np.errstate(over="ignore"):
            return (filled - self.mean) / self.scale


class NumberCoder:
    """One feature: the imputed and scaled number."""

    def __init__(self, *, impute: str = "median", scale: str | None = "standard"):
        self.impute = impute
        self.scale = scale

    def fit(self, column: Column, rows, weights) -> "NumberCoder":
        values = numbers_of(column)[rows, None]
        self.standardizer = Standardizer.fit(
            values, weights, impute=self.impute, scale=self.scale
        )
        return self

    def encode(self, column: Column) -> NDArray[np.float64]:
        values = self.standardizer.transform(numbers_of(column)[:, None])
        return clipped(values, column.key, "scaled values")

    def feature_names(self, name: str) -> list[str]:
        return [name]


class BooleanCoder:
    """One feature: 0 or 1, the share of ones where the cell is missing."""

    def fit(self, column: Column, rows, weights) -> "BooleanCoder":
        values = booleans_of(column)[rows]
        known = ~np.isnan(values)
        self.fill = float(weighted_mean(np.where(known, values, 0), known * weights))
        filled = np.where(known, values, self.fill)
        self.constant = bool(filled.max() == filled.min())
        return self

    def encode(self, column: Column) -> NDArray[np.float64]:
        values = booleans_of(column)[:, None]
        if self.constant:
            return np.zeros_like(values)
        return np.where(np.isnan(values), self.fill, values)

    def feature_names(self, name: str) -> list[str]:
        return [name]


def numbers_of(column: Column) -> NDArray[np.float64]:
    """Return the cells as float64, NaN where missing.

    Raises
    ------
    ValueError
        If a cell is no number or infinite.
    """
    if (column.codes == DATE).any():
        row = int(np.argmax(column.codes == DATE))
        raise column.error(row, "expected a number")
    values = np.full(len(column.values), np.nan)
    known = np.flatnonzero(column.codes != MISSING)
    try:
        values[known] = column.values[known].astype(np.float64)
    except (ValueError, OverflowError):
        for row in known:
            values[row] = _as_float(column, row)
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise column.error(row, "expected a finite number or a missing cell")
    return clipped(values, column.key, "values")


def booleans_of(column: Column) -> NDArray[np.float64]:
    """Return the cells as 0.0 and 1.0, NaN where missing.

    Raises
    ------
    ValueError
        If a cell is none of False, True, 0 and 1.
    """
    bad = np.isin(column.codes, (STRING, DATE))
    if not bad.any():
        values = numbers_of(column)
        bad = ~column.missing & ~np.isin(values, (0, 1))
    if bad.any():
        raise column.error(int(np.argmax(bad)), "expected False, True, 0 or 1")
    return values


def clipped(values: NDArray[np.float64], key, what: str) -> NDArray[np.float64]:
    """Limit values to what float32 can hold and say so.

    NaN stays.
    """
    n_beyond = int(np.count_nonzero(np.abs(values) > FLOAT32_MAX))
    if not n_beyond:
        return values
    warnings.warn(
        f"Column {key!r}: {n_beyond} {what} lie beyond the range of float32 and are "
        f"clipped to +-{FLOAT32_MAX:.3g}.",
        stacklevel=2,
    )
    return np.clip(values, -FLOAT32_MAX, FLOAT32_MAX)


def weighted_mean(values: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return the mean over rows, 0 where all weights are 0."""
    total = weights.sum(axis=0)
    return (values * weights).sum(axis=0) / np.where(total > 0, total, 1)


def weighted_median(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the median of each column, as if rows came as often as they weigh.

    Parameters
    ----------
    values : ndarray of shape (n, k)
        NaN is left out.
    weights : ndarray of shape (n,)
        Positive.

    Returns
    -------
    median : ndarray of shape (k,)
        ``np.nanmedian`` for equal weights, 0 where all is NaN.
    """
    order = np.argsort(values, axis=0)  # NaN comes last
    ordered = np.take_along_axis(values, order, axis=0)
    mass = np.cumsum(np.where(np.isnan(ordered), 0, weights[order]), axis=0)
    half = mass[-1] / 2
    # a tie is met up to the rounding of the sums
    lower = np.argmax(mass >= half * (1 - 1e-12), axis=0)
    upper = np.argmax(mass > half * (1 + 1e-12), axis=0)
    pair = np.take_along_axis(ordered, np.stack([lower, upper]), axis=0)
    return np.nan_to_num(pair.mean(axis=0))


def _as_float(column: Column, row: int) -> float:
    cell = column.values[row]
    try:
        return float(cell)
    except OverflowError:  # an int that no float holds
        return 2 * FLOAT32_MAX if cell > 0 else -2 * FLOAT32_MAX
    except ValueError:
        raise column.error(row, "expected a number") from None
