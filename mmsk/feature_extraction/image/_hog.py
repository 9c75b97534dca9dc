"""Histograms of oriented gradients of a batch of pictures."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-5
_CLIP = 0.2
_REACH = 255  # largest difference of two 8-bit values


def hog(
    pictures: NDArray[np.uint8],
    orientations: int,
    pixels_per_cell: int,
    cells_per_block: int,
) -> NDArray[np.float32]:
    """Compute histograms of oriented gradients, normalised block by block.

    Parameters
    ----------
    pictures : uint8 ndarray of shape (n, height, width, 3)
    orientations : int
        Bins of the unsigned angle, from 0 to 180 degrees.
    pixels_per_cell : int
        Side of a cell in pixels. Pixels beyond the last whole cell are not used.
    cells_per_block : int
        Side of a block in cells; blocks move by one cell.

    Returns
    -------
    features : float32 ndarray of shape (n, n_features)
        In the order block row, block column, cell row, cell column, orientation.
    """
    cells = _cell_histograms(pictures, orientations, pixels_per_cell)
    window = (cells_per_block, cells_per_block)
    blocks = np.lib.stride_tricks.sliding_window_view(cells, window, axis=(1, 2))
    blocks = np.moveaxis(blocks, 3, 5)  # (n, rows, columns, b, b, orientations)
    flat = blocks.reshape(*blocks.shape[:3], -1)
    flat = np.minimum(flat / _norm(flat), _CLIP)
    flat /= _norm(flat)
    return flat.reshape(len(pictures), -1).astype(np.float32)


def _norm(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (blocks * blocks).sum(axis=-1, keepdims=True)
    return np.sqrt(squares + _EPSILON**2)


def _cell_histograms(
    pictures: NDArray[np.uint8], orientations: int, side: int
) -> NDArray[np.float64]:
    """Return mean magnitudes of shape (n, cell rows, cell columns, orientations)."""
    n, height, width, _ = pictures.shape
    rows, columns = height // side, width // side
    square, pair = _gradients(pictures)
    square = square[:, : rows * side, : columns * side]
    pair = pair[:, : rows * side, : columns * side]
    row_cell = np.arange(rows * side) // side
    column_cell = np.arange(columns * side) // side
    cell = np.arange(n)[:, None, None] * rows + row_cell[:, None]
    cell = cell * columns + column_cell  # (n, rows * side, columns * side)
    cell *= orientations
    cell += _orientation_table(orientations)[pair]
    # bincount adds pixel by pixel, so no picture depends on its neighbours
    histograms = np.bincount(
        cell.ravel(),
        weights=np.sqrt(square, dtype=np.float64).ravel(),
        minlength=n * rows * columns * orientations,
    )
    return histograms.reshape(n, rows, columns, orientations) / side**2


def _gradients(pictures: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
    """Return the steepest channel's squared magnitude and differences.

    Both are of shape (n, height, width). The two differences are one number, a
    position in the table of orientations.
    """
    square = np.full(pictures.shape[:3], -1, dtype=np.int32)
    pair = np.zeros_like(square)
    vertical, horizontal = np.zeros_like(square), np.zeros_like(square)
    for channel in range(3):
        values = pictures[..., channel].astype(np.int32)
        np.subtract(values[:, 2:], values[:, :-2], out=vertical[:, 1:-1])
        np.subtract(values[:, :, 2:], values[:, :, :-2], out=horizontal[:, :, 1:-1])
        steepness = vertical * vertical + horizontal * horizontal
        steeper = steepness > square
        np.copyto(square, steepness, where=steeper)
        place = (vertical + _REACH) * (2 * _REACH + 1) + (horizontal + _REACH)
        np.copyto(pair, place, where=steeper)
    return square, pair


@lru_cache(maxsize=8)
def _orientation_table(orientations: int) -> NDArray[np.intp]:
    """Return the bin of each pair of differences, of shape (511 * 511,)."""
    steps = np.arange(-_REACH, _REACH + 1)
    angles = np.rad2deg(np.arctan2(steps[:, None], steps[None, :])) % 180
    table = (angles * orientations // 180).astype(np.intp)
    return np.minimum(table, orientations - 1).ravel()
