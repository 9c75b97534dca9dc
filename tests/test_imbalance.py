"""Weights reach the leaves of every head x fusion x ensemble, of rows and of classes.

Both are held against rows that are repeated: those of the table for `sample_weight`,
and for the `class_weight` of a head those that the very head is given, wherever it
stands. What counts rows, whatever they weigh, is told not to: LightGBM's leaves need
no number of rows (`min_child_samples=0`), the folds are made of the rows' own values,
and bagging, whose draws take weights as chances, draws the same rows from weighted ones
and from repeated ones that weigh 1.
"""

from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.tree import DecisionTreeClassifier

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
from mmsk.fusion._mechanisms import MECHANISMS
from mmsk.neural_network import NeuralClassifier
from tests._blocks import BLOCKS, two_blocks

N_ROWS = 200
TIMES = {0: 1, 1: 5, 2: 3}


class Folds:
    """Two folds by a column's size; equal rows stand in the same one everywhere."""

    def __init__(self, column=0):
        self.column = column

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def split(self, X, y=None, groups=None):
        column = X[:, min(self.column, X.shape[1] - 1)]
        large = np.abs(column) > np.abs(column).mean()
        yield np.flatnonzero(large), np.flatnonzero(~large)
        yield np.flatnonzero(~large), np.flatnonzero(large)


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


EXACTLY = {"solver": "newton-cholesky", "tol": 1e-10}
NET = {"max_epochs": 8, "lr": 0.1, "batch_size": 2000, "random_state": 0}
BOOSTER = {
    "n_estimators": 2,
    "learning_rate": 0.5,
    "num_leaves": 3,
    "min_child_samples": 0,
    "params": {"min_sum_hessian_in_leaf": 0.0},
}
HEADS = {
    "linear": (LogisticRegression, EXACTLY),
    "neural": (NeuralClassifier, {"hidden_layer_sizes": (6,), **NET}),
    "lightgbm": (LightGBMClassifier, {**BOOSTER, "random_state": 0}),
    # fully grown ones split a few rows by whichever of the columns
    "tree": (DecisionTreeClassifier, {"max_depth": 2, "random_state": 0}),
}


def late(rule):
    """Return a late fusion that combines by a rule, whose folds keep equal rows."""
    own = {"cv": Folds(1)} if rule in ("weighted", "stack") else {}
    if rule == "stack":
        # boosting's weights have a sum of 1: no penalty may stand against them
        own["final_estimator"] = LogisticRegression(C=1e3, **EXACTLY)
    return partial(LateFusionClassifier, combine=rule, **own)


FUSIONS = {
    "none": lambda head: head,
    "early": EarlyFusionClassifier,
    **{
        f"late-{rule}": late(rule)
        for rule in ("mean", "product", "vote", "confidence", "weighted", "stack")
    },
}
INTERMEDIATE = {"fusion_size": 6, **NET}
SAME = {"random_state": 0}
STACK = {"final_estimator": LogisticRegression(**EXACTLY), "cv": Folds()}
ENSEMBLES = {
    "alone": lambda one: one,
    "bagging": lambda one: BaggingClassifier(one, 2, max_samples=N_ROWS, **SAME),
    "adaboost": lambda one: AdaBoostClassifier(one, n_estimators=2, **SAME),
    "voting": lambda one: VotingClassifier([("one", one)], voting="soft"),
    "stacking": lambda one: StackingClassifier([("one", one)], **STACK),
    "passthrough": lambda one: StackingClassifier(
        [("one", one)], **STACK, passthrough=True
    ),
    "calibrated": lambda one: CalibratedClassifierCV(one, cv=Folds()),
    "one-vs-rest": OneVsRestClassifier,
    "one-vs-one": OneVsOneClassifier,
    "modality stacking": lambda one: ModalityStackingClassifier(
        [("one", one)], **STACK
    ),
    "selection": lambda one: EnsembleSelectionClassifier([("one", one)], cv=Folds()),
    "modality bagging": lambda one: ModalityBaggingClassifier(
        one, 3, bootstrap=False, **SAME
    ),
    "modality boosting": lambda one: ModalityBoostingClassifier(
        one, n_estimators=2, combine="all", **SAME
    ),
}
ROUTED = {"one-vs-rest", "one-vs-one"}
"""They take weights where metadata routing is on."""

