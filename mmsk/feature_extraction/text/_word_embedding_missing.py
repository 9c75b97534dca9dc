"""What stands in the features of texts that are missing."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def texts_there(texts: Sequence[Sequence[str | None]]) -> list[NDArray[np.bool_]]:
    """Tell of each column which cells hold a text."""
    return [np.array([text is not None for text in column]) for column in texts]


def learn_fill(
    features: NDArray[np.float32], there: Sequence[NDArray[np.bool_]], missing: str
) -> NDArray[np.float32]:
    """Return what stands in the features of missing cells.

    Parameters
    ----------
    features : float32 ndarray of shape (n_samples, n_columns * size + 1)
        As many of each column, and a presence column.
    there : sequence of bool ndarray of shape (n_samples,)
        Which cells of each column hold a text.
    missing : {"auto", "zero", "nan"}
        The mean over the cells that hold one, 0 or NaN.

    Returns
    -------
    fill : float32 ndarray of shape (n_columns * size,)
    """
    width = features.shape[1] - 1
    if missing == "nan":
        return np.full(width, np.nan, dtype=np.float32)
    fill = np.zeros(width)
    if missing == "auto":
        for mask, part in _parts(there, width):
            if mask.any():
                fill[part] = features[mask, part].mean(axis=0, dtype=np.float64)
    return fill.astype(np.float32)


def fill_missing(
    features: NDArray[np.float32],
    there: Sequence[NDArray[np.bool_]],
    fill: NDArray[np.float32],
) -> None:
    """Write what `learn_fill` returned into the features of missing cells."""
    for mask, part in _parts(there, len(fill)):
        features[~mask, part] = fill[part]


def _parts(
    there: Sequence[NDArray[np.bool_]], width: int
) -> Iterator[tuple[NDArray[np.bool_], slice]]:
    """Yield which cells a column has, and where its features stand."""
    size = width // len(there)
    for position, mask in enumerate(there):
        yield mask, slice(position * size, (position + 1) * size)
