"""Ways to scale a number, each learned from values without gaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mmsk.feature_extraction.tabular._statistics import (
    Weights,
    middle_ranks,
    weighted_mean,
)

MAX_KNOTS = 1000
"""As many points of a distribution are remembered, as in QuantileTransformer."""


@dataclass(frozen=True, slots=True)
class StandardScaling:
    """Mean 0 and standard deviation 1."""

    mean: float
    sd: float

    @classmethod
    def fit(cls, values: NDArray[np.float64], weights: Weights) -> "StandardScaling":
        mean = weighted_mean(values, weights)
        distance = np.abs(values - mean)
        # squares of numbers near the ends of float64 are 0 or inf
        unit = float(distance.max()) or 1.0
        distance /= unit
        sd = unit * np.sqrt(weighted_mean(distance * distance, weights))
        # a column that holds one value tells nothing: its feature is 0
        return cls(mean, np.inf if values.max() == values.min() else float(sd))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            return (values - self.mean) / self.sd


@dataclass(frozen=True, slots=True, eq=False)
class QuantileScaling:
    """The normal distribution, whatever the distribution was.

    A value goes where as large a share of a normal distribution lies below as of
    the values of fit: the share below the value and half of that at the value, so
    that a weight of 2 is a row that comes twice. Values beyond those of fit go
    where the first and the last of these went.
    """

    knots: NDArray[np.float64]
    places: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[np.float64], weights: Weights) -> "QuantileScaling":
        knots, ranks = middle_ranks(values, weights)
        if len(knots) > MAX_KNOTS:
            wanted = np.linspace(ranks[0], ranks[-1], MAX_KNOTS)
            kept = np.unique(np.searchsorted(ranks, wanted))
            knots, ranks = knots[kept], ranks[kept]
        return cls(knots, ndtri(ranks) if len(knots) > 1 else np.zeros(1))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(values, self.knots, self.places)


@dataclass(frozen=True, slots=True)
class NoScaling:
    """The number as it is."""

    @classmethod
    def fit(cls, values: NDArray[np.float64], weights: Weights) -> "NoScaling":
        return cls()

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values


SCALINGS = {
    "standard": StandardScaling,
    "quantile": QuantileScaling,
    None: NoScaling,
}
