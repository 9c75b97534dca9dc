"""Numbers and booleans: impute, then scale, then embed."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import DATE, STRING, Column
from mmsk.feature_extraction.tabular._embeddings import EMBEDDINGS
from mmsk.feature_extraction.tabular._scaling import SCALINGS
from mmsk.feature_extraction.tabular._statistics import weighted_mean, weighted_median

FLOAT32_MAX = float(np.finfo(np.float32).max)


class FilledScaler:
    """Fill gaps, then scale.

    Parameters
    ----------
    impute : {"median", "mean"}
    scale : {"standard", "quantile"} or None
    """

    def __init__(self, *, impute: str, scale: str | None) -> None:
        self.impute = impute
        self.scale = scale

    def fit(self, values: NDArray[np.float64], weights) -> "FilledScaler":
        """Learn from values of shape (n,), NaN where missing."""
        known = ~np.isnan(values)
        center = weighted_median if self.impute == "median" else weighted_mean
        self.fill = center(values[known], None if weights is None else weights[known])
        filled = np.where(known, values, self.fill)
        self.scaling = SCALINGS[self.scale].fit(filled, weights)
        return self

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values without gaps, scaled."""
        return self.scaling(np.where(np.isnan(values), self.fill, values))


class NumberCoder:
    """The imputed and scaled number, or an embedding of it.

    Parameters
    ----------
    impute, scale
        As FilledScaler takes them.
    embedding : {"piecewise", "periodic"} or None
    size : int
        Number of bins or frequencies of the embedding.
    sigma : float
        Spread of the frequencies.
    """

    categorical = False

    def __init__(
        self,
        *,
        impute: str = "median",
        scale: str | None = "standard",
        embedding: str | None = None,
        size: int = 8,
        sigma: float = 0.5,
    ) -> None:
        self.scaler = FilledScaler(impute=impute, scale=scale)
        self.kind = embedding
        self.shape = {"size": size, "sigma": sigma}

    def fit(self, column: Column, rows, weights) -> "NumberCoder":
        values = numbers_of(column)[rows]
        self.scaler.fit(values, weights)
        self.embedding = None
        if self.kind is not None:
            embedding = EMBEDDINGS[self.kind]
            scaled = self.scaler(values)
            self.embedding = embedding.fit(scaled, weights, **self.shape)
        return self

    @property
    def width(self) -> int:
        return 1 if self.embedding is None else len(self.embedding.suffixes)

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        values = self.scaler(numbers_of(column))
        values = clipped(values, column.key, "scaled values")
        if self.embedding is None:
            out[:, 0] = values
        else:
            out[:] = np.clip(self.embedding(values), -FLOAT32_MAX, FLOAT32_MAX)

    def feature_names(self, name: str) -> list[str]:
        suffixes = [""] if self.embedding is None else self.embedding.suffixes
        return [f"{name}{suffix}" for suffix in suffixes]


class BooleanCoder:
    """One feature: 0 or 1, the share of ones where the cell is missing."""

    categorical = False
    width = 1

    def fit(self, column: Column, rows, weights) -> "BooleanCoder":
        values = booleans_of(column)[rows]
        known = ~np.isnan(values)
        self.fill = weighted_mean(
            values[known], None if weights is None else weights[known]
        )
        filled = np.where(known, values, self.fill)
        self.constant = bool(filled.max() == filled.min())
        return self

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        values = booleans_of(column)
        if not self.constant:
            out[:, 0] = np.where(np.isnan(values), self.fill, values)

    def feature_names(self, name: str) -> list[str]:
        return [name]


class IndicatorCoder:
    """Another coder's features, and one that is 1 where the cell is missing.

    The further feature is there where fit saw both missing and known cells.

    Parameters
    ----------
    coder : coder
    """

    categorical = False

    def __init__(self, coder: Any) -> None:
        self.coder = coder

    def fit(self, column: Column, rows, weights) -> "IndicatorCoder":
        self.coder.fit(column, rows, weights)
        missing = column.missing[rows]
        self.marks = bool(missing.any() and not missing.all())
        return self

    @property
    def width(self) -> int:
        return self.coder.width + self.marks

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        self.coder.encode(column, out[:, : self.coder.width])
        if self.marks:
            out[:, -1] = column.missing

    def feature_names(self, name: str) -> list[str]:
        names = self.coder.feature_names(name)
        return [*names, f"{name}_missing"] if self.marks else names


def numbers_of(column: Column) -> NDArray[np.float64]:
    """Return the cells as float64, NaN where missing.

    Raises
    ------
    ValueError
        If a cell is no number or infinite.
    """
    if DATE in column.kinds:
        row = int(np.argmax(column.types == DATE))
        raise column.error(row, "expected a number")
    if column.dtype != object:
        values = column.values.astype(np.float64)
        if not column.kinds:  # dates that are all missing
            values = np.full(len(values), np.nan)
    else:
        values = _numbers_of_objects(column)
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise column.error(row, "expected a finite number or a missing cell")
    return clipped(values, column.key, "values")


def booleans_of(column: Column) -> NDArray[np.float64]:
    """Return the cells as 0.0 and 1.0, NaN where missing.

    Raises
    ------
    ValueError
        If a cell is none of False, True, 0 and 1.
    """
    bad = np.isin(column.types, (STRING, DATE))
    if not bad.any():
        values = numbers_of(column)
        bad = ~(np.isnan(values) | (values == 0) | (values == 1))
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


def _numbers_of_objects(column: Column) -> NDArray[np.float64]:
    if column.kinds and STRING not in column.kinds:
        values = np.full(len(column.types), np.nan)
        known = ~column.missing
        try:
            values[known] = column.values[known].astype(np.float64)
            return values
        except OverflowError:  # an int that no float holds
            pass
    return column.converted(_as_float, np.nan, np.float64)


def _as_float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return 2 * FLOAT32_MAX if cell > 0 else -2 * FLOAT32_MAX
    except ValueError:
        raise ValueError("expected a number") from None
