"""Handing the block layout down to the estimators that read blocks.

The walk is by type: what a container shows its children decides what they are
told. `register_block_rule` teaches it a container it does not know.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.pipeline import Pipeline

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import BaseSearchCV


@dataclass(frozen=True)
class View:
    """What an estimator's X looks like.

    Parameters
    ----------
    blocks : Blocks
        The layout, as far as it is still true.
    broken : str, default=None
        Why it is no longer true: what rearranged the columns, as a sentence.
    opaque : bool, default=False
        Whether the columns may be others altogether, not only rearranged.
    untold : set of str
        Paths of estimators that do without a layout because theirs is broken, in
        any candidate of a search; shared by all views of one walk.
    """

    blocks: Blocks
    broken: str | None = None
    opaque: bool = False
    untold: set[str] = field(default_factory=set, compare=False)

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the raw blocks that are known to be in X."""
        return () if self.opaque else self.blocks.raw

    def break_(self, why: str, *, opaque: bool = False) -> "View":
        """Return a view in which no layout holds."""
        return replace(self, broken=self.broken or why, opaque=self.opaque or opaque)


# parameters whose values decide which columns an estimator is shown
CHANGING = ("modalities", "bootstrap_features", "max_features")
Rule = Callable[[Any, View, str], None]
_RULES: dict[type, Rule] = {}


def register_block_rule(container: type, rule: Rule) -> None:
    """Say what the children of a container see, for containers mmsk does not know.

    Parameters
    ----------
    container : type
        Class of the meta-estimator; its subclasses follow the same rule.
    rule : callable of (estimator, view, path)
        Calls ``mmsk.compose.visit_blocks(child, view, child_path)`` for each
        child that sees the columns of the view, with ``view.break_(why)`` where
        it sees others.
    """
    _RULES[container] = rule


def hand_down(estimator: Any, blocks: Blocks, path: str = "estimator") -> Any:
    """Fill the parameter ``blocks`` wherever it is read, in place.

    Parameters
    ----------
    estimator : estimator
        A clone: its parameters are changed.
    blocks : Blocks
        Layout of the matrix that it will be fitted on.
    path : str, default="estimator"
        Parameter path of the estimator, for messages.

    Returns
    -------
    estimator : estimator
        The same object.

    Raises
    ------
    ValueError
        If a step or container before a block-aware estimator rearranges the
        columns, if an estimator that knows no blocks would meet a raw block, or
        if other blocks are set already.
    """
    visit_blocks(estimator, View(blocks), path)
    return estimator


def visit_blocks(estimator: Any, view: View, path: str) -> None:
    """Hand a view to one estimator and, by its type's rule, to those inside it.

    Parameters
    ----------
    estimator : estimator or str or None
    view : View
        What its X looks like.
    path : str
        Its parameter path.
    """
    if not is_estimator(estimator):
        return
    for kind in type(estimator).__mro__:
        if kind in _RULES:
            _RULES[kind](estimator, view, path)
            return
    if "blocks" in estimator.get_params(deep=False):
        _fill(estimator, view, path)
        return
    inside = list(children(estimator))
    for name, child in inside:
        visit_blocks(child, view, f"{path}__{name}")
    if not inside:
        _refuse_raw(estimator, view, path)


def is_estimator(value: Any) -> bool:
    """Tell an estimator object from words, classes and data."""
    return (
        hasattr(value, "fit")
        and hasattr(value, "get_params")
        and not isinstance(value, type)
    )


def is_sampler(step: Any) -> bool:
    """Tell a step that draws other rows, as imbalanced-learn's do in its Pipeline."""
    return hasattr(step, "fit_resample") and not hasattr(step, "transform")


def has_sampler(estimator: Any) -> bool:
    """Tell whether a Pipeline has a step that draws other rows."""
    return isinstance(estimator, Pipeline) and any(
        is_sampler(step) or has_sampler(step) for _, step in estimator.steps
    )


