"""The table that was given, as a frame or an array."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from mmsk._utils._frames import cell_array, column_names, is_series


def checked_table(estimator: Any, X: Any, *, reset: bool) -> tuple[Any, list]:
    """Check a table as scikit-learn does; return it and the keys of its columns.

    Parameters
    ----------
    estimator : estimator
        Remembers the number and names of the columns, or compares them.
    X : DataFrame, Series or array-like of shape (n_samples, n_columns)
    reset : bool
        Whether to remember them, as in fit.

    Returns
    -------
    X : DataFrame, or ndarray of shape (n_samples, n_columns)
    keys : list of str or int
        Names of the columns, positions in an array.

    Raises
    ------
    ValueError
        If it has no rows or columns, is 1-D, or is another table than that of fit.
    """
    if is_series(X) and hasattr(X, "to_frame"):
        X = X.to_frame()
    keys = column_names(X)
    if keys is None:
        if isinstance(X, list) and any(isinstance(row, list | tuple) for row in X):
            # NumPy would turn the numbers beside a string into strings
            X = cell_array(X)
        if isinstance(X, np.ndarray) and X.ndim == 1:
            raise ValueError(
                "Expected a 2D array, got a 1D array. Reshape your data: "
                "X.reshape(-1, 1) is one column. In a list of branches write one "
                "column as a list, [0] instead of 0."
            )
        X = validate_data(
            estimator, X, dtype=None, ensure_all_finite=False, reset=reset
        )
        return X, list(range(X.shape[1]))
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    for size, what in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum "
                f"of 1 is required by {type(estimator).__name__}."
            )
    return X, keys