each_combination = pytest.mark.parametrize(
    ("head", "fusion"),
    [(head, fusion) for head in HEADS for fusion in FUSIONS]
    + [("neural", mechanism) for mechanism in MECHANISMS],
)
each_ensemble = pytest.mark.parametrize("ensemble", ENSEMBLES)
# AdaBoost takes the logarithm of the weights, those of 0 as well
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:divide by zero encountered in log:RuntimeWarning"
    ),
    # of the one class against the rest that an ensemble of one modality sees
    pytest.mark.filterwarnings("ignore::mmsk.exceptions.SingleBlockWarning"),
    # all rows that lack a modality are in one fold
    pytest.mark.filterwarnings("ignore:.* samples lack modalities that every training"),
]


def composed(ensemble, head, fusion, *, leaf=lambda kind: kind, asked=False, **params):
    """Return an ensemble around a fusion around a head; `leaf` changes its class."""
    if fusion in MECHANISMS:
        own = {"mechanism": fusion, **INTERMEDIATE}
        inside = leaf(IntermediateFusionClassifier)(**own, **params)
    else:
        kind, own = HEADS[head]
        one = leaf(kind)(**own, **params)
        if asked and fusion == "none" and head in ("linear", "tree"):
            one.set_fit_request(sample_weight=True)  # ours ask of themselves
        inside = FUSIONS[fusion](one)
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
    """Return X for BLOCKS, with rows that lack one, and three classes with errors.

    LightGBM estimates the rows in a bin from their weights, and rounds: few distinct
    numbers make few bins with many rows each, so that no split is lost by that. With
    this seed no two splits are so close that rounding would decide between them.
    """
    X, y = two_blocks(N_ROWS, seed=1, absent=0.2)
    y = y + (X[:, 1] > 0.5)
    X = np.clip(np.round(X), -1, 1)
    return X, np.where(np.arange(N_ROWS) % 7 == 0, (y + 1) % 3, y)


def answers(model, X):
    """Return what a classifier says of X: probabilities where it has them."""
    methods = ("predict_proba", "decision_function", "predict")
    return getattr(model, next(each for each in methods if hasattr(model, each)))(X)


@each_ensemble
@each_combination
def test_sample_weight_is_a_number_of_times(head, fusion, ensemble):
    X, y = rows()
    # the bins of a booster are made of rows that weigh nothing too
    least = int(head == "lightgbm")
    weights = np.random.default_rng(0).integers(least, [3, 6, 4], size=(N_ROWS, 3))
    weights = weights[np.arange(N_ROWS), y]
    repeated = np.arange(N_ROWS).repeat(weights)
    once = {"sample_weight": np.ones(len(repeated))} if ensemble == "bagging" else {}
    with config_context(enable_metadata_routing=ensemble in ROUTED):
        model = composed(ensemble, head, fusion, asked=ensemble in ROUTED)
        weighted = answers(clone(model).fit(X, y, sample_weight=weights), X)
        expected = answers(clone(model).fit(X[repeated], y[repeated], **once), X)
        plain = answers(clone(model).fit(X, y), X)
    np.testing.assert_allclose(weighted, expected, rtol=0, atol=1e-6)
    assert np.abs(weighted - plain).max() > 1e-3


@each_ensemble
@each_combination
def test_class_weight_of_a_head_is_a_number_of_times(head, fusion, ensemble):
    X, y = rows()
    times = {0: 1, 1: 5} if ensemble in ROUTED else TIMES
    weighted = composed(ensemble, head, fusion, class_weight=times).fit(X, y)
    repeated = composed(ensemble, head, fusion, leaf=repeating).fit(X, y)
    said = answers(weighted, X)
    np.testing.assert_allclose(said, answers(repeated, X), rtol=0, atol=1e-6)
    if (ensemble, fusion) != ("modality boosting", "late-stack"):
        # a regression on one head's logits takes their shift back, and boosting
        # goes by the class alone
        plain = composed(ensemble, head, fusion).fit(X, y)
        assert np.abs(said - answers(plain, X)).max() > 1e-3
