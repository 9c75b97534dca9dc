"""Boosted trees, and ensembles over blocks of several modalities.

The trees load no torch: what combines estimators, which comes with the fusion
estimators, is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mmsk.ensemble._lightgbm import LightGBMClassifier, LightGBMRegressor

if TYPE_CHECKING:
    from mmsk.ensemble._bagging import (
        ModalityBaggingClassifier,
        ModalityBaggingRegressor,
    )
    from mmsk.ensemble._boosting import ModalityBoostingClassifier
    from mmsk.ensemble._selection import (
        EnsembleSelectionClassifier,
        EnsembleSelectionRegressor,
    )
    from mmsk.ensemble._stacking import (
        ModalityStackingClassifier,
        ModalityStackingRegressor,
    )

__all__ = [
    "EnsembleSelectionClassifier",
    "EnsembleSelectionRegressor",
    "LightGBMClassifier",
    "LightGBMRegressor",
    "ModalityBaggingClassifier",
    "ModalityBaggingRegressor",
    "ModalityBoostingClassifier",
    "ModalityStackingClassifier",
    "ModalityStackingRegressor",
]

_PLACES = {
    "EnsembleSelectionClassifier": "_selection",
    "EnsembleSelectionRegressor": "_selection",
    "ModalityBaggingClassifier": "_bagging",
    "ModalityBaggingRegressor": "_bagging",
    "ModalityBoostingClassifier": "_boosting",
    "ModalityStackingClassifier": "_stacking",
    "ModalityStackingRegressor": "_stacking",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        module = importlib.import_module(f"{__name__}.{_PLACES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
