"""What a target must be before anything is computed for it."""

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite

from mmsk._utils._missing import is_missing


def check_known(y: Any) -> None:
    """Refuse a target with missing or infinite values.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If a value is missing or infinite.
    """
    y = np.asarray(y)
    if y.dtype != object:
        assert_all_finite(y, input_name="y")
        return
    missing = [position for position, cell in enumerate(y.ravel()) if is_missing(cell)]
    if missing:
        raise ValueError(
            f"Input y contains NaN or None, first at position {missing[0]}. Leave such "
            "rows out of X and y."
        )
