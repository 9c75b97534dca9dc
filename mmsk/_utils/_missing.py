"""What counts as a missing cell."""

import numpy as np


def is_missing(cell: object) -> bool:
    """Tell whether a cell holds no value at all.

    Missing are ``None``, a float NaN, ``NaT`` and pandas' ``NA``; a null of
    polars arrives as ``None``. A string (``""`` is an empty text), bytes, a list or
    an array is never missing, whatever it holds.

    Parameters
    ----------
    cell : object
        One value of a column.

    Returns
    -------
    missing : bool
        Whether the cell is missing.

    Examples
    --------
    >>> from mmsk._utils._missing import is_missing
    >>> [is_missing(cell) for cell in (None, float("nan"), "", [None])]
    [True, True, False, False]
    """
    if cell is None:
        return True
    if isinstance(cell, str):  # by far the most frequent: answer at once
        return False
    if isinstance(cell, float | np.floating):
        return bool(cell != cell)
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    kind = type(cell)
    # by name, so that pandas need not be installed
    return kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith(
        "pandas."
    )