def children(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and estimator of the parameters that are fitted on this one's X.

    A ``final_estimator`` is not: it sees predictions.
    """
    for name, value in estimator.get_params(deep=False).items():
        if name == "final_estimator":
            continue
        if is_estimator(value):
            yield name, value
        elif isinstance(value, list | tuple):
            for entry in value:
                if isinstance(entry, tuple) and len(entry) >= 2:
                    if is_estimator(entry[1]):
                        yield str(entry[0]), entry[1]
                elif is_estimator(entry):
                    yield name, entry


def tree(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and those inside that are fitted with it."""
    if not is_estimator(estimator) or isinstance(estimator, FrozenEstimator):
        return
    yield estimator
    for _, child in children(estimator):
        yield from tree(child)


def _fill(estimator: Any, view: View, path: str) -> None:
    name = type(estimator).__name__
    told: Blocks | None = view.blocks
    if view.broken:
        reason = _why_blocks(estimator, view)
        if reason is not None:
            raise ValueError(
                f"{path} ({name}) reads blocks, but {view.broken}. Use BlockSelector, "
                "BlockScaler or BlockReducer, which keep the blocks, or do it in the "
                f"branches of the ModalityTransformer.{reason}"
            )
        _refuse_raw(estimator, view, path)
        view.untold.add(path)
    if path in view.untold:
        told = None
    if estimator.blocks is not None and estimator.blocks != view.blocks:
        raise ValueError(
            f"{path} ({name}) has blocks={estimator.blocks!r} already, but its X will "
            f"be {view.blocks!r}. Leave blocks=None; to refit a fitted estimator "
            "elsewhere, clone the estimator it came from."
        )
    estimator.blocks = told


def _why_blocks(estimator: Any, view: View) -> str | None:
    """Return what an estimator needs its blocks for; None: it can do without.

    An estimator that reads nothing but columns where its blocks hold nothing special
    says so by a method ``_needs_blocks(blocks)``, which returns a sentence or None.
    """
    asks = getattr(estimator, "_needs_blocks", None)
    if asks is None:
        return ""
    needed = asks(view.blocks)
    return None if needed is None else f" {needed}"


def _refuse_raw(estimator: Any, view: View, path: str) -> None:
    if view.raw:
        raise ValueError(
            f"{path} ({type(estimator).__name__}) cannot read the raw blocks "
            f"{list(view.raw)}: only a trainable encoder can. Use a fusion "
            "estimator with encoders, an extractor that gives vectors, or "
            "BlockSelector for the other modalities."
        )


def _leave(estimator: Any, view: View, path: str) -> None:
    """Do not enter: what is inside is fitted already, or makes its own blocks."""


def _pipeline(pipeline: Pipeline, view: View, path: str) -> None:
    *before, (last_name, last) = pipeline.steps
    for name, step in before:
        step_path = f"{path}__{name}"
        if not is_estimator(step):
            continue
        visit_blocks(step, view, step_path)
        if is_sampler(step):
            continue  # other rows, the same columns
        after = getattr(step, "_blocks_after", None)
        if view.broken is None and after is not None:
            view = replace(view, blocks=after(view.blocks))
        else:
            kind = type(step).__name__
            view = view.break_(
                f"the step {step_path} ({kind}) changes its columns", opaque=True
            )
    visit_blocks(last, view, f"{path}__{last_name}")


def _bagging(bagging: Any, view: View, path: str) -> None:
    width = view.blocks.n_features
    share = bagging.max_features
    whole = share >= width if isinstance(share, Integral) else share == 1.0
    if bagging.bootstrap_features or not whole:
        view = view.break_(
            f"{path} ({type(bagging).__name__}) draws columns "
            f"(max_features={share!r}, bootstrap_features="
            f"{bagging.bootstrap_features!r})"
        )
    if bagging.estimator is None:  # trees
        _refuse_raw(bagging, view, path)
    visit_blocks(bagging.estimator, view, f"{path}__estimator")


def _stacking(stack: Any, view: View, path: str) -> None:
    for name, child in children(stack):
        visit_blocks(child, view, f"{path}__{name}")
    if stack.passthrough:
        final = f"{path}__final_estimator"
        _refuse_raw(stack.final_estimator, view, final)
        kind = type(stack).__name__
        shown = view.break_(f"{path} ({kind}) shows it predictions before the columns")
        visit_blocks(stack.final_estimator, shown, final)


def _rearranges(container: Any, view: View, path: str) -> None:
    kind = type(container).__name__
    view = view.break_(
        f"{path} ({kind}) shows its estimators other columns",
        opaque=isinstance(container, ColumnTransformer),
    )
    for name, child in children(container):
        visit_blocks(child, view, f"{path}__{name}")


def _search(search: Any, view: View, path: str) -> None:
    for _ in range(2):  # who does without blocks in one candidate does so in all
        visit_blocks(search.estimator, view, f"{path}__estimator")
        for candidate in candidates(search):
            visit_blocks(candidate, view, f"{path}__estimator")
        if not view.untold:
            return


def candidates(search: BaseSearchCV) -> Iterator[Any]:
    """Yield the estimators that a search's lists of estimators lead to.

    Each is a clone with the very objects of the lists inside, so that what stands
    before them counts.
    """
    for attribute in ("param_grid", "param_distributions"):
        grids = getattr(search, attribute, None)
        for grid in [grids] if isinstance(grids, dict) else grids or []:
            choices = {k: _tried(k, v) for k, v in grid.items()}
            choices = {k: v for k, v in choices.items() if _changes_the_walk(k, v)}
            for params in ParameterGrid(choices) if choices else ():
                yield clone(search.estimator).set_params(**params)


def _tried(key: str, values: Any) -> Any:
    """Return the values of a searched parameter that the walk should try."""
    if key.rpartition("__")[2] == "max_features" and hasattr(values, "rvs"):
        return [0.5]  # any that draws columns
    return values


def _changes_the_walk(key: str, values: Any) -> bool:
    """Tell whether values of a searched parameter decide who is told which blocks."""
    if not isinstance(values, list | tuple | np.ndarray):
        return False
    if key.rpartition("__")[2] in CHANGING:
        return True
    return any(is_estimator(each) or _lists_estimators(each) for each in values)


def _lists_estimators(value: Any) -> bool:
    """Tell whether a value is like the ``estimators`` of a VotingClassifier."""
    return isinstance(value, list | tuple) and any(
        is_estimator(entry) or _lists_estimators(entry) for entry in value
    )


def _target(regressor: Any, view: View, path: str) -> None:
    if regressor.regressor is None:  # LinearRegression
        _refuse_raw(regressor, view, path)
    # its other estimator, `transformer`, is fitted on y
    visit_blocks(regressor.regressor, view, f"{path}__regressor")


register_block_rule(FrozenEstimator, _leave)
register_block_rule(Pipeline, _pipeline)
register_block_rule(BaseSearchCV, _search)
register_block_rule(TransformedTargetRegressor, _target)
for _kind in (BaggingClassifier, BaggingRegressor):
    register_block_rule(_kind, _bagging)
for _kind in (StackingClassifier, StackingRegressor):
    register_block_rule(_kind, _stacking)
for _kind in (
    ClassifierChain,
    RegressorChain,
    ColumnTransformer,
    RFE,
    SequentialFeatureSelector,
):
    register_block_rule(_kind, _rearranges)
