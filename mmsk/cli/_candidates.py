"""The candidates of the demo: which fusion, which ensemble."""

from dataclasses import dataclass
from typing import Any

from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression

from mmsk.ensemble import LightGBMClassifier
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.neural_network import NeuralClassifier

MODALITIES = ("text", "image", "table")
COMBINATIONS = ("mean", "product", "vote", "weighted", "stack")
MECHANISMS = ("concat", "gated")


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
    estimator : classifier
    """

    family: str
    name: str
    estimator: Any


def candidates(*, quick: bool = False) -> list[Candidate]:
    """Return the candidates; with `quick`, one of each family.

    LightGBM sees blocks reduced to 64 columns and grows 60 trees of 7 leaves;
    ensembles have at most 10 members.
    """
    single = [
        Candidate("single", f"{name} alone", _early(modalities=[name]))
        for name in MODALITIES
    ]
    early = [
        Candidate("early", "early, linear", _early()),
        Candidate("early", "early, LightGBM", _boosted()),
        Candidate("early", "early, neural", EarlyFusionClassifier(_neural())),
    ]
    late = [
        Candidate("late", f"late, {combine}", _late(combine))
        for combine in COMBINATIONS
    ]
    intermediate = [
        Candidate("intermediate", f"intermediate, {mechanism}", _fusion(mechanism))
        for mechanism in MECHANISMS
    ]
    ensemble = [
        Candidate(
            "ensemble",
            "Bagging of intermediate",
            BaggingClassifier(_fusion("gated", max_epochs=15), 10, random_state=0),
        ),
        Candidate(
            "ensemble",
            "AdaBoost of early",
            AdaBoostClassifier(_early(), n_estimators=10, random_state=0),
        ),
        Candidate(
            "ensemble",
            "Stacking of fusions",
            StackingClassifier(
                [
                    ("early", _early()),
                    ("late", _late("product")),
                    ("intermediate", _fusion("gated")),
                ],
                LogisticRegression(max_iter=1000),
                cv=3,
            ),
        ),
    ]
    if quick:
        stack = ensemble[-1].estimator
        stack.set_params(intermediate="drop")
        return [single[0], early[0], late[0], intermediate[-1], ensemble[-1]]
    return [*single, *early, *late, *intermediate, *ensemble]


CHEAPENED = (
    "Nets: 30 epochs. LightGBM: blocks reduced to 64 columns, 60 trees of 7 leaves, "
    "max_bin=63. Bagging: 10 nets of 15 epochs. AdaBoost: at most 10 members. "
    "Stacking: 3 inner folds."
)
CHEAPENED_QUICK = "Nets: 30 epochs. Stacking: 3 inner folds, no intermediate fusion."


def _early(modalities: list[str] | None = None) -> EarlyFusionClassifier:
    linear = LogisticRegression(max_iter=1000)
    return EarlyFusionClassifier(linear, modalities=modalities)


def _boosted() -> EarlyFusionClassifier:
    trees = LightGBMClassifier(
        n_estimators=60, num_leaves=7, max_bin=63, random_state=0
    )
    return EarlyFusionClassifier(trees, n_components=64, random_state=0)


def _neural() -> NeuralClassifier:
    return NeuralClassifier(max_epochs=30, random_state=0)


def _late(combine: str) -> LateFusionClassifier:
    return LateFusionClassifier(LogisticRegression(max_iter=1000), combine=combine)


def _fusion(mechanism: str, max_epochs: int = 30) -> IntermediateFusionClassifier:
    return IntermediateFusionClassifier(
        mechanism, dropout=0.5, max_epochs=max_epochs, random_state=0
    )
