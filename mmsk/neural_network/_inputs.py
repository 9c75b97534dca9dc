"""Matrices as the keyword arguments of a module's forward, batch by batch."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from mmsk._utils._blocks import Blocks

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

    @abstractmethod
    def take(self, rows: Rows) -> dict[str, Any]:
        """Return some rows as keyword arguments of a module's forward.

        Parameters
        ----------
        rows : int ndarray of shape (n_rows,), or slice

        Returns
        -------
        arguments : dict of str to Tensor, or to a dict of them
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
    """One matrix, handed to ``forward(x)``; of CSR only a batch is ever dense."""

    def take(self, rows: Rows) -> dict[str, torch.Tensor]:
        return {"x": self._tensor(self._rows(rows))}


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
