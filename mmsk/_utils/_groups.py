"""Which rows belong together, as the user says."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsk._utils._missing import is_missing


def check_groups(groups: ArrayLike) -> NDArray:
    """Return groups as an array, if each row has one.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)

    Returns
    -------
    groups : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a row has none, or it is no array of one dimension.
    """
    groups = np.asarray(groups)
    if groups.ndim != 1:
        got = repr(groups.item()) if groups.ndim == 0 else f"shape {groups.shape}"
        raise ValueError(f"groups must be 1-D, one value for each row, got {got}.")
    missing = [row for row, group in enumerate(groups.tolist()) if is_missing(group)]
    if missing:
        raise ValueError(
            f"groups lacks a value in {len(missing)} rows, first in row {missing[0]}. "
            "Give a row that belongs to no other a group of its own."
        )
    return groups
