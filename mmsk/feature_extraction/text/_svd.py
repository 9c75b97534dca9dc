"""Truncated singular value decomposition of sparse rows."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

_TINY = 1e-10


def learn_components(
    rows: sp.csr_array, n_components: int, random_state: Any
) -> NDArray[np.float64]:
    """Return the right singular vectors of the largest singular values.

    Parameters
    ----------
    rows : CSR array of shape (n, n_features)
    n_components : int
    random_state : int, RandomState or None

    Returns
    -------
    components : float64 ndarray of shape (n_kept, n_features)
        At most `n_components`, n, n_features and the rank of `rows` many, one zero
        vector where all rows are 0. The largest entry of each is positive.
    """
    if rows.nnz == 0:
        return np.zeros((1, rows.shape[1]))
    count = min(n_components, *rows.shape)
    _, values, components = randomized_svd(
        rows, count, n_iter=5, random_state=random_state, flip_sign=False
    )
    components = components[: max(1, int((values > _TINY * values[0]).sum()))]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    # column by column: its transpose is then multiplied without a copy
    return np.asfortranarray(components * signs[:, None])


def project(rows: sp.csr_array, components: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return rows of unit length in the space of the components.

    A row that has nothing in that space is 0: normalising would blow rounding
    errors up to unit length.
    """
    dense = rows @ components.T
    lengths = np.sqrt((dense * dense).sum(axis=1, keepdims=True))
    kept = lengths > _TINY
    return np.where(kept, dense / np.where(kept, lengths, 1), 0).astype(np.float32)
