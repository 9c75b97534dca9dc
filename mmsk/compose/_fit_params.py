"""Which weights and groups an estimator can be given."""

import warnings
from collections.abc import Iterator
from numbers import Real
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
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from mmsk._utils._param_validation import BaseSearchCV
from mmsk.compose._hand_down import candidates, children, is_estimator, is_sampler
from mmsk.exceptions import GroupsWarning

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


def warn_if_ungrouped(*estimators: Any) -> None:
    """Warn once about what makes inner folds without the groups given to fit."""
    unreached = (each for estimator in estimators for each in _unreached(estimator))
    names = sorted({type(each).__name__ for each in unreached})
    if names:
        warnings.warn(
            f"groups do not reach the inner folds of {', '.join(names)}, so rows of "
            "one group stand on both sides of them. Late fusion with "
            "combine='stack' is given groups; elsewhere expect inner scores to be "
            "optimistic.",
            GroupsWarning,
            stacklevel=4,
        )


def has_sampler(estimator: Any) -> bool:
    """Tell whether a Pipeline has a step that draws other rows."""
    return isinstance(estimator, Pipeline) and any(
        is_sampler(step) or has_sampler(step) for _, step in estimator.steps
    )


def _last(estimator: Any) -> Any:
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def _accepts(estimator: Any, name: str) -> bool:
    if name == "sample_weight" and isinstance(estimator, _WEIGHTED):
        return True  # its signature says **fit_params
    if isinstance(estimator, BaseSearchCV):
        if name == "groups":
            return _reads_groups(estimator.cv)
        return _accepts(estimator.estimator, name)
    return has_fit_parameter(estimator, name)


def _addressed(estimator: Any, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keyword that brings a value to each step that takes it."""
    if not isinstance(estimator, Pipeline) or get_config()["enable_metadata_routing"]:
        if isinstance(estimator, Pipeline) or _accepts(estimator, name):
            yield name, value
        return
    for step_name, step in estimator.steps:
        if hasattr(step, "fit"):
            for inner, each in _addressed(step, name, value):
                yield f"{step_name}__{inner}", each


def _unreached(estimator: Any) -> Iterator[Any]:
    """Yield what makes inner folds that groups given to `estimator` don't reach."""
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _unreached(step)
    elif isinstance(estimator, BaseSearchCV):  # they reach its own folds at most
        if _ignores_groups(estimator.cv) and not _accepts(estimator, "groups"):
            yield estimator
        if not get_config()["enable_metadata_routing"]:
            for each in (estimator.estimator, *candidates(estimator)):
                yield from _splitting(each)
    elif is_estimator(estimator) and not _accepts(estimator, "groups"):
        yield from _splitting(estimator)


def _splitting(estimator: Any) -> Iterator[Any]:
    """Yield the estimators in a tree that make inner folds when fitted."""
    if isinstance(estimator, FrozenEstimator):
        return
    asks = getattr(estimator, "_needs_groups", None)
    if asks is not None:
        if asks():
            yield estimator
    elif "cv" in estimator.get_params(deep=False) and _ignores_groups(estimator.cv):
        yield estimator
    for _, child in children(estimator):
        yield from _splitting(child)


def _makes_folds(estimator: Any) -> bool:
    asks = getattr(estimator, "_needs_groups", None)
    splits = "cv" in estimator.get_params(deep=False) if asks is None else asks()
    return splits or any(_makes_folds(child) for _, child in children(estimator))


def _ignores_groups(cv: Any) -> bool:
    """Tell whether folds are made by a rule of scikit-learn's, not by the user."""
    if cv is None or isinstance(cv, Real):
        return True
    if isinstance(cv, str | PredefinedSplit):  # "prefit"
        return False
    return type(cv).__module__.startswith("sklearn.")


def _reads_groups(cv: Any) -> bool:
    """Tell whether a search can split with the groups that its fit is given."""
    if not hasattr(cv, "split") or isinstance(cv, str):
        return False
    if not _ignores_groups(cv):
        return True
    return bool(cv.get_metadata_routing().consumes("split", ["groups"]))
