"""The folds of a search, grouped where its estimator names groups."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from mmsk._utils._param_validation import num_samples
from mmsk._utils._splits import inner_splits
from mmsk.compose._multimodal_base import BaseMultimodal


def search_splits(
    cv: Any, estimator: Any, X: Any, y: Any, given: dict, random_state: Any
) -> list[tuple[NDArray, NDArray]]:
    """Return the folds, the same for every candidate.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), or None for 5 folds
    estimator : estimator
        A MultimodalClassifier may name the column of the groups.
    X : table
    y : array-like or None
    given : dict
        What the splitter is given, such as `groups`.
    random_state : int, RandomState instance or None
        Shuffles the rows of an int `cv`.

    Returns
    -------
    splits : list of (train, test)
        Row positions.

    Raises
    ------
    ValueError
        If there is one row only.
    """
    n_samples = num_samples(X)
    groups = given.get("groups")
    if groups is None and isinstance(estimator, BaseMultimodal) and estimator.groups:
        _, groups = estimator._without_groups(X, fitting=True)
    by_class = is_classifier(estimator) and y is not None and np.ndim(y) == 1
    if cv is None or isinstance(cv, Integral):
        if n_samples < 2:
            raise ValueError(
                f"A search needs at least two samples, got n_samples={n_samples}."
            )
        return inner_splits(
            cv,
            np.zeros(n_samples),
            np.zeros(n_samples) if y is None else y,
            groups=groups,
            classifier=by_class,
            random_state=random_state,
        )
    splitter = check_cv(cv, y, classifier=by_class)
    if groups is not None:
        given = {**given, "groups": groups}
    return [
        (_positions(train), _positions(test))
        for train, test in splitter.split(X, y, **given)
    ]


def _positions(rows: Any) -> NDArray:
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows
