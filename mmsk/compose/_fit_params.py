"""Which weights and groups an estimator can be given."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from mmsk._utils._param_validation import BaseSearchCV
from mmsk.compose._hand_down import children, has_sampler
from mmsk.compose._inner_groups import takes_groups

_WEIGHTED = (StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)


def fit_params(estimator: Any, *, sample_weight: Any, groups: Any) -> dict[str, Any]:
    """Return the keyword arguments of ``estimator.fit``.

    Parameters
    ----------
    estimator : estimator
    sample_weight : array of shape (n_samples,) or None
    groups : array of shape (n_samples,) or None
        Left out where the estimator takes none.

    Raises
    ------
    ValueError
        If there are weights that the estimator would not use.
    """
    params = {}
    if sample_weight is not None:
        if has_sampler(estimator):
            raise ValueError(
                f"The weights would be lost in {type(estimator).__name__}: its sampler "
                "draws other rows, which have none. Fit without weights, or let them "
                "take the sampler's place."
            )
        if not takes_weights(estimator):
            raise ValueError(
                f"{type(_last(estimator)).__name__} does not take sample_weight, so "
                "the weights would be lost. Choose an estimator that does, or fit "
                "without them."
            )
        params.update(_addressed(estimator, "sample_weight", sample_weight))
    if groups is not None:
        params.update(_addressed(estimator, "groups", groups))
    return params


def takes_weights(estimator: Any) -> bool:
    """Tell whether an estimator, in a Pipeline the last step, uses weights.

    Behind a sampler the last step sees other rows than those that have weights.
    """
    return not has_sampler(estimator) and _accepts(_last(estimator), "sample_weight")


def as_repeats(
    estimator: Any, weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64] | slice, NDArray[np.float64] | None]:
    """Turn whole-number weights into repeated rows for who takes no weights.

    Bagging hands its members the number of times that it drew each row.

    Parameters
    ----------
    estimator : estimator
    weights : ndarray of shape (n_samples,) or None

    Returns
    -------
    rows : int ndarray or slice
        The rows to fit on.
    weights : ndarray or None
        Their weights. They stay, for `fit_params` to refuse, where they are not
        whole numbers, or where copies of a row would stand on both sides of an
        inner split.
    """
    if weights is None or takes_weights(estimator):
        return slice(None), weights
    if (weights % 1).any() or _makes_folds(estimator):
        return slice(None), weights
    return np.arange(len(weights)).repeat(weights.astype(int)), None


def _last(estimator: Any) -> Any:
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def _accepts(estimator: Any, name: str) -> bool:
    if name == "sample_weight" and isinstance(estimator, _WEIGHTED):
        return True  # its signature says **fit_params
    if name == "groups":
        return takes_groups(estimator)
    if isinstance(estimator, BaseSearchCV):
        return _accepts(estimator.estimator, name)
    return has_fit_parameter(estimator, name)


def _addressed(estimator: Any, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keyword that brings a value to each step that takes it."""
    if name == "groups" and has_sampler(estimator):
        return  # the rows behind it are others
    if not isinstance(estimator, Pipeline) or get_config()["enable_metadata_routing"]:
        if _accepts(estimator if name == "groups" else _last(estimator), name):
            yield name, value
        return
    for step_name, step in estimator.steps:
        if hasattr(step, "fit"):
            for inner, each in _addressed(step, name, value):
                yield f"{step_name}__{inner}", each


def _makes_folds(estimator: Any) -> bool:
    asks = getattr(estimator, "_needs_groups", None)
    splits = "cv" in estimator.get_params(deep=False) if asks is None else asks()
    return splits or any(_makes_folds(child) for _, child in children(estimator))
