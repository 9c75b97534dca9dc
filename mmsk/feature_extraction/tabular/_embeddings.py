"""A number as several features that a linear model or a net can bend."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mmsk.feature_extraction.tabular._statistics import Weights, weighted_quantiles


@dataclass(frozen=True, slots=True, eq=False)
class PiecewiseEmbedding:
    """How far a number has come through each of its bins.

    The bins hold equal shares of the rows. A feature is 0 below its bin, rises
    to 1 in it and stays there; outside the outermost bins it goes on straight.
    Bins without width are left out.
    """

    suffixes: list[str]
    edges: NDArray[np.float64]

    @classmethod
    def fit(
        cls, values: NDArray[np.float64], weights: Weights, *, size: int, sigma: float
    ) -> "PiecewiseEmbedding":
        shares = np.linspace(0, 1, size + 1)
        edges = np.unique(weighted_quantiles(values, weights, shares))
        n_bins = max(len(edges) - 1, 1)
        return cls([f"_bin{i}" for i in range(n_bins)], edges)

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(self.edges) == 1:  # constant in fit
            return np.zeros((len(values), 1))
        with np.errstate(over="ignore"):
            passed = (values[:, None] - self.edges[:-1]) / np.diff(self.edges)
        passed[:, 1:] = np.maximum(passed[:, 1:], 0)
        passed[:, :-1] = np.minimum(passed[:, :-1], 1)
        return passed


@dataclass(frozen=True, slots=True, eq=False)
class PeriodicEmbedding:
    r"""The number, and sines and cosines of it at rising frequencies.

    The frequencies are the quantiles of :math:`|N(0, \sigma)|`, the distribution
    that Gorishniy et al. draw them from: nothing here is random or trained.
    """

    suffixes: list[str]
    frequencies: NDArray[np.float64]
    constant: bool

    ENDS: ClassVar = ("sin", "cos")

    @classmethod
    def fit(
        cls, values: NDArray[np.float64], weights: Weights, *, size: int, sigma: float
    ) -> "PeriodicEmbedding":
        shares = (np.arange(size) + 0.5) / size
        frequencies = sigma * ndtri((1 + shares) / 2)
        waves = [f"_{end}{i}" for end in cls.ENDS for i in range(size)]
        return cls(["", *waves], frequencies, values.max() == values.min())

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        angles = 2 * np.pi * values[:, None] * self.frequencies  # (n, size)
        features = np.hstack([values[:, None], np.sin(angles), np.cos(angles)])
        if self.constant:
            features[:, 1:] = 0
        return features


EMBEDDINGS = {"piecewise": PiecewiseEmbedding, "periodic": PeriodicEmbedding}
