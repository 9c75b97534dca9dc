"""Matrices as the arguments of a module's forward, batch by batch."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from mmsk._utils._blocks import Block, Blocks
from mmsk.modules import ModuleEnsemble, SparseRows

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

    def _tensor(self, array: NDArray | sp.csr_array) -> torch.Tensor:
        if sp.issparse(array):
            array = array.toarray()
        return torch.from_numpy(array).to(self.device, self.dtype)

    def _sparse_rows(self, taken: sp.csr_array) -> SparseRows:
        indices = torch.from_numpy(taken.indices).to(self.device)
        offsets = torch.from_numpy(taken.indptr[:-1])
        values = torch.from_numpy(taken.data)
        return SparseRows(
            indices, offsets.to(indices), values.to(self.device, self.dtype)
        )


def rows_of(X: NDArray | sp.csr_array, rows: Rows) -> NDArray | sp.csr_array:
    """Return a copy of some rows.

    A copy always: a module that works in place must not write to the user's X.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    rows : int ndarray of shape (n_rows,), or slice
    """
    if sp.issparse(X):
        return X[rows]
    if isinstance(rows, slice):
        return np.array(X[rows], order="C")
    return X.take(rows, axis=0)  # twice as fast as X[rows]


def has_few_values(X: NDArray | sp.csr_array) -> bool:
    """Tell whether a matrix is sparse and stores a share below `SPARSE_SHARE`.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    """
    return sp.issparse(X) and X.nnz < SPARSE_SHARE * X.shape[0] * X.shape[1]


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
        takes = hasattr(module, "lay_out_for_sparse")
        self._takes_sparse = takes and has_few_values(self.X)
        if self._takes_sparse and fresh:
            module.lay_out_for_sparse()

    def take(self, rows: Rows) -> dict[str, torch.Tensor | SparseRows]:
        taken = rows_of(self.X, rows)
        as_taken = self._sparse_rows if self._takes_sparse else self._tensor
        return {"x": as_taken(taken)}


class BlockInputs(Inputs):
    """One matrix, handed to ``forward(blocks, present)`` modality by modality.

    Each vector block of a CSR matrix goes its own way: its batches are
    `SparseRows` if few of its values are stored and the module has, in
    ``sparse_takers``, an encoder that takes them; else they are dense.

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
        self._takes_sparse: frozenset[str] = frozenset()
        # columns are cut out of a sparse matrix once, not again in every batch
        self._parts = (
            {block.name: _compact(X[:, block.start : block.stop]) for block in blocks}
            if sp.issparse(X)
            else None
        )

    @property
    def row_size(self) -> int:
        widths = {block.name: block.width for block in self.blocks}
        widths |= {
            name: self._parts[name].nnz // len(self) for name in self._takes_sparse
        }
        return max(sum(widths.values()), 1)

    def suit(self, module: nn.Module, *, fresh: bool) -> None:
        nets = module.members if isinstance(module, ModuleEnsemble) else [module]
        takers = [getattr(net, "sparse_takers", {}) for net in nets]
        self._takes_sparse = frozenset(
            block.name
            for block in self.blocks
            if block.kind == "vector"
            and self._parts is not None
            and has_few_values(self._parts[block.name])
            and all(block.name in encoders for encoders in takers)
        )
        if fresh:
            for encoders in takers:
                for name in self._takes_sparse:
                    encoders[name].lay_out_for_sparse()

    def take(self, rows: Rows) -> dict[str, Any]:
        if self._parts is None:
            parts = self.blocks.split(rows_of(self.X, rows))
            taken = {name: self._tensor(part) for name, part in parts.items()}
        else:
            taken = {block.name: self._taken(block, rows) for block in self.blocks}
        return {
            "blocks": taken,
            "present": torch.from_numpy(self.present[rows]).to(self.device),
        }

    def _taken(self, block: Block, rows: Rows) -> torch.Tensor | SparseRows:
        part = rows_of(self._parts[block.name], rows)
        if block.name in self._takes_sparse:
            return self._sparse_rows(part)
        dense = self._tensor(part)
        return dense if block.kind == "vector" else dense.reshape(-1, *block.shape)


def _compact(part: sp.csr_array) -> NDArray | sp.csr_array:
    """Return the columns of a block dense if they take no more memory so."""
    n_values = part.shape[0] * part.shape[1]
    stored = part.nnz * (part.data.itemsize + part.indices.itemsize)
    return part.toarray() if stored >= n_values * part.data.itemsize else part
