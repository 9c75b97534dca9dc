"""Early, late and intermediate fusion as scikit-learn estimators."""

from mmsk.fusion._early import EarlyFusionClassifier, EarlyFusionRegressor
from mmsk.fusion._intermediate import (
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
)
from mmsk.fusion._late import LateFusionClassifier, LateFusionRegressor

__all__ = [
    "EarlyFusionClassifier",
    "EarlyFusionRegressor",
    "IntermediateFusionClassifier",
    "IntermediateFusionRegressor",
    "LateFusionClassifier",
    "LateFusionRegressor",
]
