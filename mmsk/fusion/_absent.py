"""What an absent modality looks like to an estimator that reads all blocks."""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mmsk._utils._blocks import Blocks


class AbsentFill:
    """Puts the same number wherever a modality is absent.

    Zero, the mean of a scaled dense block and what a sparse one is full of (or,
    where blocks are not scaled, the mean of a dense one); or NaN, if that is what
    stands there in training samples. So what stands in the columns of an absent
    modality has no influence. Raw blocks are left to the encoders, which mask them.

    Parameters
    ----------
    blocks : Blocks
        Layout of the matrices.
    mean : bool, default=False
        Whether dense blocks are filled with the means of the samples that have
        them, not with zeros.

    Attributes
    ----------
    fill_ : ndarray of shape (n_features,)
        What is put there.
    """

    def __init__(self, blocks: Blocks, *, mean: bool = False) -> None:
        self.blocks = blocks
        self.mean = mean

    def fit(self, X: Any, weights: NDArray[np.float64] | None = None) -> Self:
        """See which blocks hold NaN where they are absent; learn the means.

        Parameters
        ----------
        X : array or CSR array of shape (n_samples, n_features)
        weights : ndarray of shape (n_samples,), default=None
            Positive; of the samples in the means.
        """
        self.fill_ = np.zeros(X.shape[1])
        present = self.blocks.present(X)
        for position, block in enumerate(self.blocks):
            own = slice(block.start, block.stop)
            has = present[:, position]
            is_dense = block.kind == "vector" and not block.is_sparse(X)
            if self.mean and is_dense and has.any():
                chances = None if weights is None else weights[has]
                means = np.average(_dense(X[has, own]), axis=0, weights=chances)
                self.fill_[own] = np.nan_to_num(means)
            absent = X[~has, own]
            if np.isnan(absent.data if sp.issparse(absent) else absent).any():
                self.fill_[own] = np.nan
        return self

    def transform(self, X: Any) -> Any:
        """Fill in; X is copied if anything changes.

        Parameters
        ----------
        X : array or CSR array of shape (n_samples, n_features)
        """
        present = self.blocks.present(X)
        if present.all():
            return X
        if sp.issparse(X):
            filled = self._without_absent(X.copy(), present)
            if self.fill_.any():  # NaN is true
                filled = type(X)(filled + self._fills(present, X))
            return filled
        X = X.copy()
        for position, block in enumerate(self.blocks):
            if block.kind == "vector":
                own = slice(block.start, block.stop)
                X[~present[:, position], own] = self.fill_[own]
        return X

    def _fills(self, present: NDArray[np.bool_], X: sp.csr_array) -> sp.coo_array:
        """Return what is to stand in absent modalities of X, and nothing elsewhere."""
        shape = len(present), len(self.fill_)
        rows, columns = [], []
        for position, block in enumerate(self.blocks):
            own = np.arange(block.start, block.stop)
            own = own[self.fill_[own] != 0]
            absent = np.flatnonzero(~present[:, position])
            rows.append(np.repeat(absent, len(own)))
            columns.append(np.tile(own, len(absent)))
        # trees refuse what has wider indices than it needs
        index = X.indices.dtype
        at = [np.concatenate(each).astype(index) for each in (rows, columns)]
        values = self.fill_[at[1]].astype(X.dtype)
        return sp.coo_array((values, tuple(at)), shape=shape)

    def _without_absent(self, X: sp.csr_array, present: NDArray[np.bool_]) -> Any:
        position = np.full(X.shape[1], -1)  # of the block that a column is in
        for index, block in enumerate(self.blocks):
            position[block.start : block.stop] = index
        rows = np.arange(X.shape[0]).repeat(np.diff(X.indptr))
        positions = position[X.indices]
        # presence columns are in no block
        X.data[(positions >= 0) & ~present[rows, positions]] = 0
        X.eliminate_zeros()
        return X


def _dense(X: Any) -> NDArray:
    return X.toarray() if sp.issparse(X) else X
