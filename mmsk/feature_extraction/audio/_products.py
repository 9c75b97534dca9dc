"""Matrix products that no library spreads over threads."""

import numpy as np
from numpy.typing import NDArray

# OpenBLAS wakes its threads above 2**18 multiply-adds, MKL above more. On a machine
# that has other work, waiting for them takes longer than the product.
_MAX_WORK = 2**18


def product(left: NDArray, right: NDArray) -> NDArray:
    """Multiply a tall matrix by a small one, in slices that one thread computes.

    Parameters
    ----------
    left : ndarray of shape (n, k)
    right : ndarray of shape (k, m)

    Returns
    -------
    result : ndarray of shape (n, m)
        A row depends on its own row of `left` and on n alone.
    """
    if len(left) * right.size <= _MAX_WORK:
        return np.dot(left, right)  # called in less time than matmul
    size = max(8, _MAX_WORK // right.size)
    out = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    size = -(-len(left) // -(-len(left) // size))  # as many slices, of equal size
    for start in range(0, len(left), size):
        rows = slice(start, start + size)
        np.dot(left[rows], right, out[rows])
    return out
