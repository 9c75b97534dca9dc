"""Modalities that are absent at predict, in every fusion and ensemble over modalities.

For every subset of the modalities that a sample can have: the probabilities sum to 1
(numbers are finite), and what stands in the columns of the others changes nothing.
"""

from itertools import product

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    EnsembleSelectionRegressor,
    ModalityBaggingClassifier,
    ModalityBaggingRegressor,
    ModalityBoostingClassifier,
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from tests.fusion.test_absent import FUSIONS, THREE, filled, some_absent

CLASSIFIERS = [
    ("a", EarlyFusionClassifier(modalities=["a"])),
    ("bc", EarlyFusionClassifier(modalities=["b", "c"])),
    ("late", LateFusionClassifier()),
]
REGRESSORS = [
    ("a", EarlyFusionRegressor(modalities=["a"])),
    ("bc", EarlyFusionRegressor(modalities=["b", "c"])),
    ("late", LateFusionRegressor()),
]
TREE = DecisionTreeClassifier(max_depth=3)
ONE = {"random_state": 0}
ENSEMBLES = {
    "stacking": ModalityStackingClassifier(CLASSIFIERS),
    "stacking-logit": ModalityStackingClassifier(CLASSIFIERS, stack_method="logit"),
    "stacking-regressor": ModalityStackingRegressor(REGRESSORS),
    "selection": EnsembleSelectionClassifier(CLASSIFIERS),
    "selection-regressor": EnsembleSelectionRegressor(REGRESSORS),
    "bagging": BaggingClassifier(EarlyFusionClassifier(), 3, **ONE),
    "bagging-regressor": BaggingRegressor(EarlyFusionRegressor(), 3, **ONE),
    "modality-bagging": ModalityBaggingClassifier(max_modalities="random", **ONE),
    "modality-bagging-one": ModalityBaggingClassifier(max_modalities=1, **ONE),
    "modality-bagging-two": ModalityBaggingClassifier(TREE, 3, max_modalities=2, **ONE),
    "modality-bagging-all": ModalityBaggingClassifier(
        LogisticRegression(), 3, max_modalities=3, **ONE
    ),
    "modality-bagging-early": ModalityBaggingClassifier(
        EarlyFusionClassifier(), 4, **ONE
    ),
    "modality-bagging-regressor": ModalityBaggingRegressor(**ONE),
    "modality-bagging-ridge": ModalityBaggingRegressor(
        Ridge(), max_modalities=2, **ONE
    ),
    "modality-boosting": ModalityBoostingClassifier(n_estimators=20, **ONE),
    "modality-boosting-all": ModalityBoostingClassifier(TREE, combine="all", **ONE),
    "modality-boosting-cooperation": ModalityBoostingClassifier(
        n_estimators=20, cooperation=True, **ONE
    ),
    "modality-boosting-one": ModalityBoostingClassifier(
        n_estimators=20, max_modalities=1, **ONE
    ),
    "modality-boosting-early": ModalityBoostingClassifier(
        EarlyFusionClassifier(), n_estimators=4, combine="all", **ONE
    ),
}
ALL = FUSIONS | ENSEMBLES


def told(model):
    model = clone(model)
    name = "blocks" if "blocks" in model.get_params() else "estimator__blocks"
    return model.set_params(**{name: THREE})


def answers(model, X):
    """Return all that a fitted model says of X, and check that it can be."""
    said = [model.predict(X)]
    if is_classifier(model):
        proba = model.predict_proba(X)
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
        assert (proba >= 0).all()
        said.append(proba)
        assert set(said[0]) <= set(model.classes_)
    else:
        assert np.isfinite(said[0]).all()
    if hasattr(model, "decision_function"):
        said.append(model.decision_function(X))
    return said


# of samples that have nothing that the model has learned from: they get the prior
@pytest.mark.filterwarnings("ignore::mmsk.exceptions.MissingModalityWarning")
@pytest.mark.parametrize("kind", ALL)
def test_every_subset_of_modalities(kind):
    X, y = some_absent()
    model = told(ALL[kind])
    if not is_regressor(model):
        y = np.array(["low", "mid", "high"])[np.digitize(y, [-0.7, 0.7])]
    model.fit(X, y)
    for present in product([0, 1], repeat=3):
        new = np.random.default_rng(1).normal(size=(12, X.shape[1]))
        for block, has in zip(THREE, present, strict=True):
            new[:, block.indicator] = has
        expected = answers(model, filled(new, 0.0))
        for other in (new, filled(new, 1e6)):
            for one, two in zip(answers(model, other), expected, strict=True):
                np.testing.assert_array_equal(one, two)
        if not any(present) and is_classifier(model) and hasattr(model, "class_prior_"):
            prior = np.tile(model.class_prior_, (12, 1))
            np.testing.assert_allclose(expected[1], prior, atol=1e-12)


@pytest.mark.parametrize("kind", ENSEMBLES)
def test_training_content_of_an_absent_modality(kind):
    X, y = some_absent()
    model = told(ENSEMBLES[kind])
    y = y if is_regressor(model) else (y > 0).astype(int)
    one = clone(model).fit(filled(X, 0.0), y)
    other = clone(model).fit(filled(X, -1e6), y)
    for said, expected in zip(answers(other, X), answers(one, X), strict=True):
        np.testing.assert_allclose(said, expected, rtol=1e-9)
