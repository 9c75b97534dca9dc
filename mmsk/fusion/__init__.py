"""Early, late and intermediate fusion as scikit-learn estimators."""

from mmsk.fusion._early import EarlyFusionClassifier, EarlyFusionRegressor
from mmsk.fusion._intermediate import IntermediateFusionClassifier
from mmsk.fusion._late import LateFusionClassifier

__all__ = [
    "EarlyFusionClassifier",
    "EarlyFusionRegressor",
    "IntermediateFusionClassifier",
    "LateFusionClassifier",
]
