"""Means, medians and quantiles of rows that weigh differently."""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64] | None


def weighted_mean(values: NDArray[np.float64], weights: Weights) -> float:
    """Return the mean of values of shape (n,), 0 where there are none."""
    if not len(values):
        return 0.0
    # rounding must not put the mean of equal values beside them
    mean = np.average(values, weights=weights)
    return float(np.clip(mean, values.min(), values.max()))


def weighted_median(values: NDArray[np.float64], weights: Weights) -> float:
    """Return the median, as if rows came as often as they weigh.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Without NaN.
    weights : ndarray of shape (n,) or None
        Positive.

    Returns
    -------
    median : float
        ``np.median`` for equal weights, 0 where there are no values.
    """
    if not len(values):
        return 0.0
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values)
    mass = np.cumsum(weights[order])
    half = mass[-1] / 2
    # a tie is met up to the rounding of the sums
    lower, upper = (
        np.argmax(mass >= half * (1 - 1e-12)),
        np.argmax(mass > half * (1 + 1e-12)),
    )
    return float(values[order[[lower, upper]]].mean())


def weighted_quantiles(
    values: NDArray[np.float64], weights: Weights, shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the smallest values that at least these shares of the rows reach.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Without NaN, at least one.
    weights : ndarray of shape (n,) or None
        Positive.
    shares : ndarray of shape (k,)
        In [0, 1].

    Returns
    -------
    quantiles : ndarray of shape (k,)
    """
    return np.quantile(values, shares, method="inverted_cdf", weights=weights)


def middle_ranks(
    values: NDArray[np.float64], weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the different values, rising, and the share of rows up to their middle.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Without NaN, at least one.
    weights : ndarray of shape (n,) or None
        Positive.

    Returns
    -------
    different : ndarray of shape (k,)
    ranks : ndarray of shape (k,)
        In (0, 1): the share of the rows below, and half of those at the value.
    """
    order = np.argsort(values)
    ordered = values[order]
    last = np.flatnonzero(np.append(ordered[1:] > ordered[:-1], True))
    rows = np.ones(len(values)) if weights is None else weights[order]
    mass = np.cumsum(rows)[last]
    ranks = (mass + np.append(0, mass[:-1])) / 2 / mass[-1]
    return ordered[last], ranks
