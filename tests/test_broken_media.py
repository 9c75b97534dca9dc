"""Missing and broken pictures, through the whole estimator."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mmsk.compose import MultimodalClassifier
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from tests._shop import shop_features, write_shop

HEADS = [
    EarlyFusionClassifier(),
    LateFusionClassifier(),
    LateFusionClassifier(combine="stack", cv=2),
    IntermediateFusionClassifier("gated", max_epochs=10, random_state=0),
    IntermediateFusionClassifier("concat", max_epochs=10, random_state=0),
    LogisticRegression(max_iter=500),
]


@pytest.fixture
def shop(tmp_path):
    X, y = write_shop(tmp_path, 60)
    whole = (tmp_path / "7.png").read_bytes()
    (tmp_path / "7.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path, X, y


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_broken_picture_is_named(head, shop):
    root, X, y = shop
    with pytest.raises(MediaError) as caught:
        MultimodalClassifier(shop_features(root), head).fit(X, y)
    error = caught.value
    assert (error.column, error.row, error.code) == ("photo", 7, "TRUNCATED")
    assert error.path.endswith("7.png")
    for word in ("'photo'", "row 7", "7.png", 'on_error="missing"'):
        assert word in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_broken_picture_is_missing_on_demand(head, shop):
    root, X, y = shop
    X.loc[3, "photo"] = None
    features = shop_features(root, on_error="missing")
    with pytest.warns(MissingModalityWarning, match="1 of 59"):
        fitted = MultimodalClassifier(features, head).fit(X, y)
    failure = fitted.features_.named_transformers_["image"].failures_
    assert [(each.row, each.column, each.code) for each in failure] == [
        (7, "photo", "TRUNCATED")
    ]
    with pytest.warns(MissingModalityWarning, match="1 of 59"):
        proba = fitted.predict_proba(X)
    assert proba.shape == (60, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    present = fitted.features_.blocks_["image"].indicator
    with pytest.warns(MissingModalityWarning):
        column = fitted.features_.transform(X)[:, [present]].toarray().ravel()
    assert np.flatnonzero(column == 0).tolist() == [3, 7]


@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("absent", ["title", "photo"])
def test_a_modality_absent_at_predict_gives_probabilities(head, absent, shop):
    root, X, y = shop
    good = X.index != 7
    X, y = X[good].reset_index(drop=True), y[good]
    fitted = MultimodalClassifier(shop_features(root), head).fit(X, y)
    proba = fitted.predict_proba(X.assign(**{absent: None}))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(proba).all()
    assert not np.allclose(proba, fitted.predict_proba(X))


def test_too_many_broken_pictures_stop_fit_and_not_predict(shop):
    root, X, y = shop
    features = shop_features(root, on_error="missing")
    head = EarlyFusionClassifier()
    with pytest.warns(MissingModalityWarning):
        fitted = MultimodalClassifier(features, head).fit(X, y)
    for row in range(20):
        (root / f"{row}.png").write_bytes(b"\x89PNG")
    with pytest.raises(MediaError, match="max_error_rate"):
        MultimodalClassifier(features, head).fit(X, y)
    with pytest.warns(MissingModalityWarning, match="20 of 60"):
        assert fitted.predict(X).shape == (60,)
