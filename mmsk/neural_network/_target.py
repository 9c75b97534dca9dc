"""A target as the loss takes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Target:
    """An encoded target with its weights and its loss.

    Parameters
    ----------
    values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Class codes, or numbers (0 and 1 for labels).
    weights : float64 ndarray of shape (n_samples,)
        They are scaled to mean 1: AdaBoost's sum to 1, and a loss that tiny
        teaches nothing.
    n_outputs : int
        Number of columns that the module must return.
    loss : callable
        ``(output, target) -> (n_samples,)``.

    Raises
    ------
    ValueError
        If all weights are zero.
    """

    values: NDArray
    weights: NDArray[np.float64]
    n_outputs: int
    loss: Callable[[Tensor, Tensor], Tensor]

    def __post_init__(self) -> None:
        mean = self.weights.mean()
        if mean == 0:
            raise ValueError(
                "Sample weights times class weights are all zero: there is no sample "
                "to fit."
            )
        object.__setattr__(self, "weights", self.weights / mean)

    def part(self, rows: NDArray) -> "Target":
        """Return the target of some rows."""
        return replace(self, values=self.values[rows], weights=self.weights[rows])
