"""Rows of a sparse matrix, and the layer that takes them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SparseRows(NamedTuple):
    """A batch in compressed sparse row (CSR) form.

    Parameters
    ----------
    indices : int Tensor of shape (n_values,)
        Columns of the stored values, row by row.
    offsets : int Tensor of shape (n_samples,)
        Where each row begins in `indices`; of the same type.
    values : Tensor of shape (n_values,)
        The stored values.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import MLP, SparseRows
    >>> rows = SparseRows(
    ...     indices=torch.tensor([1, 0, 2]),
    ...     offsets=torch.tensor([0, 1]),
    ...     values=torch.tensor([2.0, 1.0, 3.0]),
    ... )
    >>> net = MLP(3, (4,), out_size=2)
    >>> x = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    >>> torch.allclose(net(rows), net(x), atol=1e-6)
    True
    """

    indices: Tensor
    offsets: Tensor
    values: Tensor

    @property
    def counts(self) -> Tensor:
        """Number of stored values of each row, int Tensor of shape (n_samples,)."""
        end = self.offsets.new_tensor([len(self.indices)])
        return torch.diff(self.offsets, append=end)

    def emptied(self, where: Tensor) -> "SparseRows":
        """Return the same rows, some of them without any value.

        Parameters
        ----------
        where : bool Tensor of shape (n_samples,)
            The rows that become empty.
        """
        if not where.any():
            return self
        counts = self.counts
        kept = ~where.repeat_interleave(counts, output_size=len(self.indices))
        counts = counts.masked_fill(where, 0)
        offsets = (counts.cumsum(0) - counts).to(self.offsets)
        return SparseRows(self.indices[kept], offsets, self.values[kept])

    def to_dense(self, width: int) -> Tensor:
        """Return the rows as a dense tensor.

        Parameters
        ----------
        width : int
            Number of columns.

        Returns
        -------
        x : Tensor of shape (n_samples, width)
        """
        n_rows, counts = len(self.offsets), self.counts
        row = torch.arange(n_rows, device=counts.device).repeat_interleave(counts)
        x = self.values.new_zeros(n_rows, width)
        return x.index_put((row, self.indices.long()), self.values, accumulate=True)


class InputLinear(nn.Linear):
    """A linear layer that takes dense rows or `SparseRows`.

    Of sparse rows only the stored values are touched, but the gradient of the
    weights is dense, so that an optimiser does the same in both cases.
    """

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Map a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features), or SparseRows

        Returns
        -------
        y : Tensor of shape (n_samples, out_features)
        """
        if not isinstance(x, SparseRows):
            return F.linear(x, self.weight, self.bias)
        summed = F.embedding_bag(
            x.indices,
            self.weight.t(),
            x.offsets,
            mode="sum",
            per_sample_weights=x.values,
        )
        return summed + self.bias

    def lay_out_for_sparse(self) -> None:
        """Keep the weights of an input column side by side in memory.

        The numbers stay; `SparseRows` are then read without a copy of the
        weights at each step. Do it before an optimiser takes the weights.
        """
        self.weight.data = self.weight.data.t().contiguous().t()
