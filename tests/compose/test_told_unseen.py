"""Constraints of a modality, where each member sees some modalities only."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from mmsk.compose import Block, Blocks
from mmsk.ensemble import (
    LightGBMClassifier,
    LightGBMRegressor,
    ModalityBaggingRegressor,
    ModalityBoostingClassifier,
)
from mmsk.fusion import EarlyFusionRegressor, LateFusionRegressor

BLOCKS = Blocks([Block("a", 0, 1), Block("b", 1, 2)])
RISING = LightGBMRegressor(20, monotone_constraints={"a": 1})


def data():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(300, 2))
    return X, np.sin(3 * X[:, 0]) + X[:, 0] + np.sin(3 * X[:, 1]) + X[:, 1]


def falls(model, column):
    """Return how far a prediction falls while a column rises."""
    line = np.zeros((99, 2))
    line[:, column] = np.linspace(-2, 2, 99)
    return -np.diff(model.predict(line)).min()


def late(trees, **params):
    return LateFusionRegressor(trees, combine="mean", **params)


def bagged(trees, **params):
    return ModalityBaggingRegressor(trees, 6, random_state=0, **params)


def bagged_fusions(trees, **params):
    return bagged(EarlyFusionRegressor(trees), **params)


@pytest.mark.parametrize("ensemble", [late, bagged, bagged_fusions])
def test_they_hold_where_the_modality_is_seen(ensemble):
    X, y = data()
    model = ensemble(RISING, blocks=BLOCKS).fit(X, y)
    free = ensemble(LightGBMRegressor(20), blocks=BLOCKS).fit(X, y)
    assert falls(free, 0) > 0.05
    assert falls(model, 0) <= 1e-12
    assert falls(model, 1) == pytest.approx(falls(free, 1))
    assert RISING.monotone_constraints == {"a": 1}


def test_they_hold_in_boosting():
    X, _ = data()
    noise = np.random.default_rng(1).normal(size=len(X))
    y = (X[:, 0] + np.sin(3 * X[:, 0]) + noise > 0).astype(int)
    trees = LightGBMClassifier(5, monotone_constraints={"a": 1})
    boost = ModalityBoostingClassifier(
        trees, n_estimators=4, blocks=BLOCKS, random_state=0
    )
    boost.fit(X, y)
    assert set(boost.estimator_modalities_) == {"a", "b"}
    line = np.linspace(-2, 2, 99)[:, None]
    for model, name in zip(boost.estimators_, boost.estimator_modalities_, strict=True):
        steps = np.diff(model.predict_proba(line)[:, 1])
        assert (steps >= -1e-12).all() == (name == "a")


@pytest.mark.parametrize("ensemble", [late, bagged, bagged_fusions])
def test_unknown_names_are_refused(ensemble):
    trees = LightGBMRegressor(2, monotone_constraints={"z": 1})
    with pytest.raises(ValueError, match="'z' is no column and no modality"):
        ensemble(trees, blocks=BLOCKS).fit(*data())


@pytest.mark.parametrize(
    "params",
    [
        {"modalities": ["b"]},
        {"estimators": [("a", "drop")]},
        {"estimators": [("a", Ridge())]},
    ],
    ids=str,
)
def test_what_no_copy_sees_is_refused(params):
    with pytest.raises(ValueError, match="'a' is no column and no modality"):
        late(RISING, blocks=BLOCKS, **params).fit(*data())


def test_an_estimator_of_one_modality_is_held_to_its_own():
    model = LateFusionRegressor(
        Ridge(), [("a", RISING)], combine="mean", blocks=BLOCKS
    ).fit(*data())
    assert falls(model, 0) <= 1e-12
    of_other = LateFusionRegressor(Ridge(), [("b", RISING)], blocks=BLOCKS)
    with pytest.raises(ValueError, match="'a' is no column and no modality"):
        of_other.fit(*data())
