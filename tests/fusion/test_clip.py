"""A sample far from all others decides no more than `clip` allows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)

NET = {"max_epochs": 5, "hidden_layer_sizes": (), "random_state": 0, "device": "cpu"}
REGRESSORS = {
    "early": lambda clip: EarlyFusionRegressor(LinearRegression(), clip=clip),
    "late": lambda clip: LateFusionRegressor(LinearRegression(), clip=clip),
    "intermediate": lambda clip: IntermediateFusionRegressor(**NET, clip=clip),
}
CLASSIFIERS = {
    "early": lambda clip: EarlyFusionClassifier(LogisticRegression(), clip=clip),
    "late": lambda clip: LateFusionClassifier(LogisticRegression(), clip=clip),
    "intermediate": lambda clip: IntermediateFusionClassifier(**NET, clip=clip),
}


def samples():
    """Return a frame of two blocks, and a copy of its first row far away."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a__x", "b__x"])
    return X, X.iloc[[0]].assign(a__x=1000.0)


@pytest.mark.parametrize("clip", [2.0, 10.0])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name, clip):
    X, far = samples()
    y = X["a__x"] + X["b__x"]
    a = X["a__x"]
    at_limit = far.assign(a__x=a.mean() + clip * a.std(ddof=0))
    within = far.assign(a__x=a.mean() + 0.8 * clip * a.std(ddof=0))
    model = REGRESSORS[name](clip).fit(X, y)
    np.testing.assert_allclose(model.predict(far), model.predict(at_limit), rtol=1e-5)
    assert model.predict(within)[0] < model.predict(far)[0] - 0.01
    free = REGRESSORS[name](None).fit(X, y)
    assert free.predict(far)[0] > 10 * free.predict(at_limit)[0]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name):
    X, far = samples()
    noise = np.random.default_rng(1).normal(scale=2, size=len(X))
    y = np.where(X["a__x"] + X["b__x"] + noise > 0, "high", "low")
    a = X["a__x"]
    at_limit = far.assign(a__x=a.mean() + 1.5 * a.std(ddof=0))
    model = CLASSIFIERS[name](1.5).fit(X, y)
    probabilities = model.predict_proba(far)
    np.testing.assert_allclose(probabilities, model.predict_proba(at_limit), atol=1e-5)
    free = CLASSIFIERS[name](None).fit(X, y).predict_proba(far)
    assert free[0, 1] < probabilities[0, 1] - 0.05
