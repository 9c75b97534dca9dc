"""Rows of a sparse matrix, and the layer that takes them."""

from typing import NamedTuple

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
