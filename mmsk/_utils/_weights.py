"""Sample weights as mmsk's estimators use them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import check_sample_weight


def positive_weights(
    sample_weight: Any, X: Any
) -> tuple[NDArray | slice, NDArray[np.float64] | None]:
    """Check weights and tell which rows count.

    A row of weight zero must behave as if it were not there: batch norm,
    scalers and inner splits would see it otherwise.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), or a number, or None
    X : array or frame of shape (n_samples, ...)

    Returns
    -------
    rows : slice or int ndarray of shape (n_kept,)
        The rows of positive weight, ``slice(None)`` when all are.
    weights : float64 ndarray of shape (n_kept,) or None
        Their weights, ``None`` where none were given.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, the number of weights is wrong,
        or all are zero.
    """
    if sample_weight is None:
        return slice(None), None
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError("Sample weights are all zero: there is no sample to fit.")
    if weights.all():
        return slice(None), weights
    rows = np.flatnonzero(weights)
    return rows, weights[rows]
