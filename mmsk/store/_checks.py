"""Keys and rows as callers give them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FLOAT32 = np.dtype(np.float32)
_STORED = np.dtype("<f4")


def check_keys(keys: Sequence[bytes]) -> list[bytes]:
    """Return keys as a list, or raise a TypeError for one that is not bytes."""
    keys = list(keys)
    if set(map(type, keys)) <= {bytes}:
        return keys
    for key in keys:
        if not isinstance(key, bytes):
            raise TypeError(
                f"Keys are bytes, got {key!r} of type {type(key).__name__}."
            )
    return keys


def check_rows(
    keys: Sequence[bytes], rows: Sequence[np.ndarray] | np.ndarray
) -> tuple[Sequence[bytes], NDArray | list[NDArray]]:
    """Return keys with their contiguous rows, or raise for rows that are wrong.

    The rows of an array of shape (n_keys, n_values) stay together.
    """
    if len(keys) != len(rows):
        raise ValueError(
            f"Each key has one row, got {len(keys)} keys and {len(rows)} rows."
        )
    if type(rows) is not np.ndarray or rows.dtype != _FLOAT32 or rows.ndim != 2:
        rows = list(rows)
        for row in rows:
            _check_row(row)
    if isinstance(rows, np.ndarray):
        return keys, np.ascontiguousarray(rows, dtype=_STORED)
    return keys, [np.ascontiguousarray(row, dtype=_STORED) for row in rows]


def _check_row(row: np.ndarray) -> None:
    if not isinstance(row, np.ndarray) or row.dtype != _FLOAT32:
        got = getattr(row, "dtype", type(row).__name__)
        raise TypeError(
            f"Rows are float32 arrays, got {got}. Convert them where they are "
            f"computed, so that computed and stored values are the same."
        )
    if row.ndim != 1:
        raise ValueError(f"Rows have one dimension, got shape {row.shape}.")
