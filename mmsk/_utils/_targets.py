"""What a target must be, and its location and spread."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target

from mmsk._utils._missing import is_missing

MAX_CLASSES = 100
"""With more whole numbers than this, it must be said that they are classes."""


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
    given, y = y, np.asarray(y)
    if y.dtype.kind == "U" and isinstance(given, list | tuple):
        y = np.asarray(given, dtype=object)  # where NaN has not become "nan"
    if y.dtype != object:
        assert_all_finite(y, input_name="y")
        return
    missing = [position for position, cell in enumerate(y.ravel()) if is_missing(cell)]
    if missing:
        raise ValueError(
            f"Input y contains NaN or None, first at position {missing[0]}. Leave such "
            "rows out of X and y."
        )


def refuse_strings(y: NDArray) -> None:
    """Refuse a target of labels where numbers are needed.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)

    Raises
    ------
    ValueError
        If it holds strings.
    """
    if y.dtype.kind in "USO" and isinstance(y.flat[0], str | bytes):
        raise ValueError(
            f"A regressor needs numbers as y, got strings such as {str(y.flat[0])!r}. "
            "Use the classifier for labels, or convert y with astype(float)."
        )


def kind_of_target(y: NDArray, advice: str) -> str:
    """Tell what a target is, whole numbers among floats taken for measurements.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    advice : str
        What to pass where it cannot be told, as the end of a sentence.

    Returns
    -------
    kind : str
        As of scikit-learn's ``type_of_target``.

    Raises
    ------
    ValueError
        If it holds so many whole numbers that they can hardly be classes.
    """
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind != "multiclass" or y.dtype.kind not in "iuf":
        return kind
    if y.dtype.kind == "f":
        return "continuous"
    n_classes = len(np.unique(y))
    if n_classes > MAX_CLASSES:
        raise ValueError(f"y holds {n_classes} different whole numbers: pass {advice}.")
    return kind


def mean_and_scale(
    y: NDArray, weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by what a target of numbers is standardised.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_targets)
    weights : ndarray of shape (n_samples,) or None

    Returns
    -------
    mean, scale : ndarrays of shape (n_targets,)
        The scale is the standard deviation, and 1 for a constant target.
    """
    y = np.asarray(y, dtype=np.float64)
    mean = np.average(y, axis=0, weights=weights)
    scale = np.average((y - mean) ** 2, axis=0, weights=weights) ** 0.5
    # a constant target: rounding is no spread
    rounding = 10 * np.finfo(np.float64).eps * np.abs(mean)
    return mean, np.where(scale > rounding, scale, 1.0)
