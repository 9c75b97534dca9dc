"""Errors that say which branch of a ModalityTransformer they come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp


def check_transformer(name: str, transformer: Any) -> None:
    """Refuse what is neither a transformer nor a word for one.

    Parameters
    ----------
    name : str
        Name of the branch.
    transformer : object
        What the user gave.

    Raises
    ------
    TypeError
        With what was got.
    """
    word = isinstance(transformer, str) and transformer in ("drop", "passthrough")
    if not word and not hasattr(transformer, "transform"):
        raise TypeError(
            f"Branch {name!r} must be a transformer, 'passthrough' or 'drop', "
            f"got {transformer!r}."
        )


@contextmanager
def named_branch(name: str, keys: Any, step: Any) -> Iterator[None]:
    """Name the branch and its columns in an error of a step that cannot know them.

    The steps of mmsk name columns and rows themselves, and are left alone.

    Parameters
    ----------
    name : str
        Name of the branch.
    keys : str, int or list of them
        Its columns.
    step : transformer
        What is called.

    Raises
    ------
    ValueError, TypeError
        From one of the very class; other exceptions, which may be made from more than
        a message, get a note instead.
    """
    try:
        yield
    except Exception as error:
        if type(step).__module__.startswith("mmsk."):
            raise
        which = which_branch(name, keys)
        if type(error) not in (ValueError, TypeError):
            error.add_note(which)
            raise
        raise type(error)(f"{which}: {error}") from error


def check_output(
    values: Any, n_samples: int, name: str, keys: Any, columns: list
) -> None:
    """Refuse what a branch has made if it is no table that float32 can hold.

    Parameters
    ----------
    values : ndarray or sparse matrix
    n_samples : int
        How many rows it should have.
    name : str
        Name of the branch.
    keys : str, int or list of them
        Its columns.
    columns : list
        The columns of the output, empty where they are others than those of the
        branch.

    Raises
    ------
    ValueError
        With the shape, if it is not (n_samples, n_columns), or the first value that
        is no number, and its column.
    """
    if values.ndim != 2:
        hint = (
            ""
            if isinstance(keys, list)
            else f" Name its columns in a list, [{keys!r}]."
        )
        raise ValueError(
            f"{which_branch(name, keys)}: its output must be 2-D, one row for each "
            f"sample, got shape {values.shape}.{hint}"
        )
    if values.shape[0] != n_samples:
        raise ValueError(
            f"{which_branch(name, keys)}: its output has {values.shape[0]} rows for "
            f"{n_samples}. A transformer must keep all rows in their order."
        )
    if sp.issparse(values) or values.dtype.kind in "fiub":
        return
    for position, column in enumerate(values.T):
        if _are_numbers(column):
            continue
        cells = (column[[row]] for row in range(len(column)))
        odd = next(cell for cell in cells if not _are_numbers(cell)).item()
        where = column_at(position, columns)
        held = " ".join(repr(odd).split())
        held = held if len(held) <= 60 else f"{held[:57]}..."
        raise ValueError(
            f"{which_branch(name, keys)}: its output column {where!r} holds {held}, "
            "which is no number. Give the branch a transformer that makes numbers of "
            "it, such as TableExtractor, or leave the column out."
        )


def check_width(width: int, expected: int, name: str, keys: Any) -> None:
    """Refuse another number of columns than a branch had in fit."""
    if width != expected:
        raise ValueError(
            f"{which_branch(name, keys)}: its output has {width} columns, but had "
            f"{expected} in fit."
        )


def which_branch(name: str, keys: Any) -> str:
    """Return what messages call a branch."""
    columns = f"columns {keys}" if isinstance(keys, list) else f"column {keys!r}"
    return f"Branch {name!r} ({columns})"


def column_at(position: int, columns: list) -> Any:
    """Return what messages call a column of a branch's output."""
    return columns[position] if columns else position


def _are_numbers(cells: np.ndarray) -> bool:
    if cells.dtype.kind not in "OSUfiub":  # dates, times between them, complex numbers
        return False
    try:
        cells.astype(np.float32)
    except (TypeError, ValueError):
        return False
    return True
