"""The rows of an epoch, in batches of tensors."""

from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from mmsk.neural_network._inputs import Inputs

Batch = tuple[dict[str, Any], tuple[Tensor, Tensor | None]]


class TrainingRows(Dataset):
    """What an epoch goes through.

    Parameters
    ----------
    inputs : Inputs
        All rows.
    values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Their target.
    weights : ndarray of shape (n_samples,)
        Their weights.
    generator : torch.Generator or None
        Shuffles the rows before each epoch; ``None`` keeps their order.

    Attributes
    ----------
    weights : Tensor of shape (n_samples,) or (n_samples, n_members), or None
        The weights, with `weighted` for each member; ``None`` if all are 1.
    """

    def __init__(
        self,
        inputs: Inputs,
        values: NDArray,
        weights: NDArray,
        generator: torch.Generator | None,
    ) -> None:
        self.inputs = inputs
        values = torch.from_numpy(values)
        kind = inputs.dtype if values.is_floating_point() else values.dtype
        self.values = values.to(inputs.device, kind)
        self.weights = None
        if not (weights == 1).all():
            self.weights = torch.from_numpy(weights).to(inputs.device, inputs.dtype)
        self.generator = generator
        self.rows = torch.arange(len(inputs))

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: NDArray[np.int64], *, shuffled: bool = True) -> Self:
        """Return some of the rows, all data shared."""
        part = copy(self)
        part.rows = self.rows[rows]
        if not shuffled:
            part.generator = None
        return part

    def weighted(self, factors: NDArray[np.float64]) -> Self:
        """Return the same rows with weights for each member.

        Parameters
        ----------
        factors : ndarray of shape (n_rows, n_members)
            For the rows that an epoch goes through. The weights are scaled so
            that every member has the same mean.
        """
        products = torch.from_numpy(factors)
        mean = 1.0
        if self.weights is not None:
            weights = self.weights[self.rows].double().cpu()
            products = weights[:, None] * products
            mean = weights.mean()
        products = products * (mean / products.mean(dim=0))
        part = copy(self)
        part.weights = torch.zeros(
            (len(self.values), factors.shape[1]),
            dtype=self.inputs.dtype,
            device=self.inputs.device,
        )
        part.weights[self.rows] = products.to(part.weights)
        return part

    def take(self, rows: Tensor) -> Batch:
        """Return the arguments of the module, and those of the loss."""
        arguments = self.inputs.take(rows.numpy())
        rows = rows.to(self.values.device)
        weights = self.weights
        if weights is not None:
            weights = weights.index_select(0, rows)
        return arguments, (self.values.index_select(0, rows), weights)


class Batches:
    """Batches of `TrainingRows`, all but equal in size.

    With `batch_size` 128, 130 rows are two batches of 65: no step is made on
    the last two rows alone. One single batch is never shuffled and is made
    once.
    """

    def __init__(self, dataset: TrainingRows, batch_size: int) -> None:
        self.dataset = dataset
        self.n_batches = -(-len(dataset) // batch_size)
        self._single = dataset.take(dataset.rows) if self.n_batches == 1 else None

    def __iter__(self) -> Iterator[Batch]:
        if self._single is not None:
            yield self._single
            return
        rows = self.dataset.rows
        if self.dataset.generator is not None:
            rows = rows[torch.randperm(len(rows), generator=self.dataset.generator)]
        for part in rows.tensor_split(self.n_batches):
            yield self.dataset.take(part)
