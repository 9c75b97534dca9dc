"""A weight is a number of times in reduced blocks, and in fusions of numbers.

Every head x fusion x ensemble of classes stands in tests/test_imbalance.py.

Left out are

- Bagging, and boosting of regressors, which draw rows with the weights as chances:
  where a row stands twice, other rows are drawn;
- folds that are counted out (``cv=5``), since a row that comes twice moves all that
  follow: the folds here are made from the rows' own values.
"""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone

from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionRegressor,
    LateFusionRegressor,
)
from tests import test_compositions
from tests._blocks import BLOCKS, two_blocks

LEFT_OUT = {"bagging", "modality_bagging", "modality_boosting"}
"""The last two make blocks of one modality."""

ENSEMBLES = {
    "alone": lambda one: one,
    **{k: v for k, v in test_compositions.ENSEMBLES.items() if k not in LEFT_OUT},
}
ROUTED = {"one_vs_rest", "one_vs_one"}
"""They take weights where metadata routing is on, and refuse them elsewhere."""

REGRESSOR_ENSEMBLES = {
    "alone": lambda one: one,
    **{
        name: test_compositions.REGRESSOR_ENSEMBLES[name]
        for name in ("voting", "stacking", "passthrough")
    },
}
REGRESSOR_FUSIONS = {
    "early": EarlyFusionRegressor(),
    "early-reduced": EarlyFusionRegressor(n_components=1, random_state=0),
    **{
        f"late-{combine}": LateFusionRegressor(combine=combine)
        for combine in ("mean", "median", "weighted", "stack")
    },
    "intermediate": IntermediateFusionRegressor(max_epochs=15, lr=1e-2, random_state=0),
}


class FoldsByValue:
    """Two folds; equal rows stand in the same one, whatever stands around them."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def split(self, X, y=None, groups=None):
        odd = np.floor(X[:, 3] * 1000) % 2 == 1
        yield np.flatnonzero(odd), np.flatnonzero(~odd)
        yield np.flatnonzero(~odd), np.flatnonzero(odd)


def answer(model, X):
    methods = ("predict_proba", "decision_function", "predict")
    return getattr(model, next(each for each in methods if hasattr(model, each)))(X)


def assert_a_weight_is_a_number_of_times(head, ensemble, y, *, routed=False):
    X = two_blocks(60, absent=0.2)[0]
    weights = np.random.default_rng(0).integers(3, size=60)
    repeated = np.arange(60).repeat(weights)
    head = clone(head).set_params(blocks=BLOCKS)
    model = ensemble(head)
    for each in (head, model):
        if "cv" in each.get_params(deep=False):
            each.set_params(cv=FoldsByValue())
    with config_context(enable_metadata_routing=routed):
        weighted = clone(model).fit(X, y, sample_weight=weights)
        expected = clone(model).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(
        answer(weighted, X), answer(expected, X), rtol=0, atol=1e-6
    )
    once = clone(model).fit(X, y)
    assert np.abs(answer(once, X) - answer(expected, X)).max() > 1e-3


# AdaBoost takes the logarithm of the weights, those of 0 as well
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_a_weight_is_a_number_of_times_in_reduced_blocks(ensemble):
    X, y = two_blocks(60, absent=0.2)
    assert_a_weight_is_a_number_of_times(
        EarlyFusionClassifier(n_components=1, random_state=0),
        ENSEMBLES[ensemble],
        y + (X[:, 1] > 0.5),
        routed=ensemble in ROUTED,
    )


@pytest.mark.parametrize("fusion", REGRESSOR_FUSIONS)
@pytest.mark.parametrize("ensemble", REGRESSOR_ENSEMBLES)
def test_a_weight_of_numbers_is_a_number_of_times(ensemble, fusion):
    X, _ = two_blocks(60, absent=0.2)
    assert_a_weight_is_a_number_of_times(
        REGRESSOR_FUSIONS[fusion],
        REGRESSOR_ENSEMBLES[ensemble],
        X[:, 0] + X[:, 3] + X[:, 1] * X[:, 3],
    )
