"""Losses, metrics and constraints of the user's own, in LightGBM's terms."""

import inspect
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from mmsk._utils._blocks import Blocks


def weighted_objective(objective: Callable) -> Callable:
    """Return a loss for ``lightgbm.train``, which leaves weights to it.

    Parameters
    ----------
    objective : callable
        Takes ``(y_true, y_pred)``, raw scores, and returns gradient and Hessian.
    """

    def of_data(scores: NDArray, data: lightgbm.Dataset) -> tuple[NDArray, NDArray]:
        labels = np.asarray(data.get_label(), dtype=np.float64)
        found = [np.asarray(each) for each in objective(labels, scores)]
        if len(found) != 2 or any(each.shape != scores.shape for each in found):
            raise ValueError(
                f"objective must return gradient and Hessian of shape {scores.shape}, "
                f"got shapes {[each.shape for each in found]}."
            )
        weights = data.get_weight()
        if weights is not None:
            weights = np.reshape(weights, (-1,) + (1,) * (scores.ndim - 1))
            found = [each * weights for each in found]
        return found[0], found[1]

    return of_data


def metric_of_data(metric: Callable, offset: float = 0.0) -> Callable:
    """Return a metric for ``lightgbm.train``.

    Parameters
    ----------
    metric : callable
        Takes ``(y_true, y_pred)`` or ``(y_true, y_pred, sample_weight)``, returns
        ``(name, value, is_higher_better)``.
    offset : float, default=0.0
        What the booster's targets are less than those that the metric is about.
    """
    parameters = inspect.signature(metric).parameters.values()
    by_place = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    takes_weights = sum(each.kind in by_place for each in parameters) > 2

    def of_data(predicted: NDArray, data: lightgbm.Dataset) -> tuple[str, float, bool]:
        labels = np.asarray(data.get_label(), dtype=np.float64)
        weights = [data.get_weight()] if takes_weights else []
        found = metric(labels + offset, predicted + offset, *weights)
        if not isinstance(found, tuple) or len(found) != 3:
            raise ValueError(
                f"metric must return (name, value, is_higher_better), got {found!r}."
            )
        return found

    return of_data


def monotone_vector(
    given: Any, n_features: int, names: NDArray | None, blocks: Blocks | None
) -> list[int]:
    """Return the constraint of each column: -1, 0 or 1.

    Parameters
    ----------
    given : array-like of shape (n_features,), or dict
        A dict says so of columns by name or position, or of modalities by name:
        all columns of a modality but its presence column and its categories.
    n_features : int
    names : ndarray of str of shape (n_features,) or None
        Names of the columns.
    blocks : Blocks or None

    Raises
    ------
    ValueError
        If the length, a name or a value is wrong, or a column holds categories.
    """
    if not isinstance(given, Mapping):
        vector = np.asarray(given)
        if vector.shape != (n_features,):
            raise ValueError(
                f"monotone_constraints must hold one number for each of the "
                f"{n_features} columns of X, got shape {vector.shape}."
            )
        given = dict(enumerate(vector.tolist()))
    places: dict[Any, list[int]] = {}
    categories: set[int] = set()
    if blocks is not None:
        categories = {b.start + offset for b in blocks for offset in b.categorical}
        places = {
            b.name: [p for p in range(b.start, b.stop) if p not in categories]
            for b in blocks
        }
    if names is not None:
        places.update({str(name): [place] for place, name in enumerate(names)})
    signs = [0] * n_features
    for key, sign in given.items():
        if sign not in (-1, 0, 1):
            raise ValueError(
                f"monotone_constraints: {key!r} must be -1 (falling), 0 (free) or 1 "
                f"(rising), got {sign!r}."
            )
        by_position = isinstance(key, Integral) and 0 <= key < n_features
        found = [int(key)] if by_position else places.get(key)
        if found is None:
            raise ValueError(
                f"monotone_constraints: {key!r} is no column and no modality of X. "
                f"X has {n_features} columns, modalities and names "
                f"{list(places)[:10]}."
            )
        # of a category LightGBM ends the process; a modality may hold nothing else
        if sign and (not found or categories.intersection(found)):
            raise ValueError(
                f"monotone_constraints: {key!r} holds categories, which have no order: "
                "only 0 is possible there."
            )
        for place in found:
            signs[place] = int(sign)
    return signs
