"""Colours of a batch of pictures."""

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


def color_moments(pictures: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    """Compute mean, deviation and the root of the third moment, cell by cell.

    Parameters
    ----------
    pictures : uint8 ndarray of shape (n, height, width, 3)
    grid : int
        Cells along each side, at most height and width.

    Returns
    -------
    moments : float32 ndarray of shape (n, grid**2 * 9)
        In the order row, column, channel, moment; of values in [0, 1].
    """
    n, height, width, _ = pictures.shape
    rows = np.arange(grid + 1) * height // grid
    columns = np.arange(grid + 1) * width // grid
    moments = np.empty((n, grid, grid, 3, 3))
    for r in range(grid):
        for c in range(grid):
            cell = pictures[:, rows[r] : rows[r + 1], columns[c] : columns[c + 1]]
            values = cell.transpose(0, 3, 1, 2).reshape(n, 3, -1) / 255
            mean = values.mean(axis=2)
            apart = values - mean[:, :, None]
            square = apart * apart
            moments[:, r, c, :, 0] = mean
            moments[:, r, c, :, 1] = np.sqrt(square.mean(axis=2))
            moments[:, r, c, :, 2] = np.cbrt((square * apart).mean(axis=2))
    return moments.reshape(n, -1).astype(np.float32)


def rgb_to_hsv(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return hue, saturation and value, each from 0 to 255.

    Parameters
    ----------
    pictures : uint8 ndarray of shape (..., 3)

    Returns
    -------
    hsv : uint8 ndarray of shape (..., 3)
        The whole circle of hues is 256 steps; grey has hue and saturation 0.
    """
    red, green, blue = np.moveaxis(pictures.astype(np.int32), -1, 0)
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(spread, 1)
    sixth = np.select(
        [value == red, value == green],
        [(green - blue) / safe % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    hue = (sixth * (256 / 6)).astype(np.int32) % 256
    saturation = spread * 255 // np.maximum(value, 1)
    return np.stack([hue, saturation, value], axis=-1).astype(np.uint8)
