"""Which inner folds are given the groups of the rows."""

import warnings
from collections.abc import Iterator
from numbers import Real
from typing import Any

from sklearn import config_context, get_config
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.feature_selection import RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.metadata_routing import MetadataRouter, get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from mmsk._utils._param_validation import BaseSearchCV
from mmsk.compose._hand_down import (
    candidates,
    children,
    has_sampler,
    is_estimator,
    tree,
)
from mmsk.exceptions import GroupsWarning

_SPLITS_BY_GROUPS = (BaseSearchCV, RFECV)
"""Those whose fit takes groups for their own folds, metadata routing on or off."""

_MISLEADS = (StackingClassifier, StackingRegressor, SelfTrainingClassifier)
"""Those that hand what is routed to fits that it does not suit.

The final estimator of a stack takes no groups, and self-training fits on fewer rows.
"""


def takes_groups(estimator: Any, *methods: str) -> bool:
    """Tell whether groups can be given to an estimator, and reach what reads them.

    Parameters
    ----------
    estimator : estimator
    *methods : {"fit", "fit_transform"}, default="fit"
        Any of what they would be given to.
    """
    if isinstance(estimator, _SPLITS_BY_GROUPS):
        given = _reads_groups(estimator)
    else:
        given = has_fit_parameter(estimator, "groups")
    return given or (_is_routing() and _consumes(estimator, *methods))


def warn_if_ungrouped(*estimators: Any) -> None:
    """Warn once about what makes inner folds without the groups given to fit.

    Parameters
    ----------
    *estimators : estimator or None

    Raises
    ------
    ValueError
        If such folds cannot be made without groups.
    """
    unreached = [each for estimator in estimators for each in _unreached(estimator)]
    for each in unreached:
        if _requires_groups(getattr(each, "cv", None)):
            raise ValueError(_refusal(each, estimators))
    names = sorted({type(each).__name__ for each in unreached})
    if names:
        warnings.warn(
            f"groups do not reach the inner folds of {', '.join(names)}, so rows of "
            "one group stand on both sides of them. Late fusion with "
            "combine='stack' is given groups, searches and RFECV are where cv is a "
            "splitter that reads them, such as GroupKFold(5), and with metadata "
            "routing so are most others; elsewhere expect inner scores to be "
            "optimistic.",
            GroupsWarning,
            stacklevel=4,
        )


def _refusal(lost: Any, estimators: tuple) -> str:
    kind, splitter = type(lost).__name__, type(lost.cv).__name__
    says = f"{kind} makes its inner folds with {splitter}, and groups do not reach it. "
    if not _is_routing():
        with config_context(enable_metadata_routing=True):
            routed = [
                each for estimator in estimators for each in _unreached(estimator)
            ]
        if not any(each is lost for each in routed):
            return says + (
                "scikit-learn hands them on with metadata routing: call "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
    return says + (
        "Choose a cv that needs none, or an estimator that is given groups, such as "
        "late fusion with combine='stack' or ModalityStackingClassifier."
    )


def _unreached(estimator: Any) -> Iterator[Any]:
    """Yield what makes inner folds that groups given to `estimator` don't reach."""
    if has_sampler(estimator):  # rows that are drawn have no groups
        yield from _splitting(estimator, given=False)
    elif isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _unreached(step)
    elif isinstance(estimator, _SPLITS_BY_GROUPS):
        if _wants_groups(estimator.cv) and not _reads_groups(estimator):
            yield estimator
        for each in (estimator.estimator, *candidates(estimator)):
            yield from _splitting(each, _is_routing())
    elif is_estimator(estimator) and not has_fit_parameter(estimator, "groups"):
        yield from _splitting(estimator, _is_routing())


def _splitting(estimator: Any, given: bool) -> Iterator[Any]:
    """Yield what makes folds without groups in a tree, when it is fitted.

    `given` tells whether groups come as far as to what the estimator is inside of.
    """
    if isinstance(estimator, FrozenEstimator):
        return
    given = given and _consumes(estimator, "fit", "fit_transform")
    asks = getattr(estimator, "_needs_groups", None)
    if asks is not None:
        if given:
            return  # it tells of those inside it
        if asks():
            yield estimator
    elif _wants_groups(estimator.get_params(deep=False).get("cv", "prefit")) and not (
        given and _routes_to_folds(estimator)
    ):
        yield estimator
    for _, child in children(estimator):
        yield from _splitting(child, given)


def _is_routing() -> bool:
    return get_config()["enable_metadata_routing"]


def _consumes(estimator: Any, *methods: str) -> bool:
    """Tell whether groups are routed to an estimator, or to one inside it."""
    for each in tree(estimator):
        misleads = isinstance(each, _MISLEADS) or has_sampler(each)
        if misleads and _has_request(each):
            return False
    return _has_request(estimator, *methods)


def _has_request(estimator: Any, *methods: str) -> bool:
    try:
        routing = get_routing_for_object(estimator)
    except NotImplementedError:  # as AdaBoostRegressor
        return False
    return any(_requests(routing, method) for method in methods or ("fit",))


def _requests(routing: Any, method: str) -> bool:
    """Tell whether groups are requested; `consumes` forgets that fit_transform fits."""
    if not isinstance(routing, MetadataRouter):
        return bool(routing.consumes(method, ["groups"]))
    callers = {"fit_transform": ("fit_transform", "fit")}.get(method, (method,))
    return any(
        caller in callers and _requests(pair.router, callee)
        for _, pair in routing
        for caller, callee in pair.mapping
    )


def _routes_to_folds(estimator: Any) -> bool:
    """Tell whether an estimator that routes groups does so to its own splitter."""
    router = get_routing_for_object(estimator)
    return isinstance(router, MetadataRouter) and any(
        name == "splitter" and pair.router.consumes("split", ["groups"])
        for name, pair in router
    )


def _wants_groups(cv: Any) -> bool:
    """Tell whether folds should be grouped: not those that the user has made."""
    if cv is None or isinstance(cv, Real):
        return True
    if isinstance(cv, str | PredefinedSplit):  # "prefit"
        return False
    return _reads(cv) or type(cv).__module__.startswith("sklearn.")


def _reads_groups(search: Any) -> bool:
    """Tell whether a search can split with the groups that its fit is given."""
    if search.cv is None or isinstance(search.cv, Real):
        return getattr(search, "_groups_own_folds", False)
    if isinstance(search.cv, str) or not hasattr(search.cv, "split"):
        return False
    return _reads(search.cv) or not _wants_groups(search.cv)


def _reads(cv: Any) -> bool:
    """Tell whether a splitter says of itself that it reads groups."""
    asked = hasattr(cv, "split") and hasattr(cv, "get_metadata_routing")
    return asked and bool(cv.get_metadata_routing().consumes("split", ["groups"]))


def _requires_groups(cv: Any) -> bool:
    """Tell whether a splitter raises without groups: those that we know do."""
    return _reads(cv) and type(cv).__module__.startswith(("sklearn.", "mmsk."))
