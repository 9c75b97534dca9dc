"""Boosted trees over the blocks of several modalities."""

from mmsk.ensemble._lightgbm import LightGBMClassifier, LightGBMRegressor

__all__ = ["LightGBMClassifier", "LightGBMRegressor"]
