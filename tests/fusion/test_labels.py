"""Several labels a row, for fusions that know one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier


@pytest.mark.parametrize("fusion", [EarlyFusionClassifier, LateFusionClassifier])
def test_one_at_a_time(fusion):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd"))
    labels = (X[["a", "c", "d"]].to_numpy() > 0).astype(int)
    pairs = [("u", "passthrough", ["a", "b"]), ("v", "passthrough", ["c", "d"])]
    features = ModalityTransformer(pairs)
    model = MultimodalClassifier(features, fusion(LogisticRegression()))
    with pytest.raises(ValueError, match="a 1d array, got an array of shape") as e:
        model.fit(X, labels)
    advice = f"put {fusion.__name__} into sklearn.multioutput.MultiOutputClassifier"
    assert f"{advice}, or take IntermediateFusionClassifier." in str(e.value)
    several = MultimodalClassifier(features, MultiOutputClassifier(model.estimator))
    several.fit(X, labels)
    for position, proba in enumerate(several.predict_proba(X)):
        alone = clone(model).fit(X, labels[:, position])
        np.testing.assert_allclose(proba, alone.predict_proba(X), rtol=1e-6)
    assert several.predict(X).shape == (80, 3)


@pytest.mark.parametrize("fusion", [EarlyFusionClassifier, LateFusionClassifier])
def test_classes_one_column_at_a_time(fusion):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a__x", "b__x"])
    classes = np.column_stack([np.digitize(X["a__x"], [-0.5, 0.5]), X["b__x"] > 0])
    with pytest.raises(ValueError, match=r"MultiOutputClassifier\.$"):
        fusion().fit(X, classes)
    several = MultiOutputClassifier(fusion()).fit(X, classes)
    first = fusion().fit(X, classes[:, 0])
    np.testing.assert_array_equal(several.predict(X)[:, 0], first.predict(X))
