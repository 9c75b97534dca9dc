"""fusion_grid: a search's parameter grid, written by names."""

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mmsk.compose import BlockSelector
from mmsk.compose._hand_down import is_estimator
from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.ensemble._selection import (
    EnsembleSelectionClassifier,
    EnsembleSelectionRegressor,
)
from mmsk.ensemble._stacking import (
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._linear import linear_regressor
from mmsk.fusion._mechanisms import MECHANISMS
from mmsk.neural_network import NeuralClassifier, NeuralRegressor

TASKS = ("classification", "regression")
RULES = {
    "classification": ("mean", "product", "vote", "confidence", "weighted", "stack"),
    "regression": ("mean", "median", "weighted", "stack"),
}
FUSIONS = {
    "classification": (
        EarlyFusionClassifier,
        LateFusionClassifier,
        IntermediateFusionClassifier,
    ),
    "regression": (
        EarlyFusionRegressor,
        LateFusionRegressor,
        IntermediateFusionRegressor,
    ),
}
HEADS: dict[str, dict[str, Any]] = {
    "classification": {
        "linear": LogisticRegression(max_iter=1000),
        "lightgbm": LightGBMClassifier(random_state=0),
        "neural": NeuralClassifier(random_state=0),
    },
    "regression": {
        "linear": linear_regressor(),
        "lightgbm": LightGBMRegressor(random_state=0),
        "neural": NeuralRegressor(random_state=0),
    },
}
ENSEMBLES: dict[str, dict[str, Any]] = {
    "classification": {
        "bagging": BaggingClassifier(random_state=0),
        "adaboost": AdaBoostClassifier(random_state=0),
        "voting": VotingClassifier([], voting="soft"),
        "stacking": ModalityStackingClassifier([]),
        "selection": EnsembleSelectionClassifier([]),
    },
    "regression": {
        "bagging": BaggingRegressor(random_state=0),
        "adaboost": AdaBoostRegressor(random_state=0),
        "voting": VotingRegressor([]),
        "stacking": ModalityStackingRegressor([]),
        "selection": EnsembleSelectionRegressor([]),
    },
}


def fusion_grid(
    fusions: Sequence = ("early", "late", "intermediate"),
    heads: Sequence | None = None,
    ensembles: Sequence = (),
    *,
    modalities: Sequence | None = None,
    features: Mapping[str, Sequence] | None = None,
    task: str | None = None,
    prefix: str = "",
) -> list[dict[str, list]]:
    """Write the grid of a search over fusions, heads, ensembles and modalities.

    What is returned is a plain list of dicts: print it, change it, add to it. Its
    candidates are every fusion with every head; each of them in every ensemble of
    one kind of member (bagging, AdaBoost), and all of them together in every
    ensemble of different members (voting, stacking, selection); times the
    modalities and the options of `features`.

    Parameters
    ----------
    fusions : sequence of str or estimator, \
            default=("early", "late", "intermediate")
        ``"early"``; ``"late"`` or ``"late:RULE"`` with a rule (``combine``) of late
        fusion; ``"intermediate"`` or ``"intermediate:MECHANISM"``. A rule or
        mechanism alone (``"product"``, ``"gated"``) will do where only one of the
        two is called so. An estimator is taken as it is.
    heads : sequence of str or estimator, default=None
        What early and late fusion fit: ``"linear"``, ``"lightgbm"``, ``"neural"``
        or estimators. ``None`` leaves them at their default, which is linear.
        Intermediate fusion has a head of its own.
    ensembles : sequence of str or estimator, default=()
        ``"bagging"``, ``"adaboost"``, ``"voting"``, ``"stacking"``, ``"selection"``,
        or estimators whose parameter `estimator` or `estimators` is filled. Stacking
        and selection are mmsk's, whose inner folds know groups.
    modalities : sequence, default=None
        What to read: a name for one modality alone, a list of names, ``None`` for
        all. One alone is read by early fusion, for there is nothing to fuse, and
        not by ensembles, unless each is alone. Ensembles of different members read
        all, or, where ``None`` is not among these, each of them. Without it nothing is
        said about modalities.
    features : dict of str to sequence, default=None
        Values for parameters of the extractors, as ``{"image__size": [64, 96]}``.
        Every candidate comes with each, and each takes an extraction of its own.
    task : {"classification", "regression"}, default=None
        ``None`` goes by the estimators that are given; without any it is
        classification.
    prefix : str, default=""
        The path to the MultimodalClassifier where something stands around it, such
        as ``"model"`` for a step of a Pipeline.

    Returns
    -------
    grid : list of dict of str to list
        For GridSearchCV, RandomizedSearchCV, FusionSearchCV and others.

    Raises
    ------
    ValueError
        If a name is unknown or means two things, or a list is empty.
    TypeError
        If an estimator is not of the task, or has no place for members.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from mmsk.model_selection import fusion_grid
    >>> grid = fusion_grid(
    ...     ["early", "late:mean", "late:product", "gated"],
    ...     heads=[LogisticRegression(C=0.1)],
    ...     ensembles=["bagging"],
    ... )
    >>> for part in grid[:3]:
    ...     print(part)
    {'estimator': [EarlyFusionClassifier(estimator=LogisticRegression(C=0.1))]}
    {'estimator': [LateFusionClassifier(estimator=LogisticRegression(C=0.1))],
     'estimator__combine': ['mean', 'product']}
    {'estimator': [IntermediateFusionClassifier(random_state=0)],
     'estimator__mechanism': ['gated']}
    >>> len(grid[3]["estimator__estimator"])
    4
    """
    groups = {"fusions": fusions, "ensembles": ensembles}
    if heads is not None:
        groups["heads"] = heads
    for name, given in groups.items():
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise ValueError(f"{name} must be a list, got {given!r}.")
    task = _task(task, [each for given in groups.values() for each in given])
    for name in ("fusions", "heads"):
        if name in groups and not groups[name]:
            raise ValueError(f"{name} is empty: name at least one.")
    early, late, intermediate = FUSIONS[task]
    filled: list = [None]
    if heads is not None:
        filled = [_chosen(each, HEADS[task], "head", task) for each in heads]
    parsed = [_fusion(each, task) for each in fusions]
    rules = [option for kind, option in parsed if kind == "late"]
    mechanisms = [option for kind, option in parsed if kind == "intermediate"]
    objects = [option for kind, option in parsed if kind == "as given"]
    is_early = ("early", None) in parsed
    subsets = _subsets(modalities)
    several = [each for each in subsets if each is None or len(each) > 1]
    of_early = [each for each in subsets if is_early or each not in several]
    start = f"{prefix}__" if prefix else ""
    path = f"{start}estimator"
    said = modalities is not None
    grid: list[dict[str, list]] = []

    def add(choices: list, reads: list, **options: list) -> None:
        if not choices or not reads:
            return
        part = {path: choices}
        part.update({f"{path}__{name}": each for name, each in options.items()})
        if said and all("modalities" in each.get_params() for each in choices):
            part[f"{path}__modalities"] = reads
        grid.append(part)

    add([_with(early, head) for head in filled], of_early if is_early or said else [])
    if rules:
        combine = {} if rules == ["mean"] else {"combine": rules}
        add([_with(late, head) for head in filled], several, **combine)
    if mechanisms:
        mechanism = {} if mechanisms == ["concat"] else {"mechanism": mechanisms}
        add([intermediate(random_state=0)], several, **mechanism)
    add(objects, several)
    # where there is nothing to fuse, early fusion is who reads
    alone = not several
    members = [_with(early, head) for head in filled if is_early or alone]
    if not alone:
        members += [
            *(_with(late, head, combine=rule) for rule in rules for head in filled),
            *(intermediate(mechanism, random_state=0) for mechanism in mechanisms),
            *objects,
        ]
    read = several or subsets
    for each in ensembles:
        ensemble = _chosen(each, ENSEMBLES[task], "ensemble", task)
        params = ensemble.get_params(deep=False)
        if "estimators" in params:
            whole = [None] if None in read else read
            filled_in = [
                clone(ensemble).set_params(estimators=_named(members, modalities))
                for modalities in whole
            ]
            grid.append({path: filled_in})
        elif "estimator" in params:
            part = {path: [ensemble], f"{path}__estimator": [*map(clone, members)]}
            if said and all("modalities" in m.get_params() for m in members):
                part[f"{path}__estimator__modalities"] = read
            grid.append(part)
        else:
            raise TypeError(
                f"{ensemble!r} has no parameter estimator or estimators, so that no "
                "fusion can be put into it."
            )
    options = _feature_options(features, start)
    return [{**part, **options} for part in grid]


def _named(members: list, modalities: list[str] | None) -> list[tuple[str, Any]]:
    """Return named copies of members that read some modalities, ``None`` for all."""
    named = []
    for number, member in enumerate(map(clone, members), 1):
        name = f"{type(member).__name__.lower()}{number}"
        if modalities is not None and "modalities" in member.get_params(deep=False):
            member.set_params(modalities=modalities)
        elif modalities is not None:
            member = make_pipeline(BlockSelector(modalities), member)
        named.append((name, member))
    return named


def _with(kind: type, head: Any, **params: Any) -> Any:
    if head is not None:
        params["estimator"] = clone(head)
    if params.get("combine") == "mean":  # the default: let it print short
        del params["combine"]
    return kind(**params)


def _task(task: str | None, given: list) -> str:
    """Return the task that was named, or that of the estimators."""
    if task is not None and task not in TASKS:
        raise ValueError(f"task must be one of {list(TASKS)} or None, got {task!r}.")
    kinds = {
        "classification": [e for e in given if is_estimator(e) and is_classifier(e)],
        "regression": [e for e in given if is_estimator(e) and is_regressor(e)],
    }
    found = [name for name in TASKS if kinds[name]]
    if len(found) > 1 or (task is not None and found not in ([], [task])):
        wrong = TASKS[task == TASKS[0]] if task is not None else TASKS[1]
        raise TypeError(
            f"{kinds[wrong][0]!r} is for {wrong}, the others are for "
            f"{TASKS[wrong == TASKS[0]]}: a search has one task."
        )
    return task or (found[0] if found else TASKS[0])


def _chosen(given: Any, known: Mapping[str, Any], what: str, task: str) -> Any:
    """Return a copy of an estimator that is given or named."""
    if isinstance(given, str):
        if given not in known:
            raise ValueError(
                f"Unknown {what} {given!r}: for {task} choose from {list(known)}, or "
                "give an estimator."
            )
        return clone(known[given])
    if not is_estimator(given):
        raise TypeError(f"A {what} is a name or an estimator, got {given!r}.")
    return clone(given)


def _fusion(given: Any, task: str) -> tuple[str, Any]:
    """Return what kind of fusion is meant, and its rule, mechanism or itself."""
    if is_estimator(given):
        return "as given", clone(given)
    if not isinstance(given, str):
        raise TypeError(f"A fusion is a name or an estimator, got {given!r}.")
    options = {"early": (), "late": RULES[task], "intermediate": tuple(MECHANISMS)}
    defaults = {"early": None, "late": "mean", "intermediate": "concat"}
    kind, _, option = given.partition(":")
    if given in options:
        return given, defaults[given]
    if kind in options and option in options[kind]:
        return kind, option
    found = [name for name, each in options.items() if given in each]
    if len(found) == 1:
        return found[0], given
    if found:
        spelt = " or ".join(repr(f"{name}:{given}") for name in found)
        raise ValueError(f"The fusion {given!r} means two things: write {spelt}.")
    raise ValueError(
        f"Unknown fusion {given!r}: for {task} choose 'early', 'late' with a rule of "
        f"{list(options['late'])} or 'intermediate' with a mechanism of "
        f"{list(MECHANISMS)}, as 'late:{RULES[task][1]}'."
    )


def _subsets(modalities: Any) -> list[list[str] | None]:
    if modalities is None:
        return [None]
    if isinstance(modalities, str) or not isinstance(modalities, Sequence):
        raise ValueError(
            "modalities must be a list of names, lists of names and None, got "
            f"{modalities!r}."
        )
    subsets = [[each] if isinstance(each, str) else each for each in modalities]
    for each in subsets:
        if each is not None and (
            not isinstance(each, list | tuple)
            or not each
            or not all(isinstance(name, str) for name in each)
        ):
            raise ValueError(
                "modalities must be a list of names, lists of names and None, got "
                f"{each!r} in it."
            )
    if not subsets:
        raise ValueError("modalities is empty: pass None to say nothing about them.")
    return [None if each is None else list(each) for each in subsets]


def _feature_options(features: Any, start: str) -> dict[str, list]:
    if features is None:
        return {}
    if not isinstance(features, Mapping):
        raise ValueError(
            "features must be a dict, as {'image__size': [64, 96]}, got "
            f"{features!r}."
        )
    options = {}
    for name, values in features.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ValueError(
                f"features: {name!r} must have a list of values, not empty, got "
                f"{values!r}."
            )
        options[f"{start}features__{name}"] = list(values)
    return options
