"""A weight is a number of times in what combines estimators of modalities."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from mmsk.compose import BlockSelector
from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    EnsembleSelectionRegressor,
    ModalityBaggingRegressor,
    ModalityBoostingClassifier,
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.fusion import EarlyFusionClassifier, EarlyFusionRegressor
from tests._blocks import two_blocks
from tests.test_composition_weights import assert_a_weight_is_a_number_of_times

CLASSIFIERS = [
    ("of_a", EarlyFusionClassifier(modalities=["a"])),
    ("of_b", make_pipeline(BlockSelector("b"), LogisticRegression(tol=1e-8))),
    ("both", LogisticRegression(tol=1e-8)),
]
REGRESSORS = [
    ("of_a", EarlyFusionRegressor(modalities=["a"])),
    ("of_b", make_pipeline(BlockSelector("b"), Ridge())),
    ("both", Ridge()),
]
STACKS = {
    "stack": ModalityStackingClassifier(CLASSIFIERS),
    "logit": ModalityStackingClassifier(CLASSIFIERS, stack_method="logit"),
    "passthrough": ModalityStackingClassifier(CLASSIFIERS, passthrough=["b"]),
    "selection": EnsembleSelectionClassifier(CLASSIFIERS),
    "balanced": EnsembleSelectionClassifier(CLASSIFIERS, metric="f1_macro", n_rounds=5),
    "boosting": ModalityBoostingClassifier(
        LogisticRegression(tol=1e-8), n_estimators=3, cooperation=True
    ),
}
REGRESSOR_STACKS = {
    "stack": ModalityStackingRegressor(REGRESSORS),
    "passthrough": ModalityStackingRegressor(REGRESSORS, passthrough=True),
    "selection": EnsembleSelectionRegressor(REGRESSORS),
    "bagging": ModalityBaggingRegressor(Ridge(), 4, bootstrap=False, random_state=0),
}
ENSEMBLES = {
    "alone": lambda one: one,
    "adaboost": lambda one: AdaBoostClassifier(one, n_estimators=3, random_state=0),
    "voting": lambda one: VotingClassifier([("one", one)], voting="soft"),
}
REGRESSOR_ENSEMBLES = {
    "alone": lambda one: one,
    "voting": lambda one: VotingRegressor([("one", one), ("linear", Ridge())]),
}


# AdaBoost takes the logarithm of the weights, those of 0 as well
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
# where only the estimator of a is chosen
@pytest.mark.filterwarnings("ignore::mmsk.exceptions.MissingModalityWarning")
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_a_weight_is_a_number_of_times(ensemble, stack):
    X, y = two_blocks(60, absent=0.2)
    assert_a_weight_is_a_number_of_times(
        STACKS[stack], ENSEMBLES[ensemble], y + (X[:, 1] > 0.5)
    )


@pytest.mark.parametrize("stack", REGRESSOR_STACKS)
@pytest.mark.parametrize("ensemble", REGRESSOR_ENSEMBLES)
def test_a_weight_of_numbers_is_a_number_of_times(ensemble, stack):
    X, _ = two_blocks(60, absent=0.2)
    assert_a_weight_is_a_number_of_times(
        clone(REGRESSOR_STACKS[stack]),
        REGRESSOR_ENSEMBLES[ensemble],
        X[:, 0] + X[:, 3] + np.abs(X[:, 1]),
    )
