"""Splits that can be trusted, and searches over fusions, heads and ensembles.

Splits load no torch: the searches, which come with the fusion estimators, are loaded
when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mmsk.model_selection._check_leakage import check_leakage
from mmsk.model_selection._make_splitter import make_splitter
from mmsk.model_selection._report import Leak, LeakageReport

if TYPE_CHECKING:
    from mmsk.model_selection._fusion_grid import fusion_grid
    from mmsk.model_selection._fusion_search import FusionSearchCV
    from mmsk.model_selection._search_ensemble import (
        SearchEnsembleClassifier,
        SearchEnsembleRegressor,
    )

__all__ = [
    "FusionSearchCV",
    "Leak",
    "LeakageReport",
    "SearchEnsembleClassifier",
    "SearchEnsembleRegressor",
    "check_leakage",
    "fusion_grid",
    "make_splitter",
]

_PLACES = {
    "FusionSearchCV": "_fusion_search",
    "SearchEnsembleClassifier": "_search_ensemble",
    "SearchEnsembleRegressor": "_search_ensemble",
    "fusion_grid": "_fusion_grid",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        module = importlib.import_module(f"{__name__}.{_PLACES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
