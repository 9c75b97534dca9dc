"""Dense columns in a sparse matrix."""

from typing import Any

import numpy as np
import scipy.sparse as sp


def as_csr(X: Any, dtype: Any = None) -> sp.csr_array:
    """Return the CSR array of a matrix, without its zeros.

    What ``scipy.sparse.csr_array(X)`` returns, which takes four times as long where
    few of the values of a dense X are 0.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    dtype : dtype, default=None
        That of the result; ``None``: that of X.
    """
    if sp.issparse(X):
        return sp.csr_array(X, dtype=dtype)
    X = np.asarray(X, dtype=dtype, order="C")
    n_rows, n_columns = X.shape
    if X.size >= np.iinfo(np.int32).max:
        return sp.csr_array(X)
    columns = np.arange(n_columns, dtype=np.int32)
    if np.count_nonzero(X) == X.size:
        indices = np.tile(columns, n_rows)
        starts = np.arange(n_rows + 1, dtype=np.int32) * np.int32(n_columns)
        return sp.csr_array((X.ravel().copy(), indices, starts), X.shape)
    stored = X != 0
    starts = np.zeros(n_rows + 1, dtype=np.int32)
    np.cumsum(stored.sum(axis=1), out=starts[1:])
    indices = np.broadcast_to(columns, X.shape)[stored]
    return sp.csr_array((X[stored], indices, starts), X.shape)
