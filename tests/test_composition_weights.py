"""A weight is a number of times, in every fusion and every ensemble around it.

Left out are

- Bagging, which draws rows with the weights as chances: where a row stands twice,
  other rows are drawn;
- LightGBM as a member: its leaves need a number of rows, whatever they weigh;
- folds that are counted out (``cv=5``), since a row that comes twice moves all that
  follow: the folds here are made from the rows' own values.
"""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone

from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.fusion._intermediate import MECHANISMS
from tests import test_compositions
from tests._blocks import BLOCKS, two_blocks

ENSEMBLES = {
    "alone": lambda one: one,
    **{k: v for k, v in test_compositions.ENSEMBLES.items() if k != "bagging"},
}
ROUTED = {"one_vs_rest", "one_vs_one"}
"""They take weights where metadata routing is on, and refuse them elsewhere."""

FUSIONS = {
    "early": EarlyFusionClassifier(),
    "early-reduced": EarlyFusionClassifier(n_components=1, random_state=0),
    **{
        f"late-{combine}": LateFusionClassifier(combine=combine)
        for combine in ("mean", "product", "vote", "weighted", "stack")
    },
    **{
        f"intermediate-{mechanism}": IntermediateFusionClassifier(
            mechanism, max_epochs=15, lr=1e-2, random_state=0
        )
        for mechanism in MECHANISMS
    },
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
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
    return getattr(model, method)(X)


# AdaBoost takes the logarithm of the weights, those of 0 as well
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_a_weight_is_a_number_of_times(ensemble, fusion):
    X, y = two_blocks(60, absent=0.2)
    y = y + (X[:, 1] > 0.5)
    weights = np.random.default_rng(0).integers(3, size=60)
    repeated = np.arange(60).repeat(weights)
    head = clone(FUSIONS[fusion]).set_params(blocks=BLOCKS)
    model = ENSEMBLES[ensemble](head)
    for each in (head, model):
        if "cv" in each.get_params(deep=False):
            each.set_params(cv=FoldsByValue())
    with config_context(enable_metadata_routing=ensemble in ROUTED):
        weighted = clone(model).fit(X, y, sample_weight=weights)
        expected = clone(model).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(
        answer(weighted, X), answer(expected, X), rtol=0, atol=1e-6
    )
    once = clone(model).fit(X, y)
    assert np.abs(answer(once, X) - answer(expected, X)).max() > 1e-3
