"""From a series over time to a fixed number of values."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_N_PARTS = 4
# keeps the skewness of what is constant but for rounding at 0
_LEAST_VARIANCE = 1e-4
_LEVELS = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1.0}

_MOMENTS = ("mean", "std", "skew")
QUARTERS = "quarters"
STATISTICS = (*_MOMENTS, *_LEVELS, QUARTERS)


def statistic_names(statistics: Sequence[str]) -> list[str]:
    """Return the names of the values that a series becomes."""
    names = []
    for name in statistics:
        if name == QUARTERS:
            names += [f"quarter_{part + 1}" for part in range(_N_PARTS)]
        else:
            names.append(name)
    return names


def summarize(
    series: NDArray[np.float64], statistics: Sequence[str]
) -> NDArray[np.float64]:
    """Compute statistics over time.

    Parameters
    ----------
    series : float64 ndarray of shape (n_series, n_frames)
        At least one frame.
    statistics : sequence of str
        Of ``STATISTICS``.

    Returns
    -------
    values : float64 ndarray of shape (n_values * n_series,)
        One statistic of all series after the other, as of `statistic_names`.
    """
    computed: dict[str, NDArray] = {}
    if any(name in _MOMENTS for name in statistics):
        computed.update(_moments(series))
    if any(name in _LEVELS for name in statistics):
        computed.update(_quantiles(series))
    if QUARTERS in statistics:
        computed[QUARTERS] = _part_means(series)
    return np.concatenate([computed[name].ravel() for name in statistics])


def _moments(series: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    mean = series.mean(axis=1)
    centered = series - mean[:, None]
    squares = centered * centered
    variance = squares.mean(axis=1)
    squares *= centered
    skew = squares.mean(axis=1) / (variance + _LEAST_VARIANCE) ** 1.5
    return {"mean": mean, "std": np.sqrt(variance), "skew": skew}


def _quantiles(series: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    ordered = np.sort(series, axis=1)
    last = ordered.shape[1] - 1
    values = {}
    for name, share in _LEVELS.items():
        below, part = divmod(share * last, 1)
        low = ordered[:, int(below)]
        high = ordered[:, min(int(below) + 1, last)]
        values[name] = low + part * (high - low)
    return values


def _part_means(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of four parts of equal length, of shape (4, n_series).

    Of fewer than four frames some serve several parts.
    """
    n_frames = series.shape[1]
    edges = [part * n_frames // _N_PARTS for part in range(_N_PARTS + 1)]
    return np.stack(
        [
            series[:, start : max(start + 1, stop)].mean(axis=1)
            for start, stop in pairwise(edges)
        ]
    )
