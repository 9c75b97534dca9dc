"""Matrix products that no library spreads over threads."""

import numpy as np
from numpy.typing import NDArray

# OpenBLAS wakes its threads above 2**18 multiply-adds, MKL above more. On a machine
# that has other work, waiting for them takes longer than the product.
_MAX_WORK = 2**18


def product(left: NDArray, right: NDArray, out: NDArray | None = None) -> NDArray:
    """Multiply a tall matrix by a small one, in slices that one thread computes.

    Parameters
    ----------
    left : ndarray of shape (n, k)
    right : ndarray of shape (k, m)
    out : ndarray of shape (n, m), default=None
        Where the result goes.

    Returns
    -------
    result : ndarray of shape (n, m)
        A row depends on its own row of `left` and on n alone.
    """
    if len(left) * right.size <= _MAX_WORK:
        return np.matmul(left, right, out)
    size = max(8, _MAX_WORK // right.size)
    if out is None:
        out = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    size = -(-len(left) // -(-len(left) // size))  # as many slices, of equal size
    for start in range(0, len(left), size):
        rows = slice(start, start + size)
        np.matmul(left[rows], right, out=out[rows])
    return out
