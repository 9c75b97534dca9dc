"""What the tests of this package share."""

import pytest
from sklearn.datasets import make_classification

from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor

BOTH = pytest.mark.parametrize("kind", [LightGBMClassifier, LightGBMRegressor])


def binary(n=200, seed=0):
    """Return n rows of 6 columns, and a label of 0 or 1."""
    X, y = make_classification(n, n_features=6, n_redundant=0, random_state=seed)
    return X, y
