"""Weights reach the leaves of every head x fusion x ensemble, of rows and of classes.

Both are held against rows that are repeated: those of the table for `sample_weight`,
and for the `class_weight` of a head those that the very head is given, wherever it
stands. Trees are left out as heads, for their splits tie. LightGBM makes its bins of
rows, whatever they weigh: there the `class_weight` of a head is held against the same
weights handed to the very head as those of rows.
"""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    LightGBMClassifier,
    ModalityBaggingClassifier,
    ModalityBoostingClassifier,
    ModalityStackingClassifier,
)
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.neural_network import NeuralClassifier
from tests._blocks import BLOCKS, two_blocks

TIMES = {0: 1, 1: 3, 2: 2}


class Folds:
    """Two folds; equal rows stand in the same one, whatever stands around them."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def split(self, X, y=None, groups=None):
        odd = np.floor(np.abs(X[:, 0]) * 1000) % 2 == 1
        yield np.flatnonzero(odd), np.flatnonzero(~odd)
        yield np.flatnonzero(~odd), np.flatnonzero(odd)


def repeating(kind):
    """Return a class that repeats the rows of a class in its own fit."""

    class Repeating(kind):
        def fit(self, X, y, sample_weight=None, groups=None):
            rows = np.arange(len(y)).repeat([TIMES[label] for label in y])
            own = {} if sample_weight is None else {"sample_weight": sample_weight}
            own = {name: np.asarray(each)[rows] for name, each in own.items()}
            self._given = X, sample_weight
            return super().fit(X[rows], y[rows], **own)

        def _learn_inputs(self, X, weights):
            # a fusion scales the rows as they are, whatever their classes weigh
            super()._learn_inputs(*self._given)

    return Repeating


class Weighing(LightGBMClassifier):
    """Weighs the rows of a class in its own fit."""

    def fit(self, X, y, sample_weight=None, groups=None):
        own = np.array([float(TIMES[label]) for label in y])
        own = own if sample_weight is None else own * sample_weight
        return super().fit(X, y, sample_weight=own)


NET = {"max_epochs": 4, "lr": 0.1, "batch_size": 500, "random_state": 0}
HEADS = {
    "linear": (LogisticRegression, {"tol": 1e-9, "max_iter": 1000}),
    "neural": (NeuralClassifier, {"hidden_layer_sizes": (6,), **NET}),
}
FUSIONS = {
    "none": lambda head: head,
    "early": EarlyFusionClassifier,
    "late": LateFusionClassifier,
    "late-stack": lambda head: LateFusionClassifier(head, combine="stack", cv=Folds()),
}
GATED = (
    IntermediateFusionClassifier,
    {"mechanism": "gated", "fusion_size": 6, **NET},
)
SAME = {"random_state": 0}
ENSEMBLES = {
    "alone": lambda one: one,
    "bagging": lambda one: BaggingClassifier(one, 2, bootstrap=False, **SAME),
    "adaboost": lambda one: AdaBoostClassifier(one, n_estimators=2, **SAME),
    "voting": lambda one: VotingClassifier([("one", one)], voting="soft"),
    "stacking": lambda one: StackingClassifier([("one", one)], cv=Folds()),
    "one-vs-rest": OneVsRestClassifier,
    "modality stacking": lambda one: ModalityStackingClassifier(
        [("one", one)], cv=Folds()
    ),
    "selection": lambda one: EnsembleSelectionClassifier([("one", one)], cv=Folds()),
    "modality bagging": lambda one: ModalityBaggingClassifier(
        one, 3, bootstrap=False, **SAME
    ),
    "modality boosting": lambda one: ModalityBoostingClassifier(
        one, n_estimators=2, combine="all", **SAME
    ),
}
TREES = {"n_estimators": 3, "num_leaves": 3, "min_child_samples": 5, "random_state": 0}
LEAVES = [(head, fusion) for head in HEADS for fusion in FUSIONS]
LEAVES += [("gated", "none")]
ROUTED = {"one-vs-rest"}
"""It takes weights where metadata routing is on."""
DRAWS = {"bagging"}
"""It draws rows with the weights as chances, without bootstrap too."""

each_combination = pytest.mark.parametrize(
    ("ensemble", "head", "fusion"),
    [(ensemble, *leaf) for ensemble in ENSEMBLES for leaf in LEAVES],
)
takes_weights = pytest.mark.parametrize(
    ("ensemble", "head", "fusion"),
    [
        (each, *leaf)
        for each in ENSEMBLES
        for leaf in LEAVES
        # scikit-learn's own would have to be asked to take them
        if each not in DRAWS and (each, *leaf) != ("one-vs-rest", "linear", "none")
    ],
)
# AdaBoost takes the logarithm of the weights, those of 0 as well
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:divide by zero encountered in log:RuntimeWarning"
    ),
    # of the one class against the rest that an ensemble of one modality sees
    pytest.mark.filterwarnings("ignore::mmsk.exceptions.SingleBlockWarning"),
]


def composed(ensemble, head, fusion, *, leaf=lambda kind: kind, **params):
    """Return an ensemble around a fusion around a head; `leaf` changes its class."""
    special = {"gated": GATED, "lightgbm": (LightGBMClassifier, TREES)}
    kind, own = special.get(head) or HEADS[head]
    inside = FUSIONS[fusion](leaf(kind)(**own, **params))
    model = ENSEMBLES[ensemble](inside)
    told = {
        name: BLOCKS
        for name in model.get_params()
        if name.rpartition("__")[2] == "blocks"
        # boosters need them for categories only
        and not isinstance(
            model.get_params().get(name.rpartition("__")[0], model), LightGBMClassifier
        )
    }
    if "blocks" in told:  # it tells those inside
        told = {"blocks": BLOCKS}
    return model.set_params(**told)


def rows():
    """Return X for BLOCKS, with rows that lack one, and three classes."""
    X, y = two_blocks(60, absent=0.2)
    return X, y + (X[:, 1] > 0.5)


@takes_weights
def test_sample_weight_is_a_number_of_times(ensemble, head, fusion):
    X, y = rows()
    weights = np.random.default_rng(0).integers(3, size=60)
    repeated = np.arange(60).repeat(weights)
    model = composed(ensemble, head, fusion)
    with config_context(enable_metadata_routing=ensemble in ROUTED):
        weighted = clone(model).fit(X, y, sample_weight=weights).predict_proba(X)
        expected = clone(model).fit(X[repeated], y[repeated]).predict_proba(X)
    np.testing.assert_allclose(weighted, expected, rtol=0, atol=1e-6)


@each_combination
def test_class_weight_of_a_head_is_a_number_of_times(ensemble, head, fusion):
    X, y = rows()
    times = {0: 1, 1: 3} if ensemble in ROUTED else TIMES
    weighted = composed(ensemble, head, fusion, class_weight=times).fit(X, y)
    repeated = composed(ensemble, head, fusion, leaf=repeating).fit(X, y)
    said = weighted.predict_proba(X)
    np.testing.assert_allclose(said, repeated.predict_proba(X), rtol=0, atol=1e-6)
    plain = composed(ensemble, head, fusion).fit(X, y)
    assert np.abs(said - plain.predict_proba(X)).max() > 1e-3


@pytest.mark.parametrize(
    ("ensemble", "fusion"),
    [
        (ensemble, fusion)
        for ensemble in ENSEMBLES
        for fusion in FUSIONS
        # boosting's weights, of sum 1, are so small beside the penalty of the stack's
        # own regression that its answer is one and the same for all rows
        if ensemble not in ROUTED
        and not ("boost" in ensemble and fusion == "late-stack")
    ],
)
def test_class_weight_of_a_booster_weighs_its_rows(ensemble, fusion):
    X, y = two_blocks(90)
    y = y + (X[:, 1] > 0.5)
    y = np.where(np.arange(90) % 7 == 0, (y + 1) % 3, y)  # some that are wrong
    head = "lightgbm", fusion
    weighted = composed(ensemble, *head, class_weight=TIMES).fit(X, y)
    expected = composed(ensemble, *head, leaf=lambda kind: Weighing).fit(X, y)
    said = weighted.predict_proba(X)
    np.testing.assert_allclose(said, expected.predict_proba(X), rtol=0, atol=1e-9)
    plain = composed(ensemble, *head).fit(X, y)
    assert np.abs(said - plain.predict_proba(X)).max() > 1e-3
