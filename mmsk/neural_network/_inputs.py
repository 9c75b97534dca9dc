"""Matrices as the arguments of a module's forward, batch by batch."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from mmsk._utils._blocks import Blocks
from mmsk.modules import SparseRows

SPARSE_SHARE = 0.04
"""Share of stored values below which a layer that takes them is the faster one."""

Rows = NDArray[np.int64] | slice


class Inputs(ABC):
    """Rows that can be taken as tensors.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Never copied as a whole.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The matrix.
    n_features : int
        Number of its columns.
    """

    dtype = torch.float32
    device = torch.device("cpu")

    def __init__(self, X: NDArray | sp.csr_array) -> None:
        self.X = X
        self.n_features = X.shape[1]

    def __len__(self) -> int:
        return self.X.shape[0]

    def to(self, dtype: torch.dtype, device: torch.device) -> Self:
        """Say what `take` returns: its type and its place."""
        self.dtype = dtype
        self.device = device
        return self

    @property
    def row_size(self) -> int:
        """Number of values of a row that `take` returns, on average."""
        return self.n_features

    def suit(self, module: nn.Module, *, fresh: bool) -> None:  # noqa: B027
        """Let `take` return from now on what a module takes best.

        Parameters
        ----------
        module : Module
        fresh : bool
            Whether no optimiser knows it yet, so that it may be laid out anew.
        """

    @abstractmethod
    def take(self, rows: Rows) -> dict[str, Any]:
        """Return some rows as arguments of a module's forward.

        Parameters
        ----------
        rows : int ndarray of shape (n_rows,), or slice

        Returns
        -------
        arguments : dict of str to Tensor, or to a dict of them
            In the order in which the module takes them, whatever it calls them.
        """

    def _rows(self, rows: Rows) -> NDArray | sp.csr_array:
        if sp.issparse(self.X):
            return self.X[rows]
        if isinstance(rows, slice):
            # a copy: a module that works in place must not write to the user's X
            return np.array(self.X[rows], order="C")
        return self.X.take(rows, axis=0)  # twice as fast as X[rows]

    def _tensor(self, array: NDArray | sp.csr_array) -> torch.Tensor:
        if sp.issparse(array):
            array = array.toarray()
        return torch.from_numpy(array).to(self.device, self.dtype)


class MatrixInputs(Inputs):
    """One matrix, handed to ``forward(x)``.

    Batches of a CSR matrix are `SparseRows` if few values are stored and the
    module takes them, which the method ``lay_out_for_sparse`` says. For other
    modules one batch at a time is made dense.
    """

    _takes_sparse = False

    @property
    def row_size(self) -> int:
        if self._takes_sparse:
            return max(self.X.nnz // len(self), 1)
        return self.n_features

    def suit(self, module: nn.Module, *, fresh: bool) -> None:
        self._takes_sparse = (
            hasattr(module, "lay_out_for_sparse")
            and sp.issparse(self.X)
            and self.X.nnz < SPARSE_SHARE * len(self) * self.n_features
        )
        if self._takes_sparse and fresh:
            module.lay_out_for_sparse()

    def take(self, rows: Rows) -> dict[str, torch.Tensor | SparseRows]:
        taken = self._rows(rows)
        if not self._takes_sparse:
            return {"x": self._tensor(taken)}
        indices = torch.from_numpy(taken.indices).to(self.device)
        offsets = torch.from_numpy(taken.indptr[:-1])
        values = torch.from_numpy(taken.data)
        return {
            "x": SparseRows(
                indices,
                offsets.to(indices),
                values.to(self.device, self.dtype),
            )
        }


class BlockInputs(Inputs):
    """One matrix, handed to ``forward(blocks, present)`` modality by modality.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    blocks : Blocks
        Where the modalities stand in X.

    Raises
    ------
    ValueError
        If X is not what the blocks describe.
    """

    def __init__(self, X: NDArray | sp.csr_array, blocks: Blocks) -> None:
        super().__init__(X)
        blocks.check(X)
        self.blocks = blocks
        self.present = blocks.present(X)  # (n, M)

    def take(self, rows: Rows) -> dict[str, Any]:
        parts = self.blocks.split(self._rows(rows))
        return {
            "blocks": {name: self._tensor(part) for name, part in parts.items()},
            "present": torch.from_numpy(self.present[rows]).to(self.device),
        }
