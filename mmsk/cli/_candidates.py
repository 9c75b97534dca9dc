"""The candidates of the demo: which fusion, which ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._linear import linear_regressor
from mmsk.neural_network import NeuralClassifier, NeuralRegressor

MECHANISMS = ("concat", "gated")
CHEAPENED = (
    "Nets: 30 epochs. LightGBM: blocks reduced to 64 columns, 60 trees of 7 leaves, "
    "max_bin=63. Bagging: 10 nets of 15 epochs. AdaBoost: at most 10 members. "
    "Stacking: 3 inner folds."
)
CHEAPENED_QUICK = "Nets: 30 epochs. Stacking: 3 inner folds, no intermediate fusion."


@dataclass(frozen=True)
class Candidate:
    """One estimator of the search.

    Parameters
    ----------
    family : str
        ``"single"``, ``"early"``, ``"late"``, ``"intermediate"`` or
        ``"ensemble"``.
    name : str
        What the leaderboard calls it.
    estimator : classifier or regressor
    """

    family: str
    name: str
    estimator: Any


@dataclass(frozen=True)
class Kit:
    """The estimators that candidates of a task are made of."""

    early: Any
    late: Any
    intermediate: Any
    neural: Any
    lightgbm: Any
    bagging: Any
    boosting: Any
    stacking: Any
    linear: Any
    final: Any
    combinations: tuple[str, ...]
    combine: str


KITS = {
    "classification": Kit(
        EarlyFusionClassifier,
        LateFusionClassifier,
        IntermediateFusionClassifier,
        NeuralClassifier,
        LightGBMClassifier,
        BaggingClassifier,
        AdaBoostClassifier,
        StackingClassifier,
        LogisticRegression(max_iter=1000),
        LogisticRegression(max_iter=1000),
        ("mean", "product", "vote", "weighted", "stack"),
        "product",
    ),
    "regression": Kit(
        EarlyFusionRegressor,
        LateFusionRegressor,
        IntermediateFusionRegressor,
        NeuralRegressor,
        LightGBMRegressor,
        BaggingRegressor,
        AdaBoostRegressor,
        StackingRegressor,
        linear_regressor(),
        Ridge(),
        ("mean", "median", "weighted", "stack"),
        "mean",
    ),
}


def candidates(
    modalities: Sequence[str], task: str = "classification", *, quick: bool = False
) -> list[Candidate]:
    """Return the candidates; with `quick`, one of each family.

    LightGBM sees blocks reduced to 64 columns and grows 60 trees of 7 leaves;
    ensembles have at most 10 members.

    Parameters
    ----------
    modalities : sequence of str
        At least two.
    task : {"classification", "regression"}, default="classification"
    quick : bool, default=False
    """
    kit = KITS[task]
    single = [
        Candidate("single", f"{name} alone", _early(kit, modalities=[name]))
        for name in modalities
    ]
    early = [
        Candidate("early", "early, linear", _early(kit)),
        Candidate("early", "early, LightGBM", _boosted(kit)),
        Candidate("early", "early, neural", kit.early(_neural(kit))),
    ]
    late = [
        Candidate("late", f"late, {combine}", _late(kit, combine))
        for combine in kit.combinations
    ]
    intermediate = [
        Candidate("intermediate", f"intermediate, {mechanism}", _net(kit, mechanism))
        for mechanism in MECHANISMS
    ]
    ensemble = _ensembles(kit)
    if quick:
        stack = ensemble[-1].estimator
        stack.set_params(intermediate="drop")
        return [single[0], early[0], late[0], intermediate[-1], ensemble[-1]]
    return [*single, *early, *late, *intermediate, *ensemble]


def _ensembles(kit: Kit) -> list[Candidate]:
    members = [
        ("early", _early(kit)),
        ("late", _late(kit, kit.combine)),
        ("intermediate", _net(kit, "gated")),
    ]
    made = {
        "Bagging of intermediate": kit.bagging(
            _net(kit, "gated", max_epochs=15), 10, random_state=0
        ),
        "AdaBoost of early": kit.boosting(_early(kit), n_estimators=10, random_state=0),
        "Stacking of fusions": kit.stacking(members, kit.final, cv=3),
    }
    return [Candidate("ensemble", name, each) for name, each in made.items()]


def _early(kit: Kit, modalities: list[str] | None = None) -> Any:
    return kit.early(kit.linear, modalities=modalities)


def _boosted(kit: Kit) -> Any:
    trees = kit.lightgbm(n_estimators=60, num_leaves=7, max_bin=63, random_state=0)
    return kit.early(trees, n_components=64, random_state=0)


def _neural(kit: Kit) -> Any:
    return kit.neural(max_epochs=30, random_state=0)


def _late(kit: Kit, combine: str) -> Any:
    return kit.late(kit.linear, combine=combine)


def _net(kit: Kit, mechanism: str, max_epochs: int = 30) -> Any:
    return kit.intermediate(
        mechanism, dropout=0.5, max_epochs=max_epochs, random_state=0
    )
