"""Values of a branch that float32 cannot tell apart."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import DataConversionWarning

from mmsk.compose._branch_errors import column_at, which_branch

_ENOUGH = 256  # steps of float32 from the smallest value of a column to the largest
_ROUNDING = 2.0**-48  # of the largest value: what sums in float64 may be off by


def warn_of_rounding(values: Any, name: str, keys: Any) -> None:
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
    """
    if sp.issparse(values) or np.can_cast(values.dtype, np.float32) or not len(values):
        return
    values = values.astype(np.float64, copy=False)
    finite = np.isfinite(values)
    low = np.min(values, axis=0, where=finite, initial=np.inf)
    high = np.max(values, axis=0, where=finite, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.maximum(np.abs(low), np.abs(high))
        varies = high - low > _ROUNDING * largest
        step = np.spacing(largest.astype(np.float32)).astype(np.float64)
        coarse = np.flatnonzero(varies & (high - low < _ENOUGH * step))
    told = [_loss(values[:, i], column_at(i, values.shape[1], keys)) for i in coarse]
    told = [loss for loss in told if loss]
    if told:
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        warnings.warn(
            f"{which_branch(name, keys)}: features are float32, which cannot tell all "
            f"values apart of {', '.join(told[:3])}{more}. Scale them before, by "
            f"StandardScaler or TableExtractor, or take a number off.",
            DataConversionWarning,
            stacklevel=5,
        )


def _loss(column: np.ndarray, which: object) -> str:
    """Say how many values are left of a column's, if not all are."""
    column = column[np.isfinite(column)]
    n_before, n_after = len(np.unique(column)), len(np.unique(column.astype("f4")))
    if n_after == n_before:
        return ""
    return (
        f"column {which!r} (near {column[0]:.6g}: {n_before} values become {n_after})"
    )
