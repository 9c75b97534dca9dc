"""Colour histograms of a batch of pictures."""

import numpy as np
from numpy.typing import NDArray


def color_histogram(pictures: NDArray[np.uint8], bins: int) -> NDArray[np.float32]:
    """Compute the share of pixels in each box of the RGB cube.

    Parameters
    ----------
    pictures : uint8 ndarray of shape (n, height, width, 3)
    bins : int
        Bins of a channel.

    Returns
    -------
    shares : float32 ndarray of shape (n, bins**3)
        Red is the slowest index, blue the fastest; each row sums to 1.
    """
    n = len(pictures)
    level = pictures.reshape(n, -1, 3).astype(np.intp) * bins // 256
    box = (level[..., 0] * bins + level[..., 1]) * bins + level[..., 2]
    offset = np.arange(n)[:, None] * bins**3
    counts = np.bincount((box + offset).ravel(), minlength=n * bins**3)
    return (counts.reshape(n, -1) / box.shape[1]).astype(np.float32)
