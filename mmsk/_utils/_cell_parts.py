"""What a media cell consists of, told without reading it."""

import os
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from mmsk._utils._frames import is_series
from mmsk._utils._missing import is_missing


def parts_of(cell: Any) -> Sequence[Any]:
    """Return the contents of a cell that holds a list of them, else the cell alone."""
    if isinstance(cell, np.ndarray):  # of paths: frames make arrays of lists
        return list(cell) if cell.dtype.kind in "OUT" else (cell,)
    several = isinstance(cell, list | tuple) or is_series(cell)
    return list(cell) if several else (cell,)


def clips_of(parts: Sequence[Any]) -> Sequence[Any]:
    """Return the clips of a cell whose parts are given.

    An array and its rate are one clip, not two.
    """
    if len(parts) == 2 and isinstance(parts[1], Real) and not is_missing(parts[1]):
        return (tuple(parts),)
    return parts


def file_of(cell: Any) -> str | None:
    """Return the file that a cell names, if it names one."""
    path = cell.get("path") if isinstance(cell, dict) else cell
    return os.fsdecode(path) if isinstance(path, str | os.PathLike) else None
