"""Values of a branch that float32 cannot tell apart."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import DataConversionWarning

from mmsk.compose._branch_errors import column_at, which_branch

_ENOUGH = 256  # steps of float32 from the smallest value of a column to the largest
_ROUNDING = 2.0**-48  # of the largest value: what sums in float64 may be off by


def warn_of_rounding(values: Any, name: str, keys: Any, columns: list) -> None:
    """Warn of columns that vary by less than float32 can show.

    Around 1.7e9, seconds since 1970, the numbers of float32 are 128 apart, and a
    column of 200 seconds comes down to three values. What varies by the rounding of
    float64 alone has nothing to lose.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_columns) or sparse matrix
        What a branch has made, numbers or what can be read as such.
    name : str
        Name of the branch.
    keys : str, int or list of them
        Its columns.
    columns : list
        The columns of the output, empty where they are others than those of the
        branch.
    """
    if sp.issparse(values) or np.can_cast(values.dtype, np.float32) or not len(values):
        return
    if values.dtype.kind not in "iuf":
        values = values.astype(np.float64)
    told = [
        f"column {column_at(i, columns)!r} ({loss})"
        for i in _coarse(values).tolist()
        if (loss := _loss(values[:, i]))
    ]
    if told:
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        warnings.warn(
            f"{which_branch(name, keys)}: features are float32, which cannot tell all "
            f"values apart of {', '.join(told[:3])}{more}. Scale them before, by "
            f"StandardScaler or TableExtractor, or take a number off.",
            DataConversionWarning,
            stacklevel=6,
        )


def _coarse(values: np.ndarray) -> np.ndarray:
    """Return the columns that float32 may have too few numbers for."""
    low, high = values.min(axis=0), values.max(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        if values.dtype.kind == "f":
            odd = np.flatnonzero(~np.isfinite(low) | ~np.isfinite(high))
            finite = np.isfinite(values[:, odd])
            low[odd] = np.min(values[:, odd], axis=0, where=finite, initial=np.inf)
            high[odd] = np.max(values[:, odd], axis=0, where=finite, initial=-np.inf)
            spread, noise = high - low, _ROUNDING
        else:  # without a sign, or what is too large for the dtype would be wrong
            spread, noise = high.astype(np.uint64) - low.astype(np.uint64), 0
        largest = np.abs([low.astype(np.float64), high.astype(np.float64)]).max(axis=0)
        step = np.spacing(largest.astype(np.float32)).astype(np.float64)
        return np.flatnonzero((spread > noise * largest) & (spread < _ENOUGH * step))


def _loss(column: np.ndarray) -> str:
    """Say how many values are left of a column's, if not all are."""
    column = column[np.isfinite(column)]
    n_before, n_after = len(np.unique(column)), len(np.unique(column.astype("f4")))
    if n_after == n_before:
        return ""
    return f"near {column[0]:.6g}: {n_before} values become {n_after}"
