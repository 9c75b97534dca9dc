import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from mmsk.compose import Block, Blocks, MultimodalRegressor
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.fusion import IntermediateFusionRegressor
from tests._blocks import mixed_features, mixed_table

BOTH = Blocks([Block("a", 0, 2, indicator=2), Block("b", 3, 4, indicator=4)])


def fusion(mechanism="concat", **params):
    small = {
        "hidden_layer_sizes": (8,),
        "fusion_size": 8,
        "max_epochs": 5,
        "random_state": 0,
        "blocks": BOTH,
    }
    return IntermediateFusionRegressor(mechanism, **(small | params))


def numbers(n=80, *, absent=0.3):
    """Return X for BOTH, each row with one block at least, and y."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    y = 50 + 10 * X[:, 0] * X[:, 3]
    X[:, 4] = rng.random(n) >= absent
    X[:, 2] = (rng.random(n) >= absent) | (X[:, 4] == 0)
    X[X[:, 2] == 0, :2] = 0.0
    X[X[:, 4] == 0, 3] = 0.0
    return X, y


def test_learns_a_product_in_its_unit():
    X, y = numbers(300, absent=0.0)
    params = {"hidden_layer_sizes": (32,), "max_epochs": 80, "lr": 0.02}
    model = fusion(**params).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.8
    alone = clone(model).set_params(modalities=["a"]).fit(X[:200], y[:200])
    assert alone.score(X[200:], y[200:]) < 0.1


def test_the_unit_of_y_does_not_matter():
    X, y = numbers()
    predicted = fusion().fit(X, y).predict(X)
    other = fusion().fit(X, y * 1e6 - 3.0).predict(X)
    np.testing.assert_allclose(other, predicted * 1e6 - 3.0)


@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_a_row_without_any_gets_the_weighted_mean(n_targets):
    X, y = numbers()
    if n_targets is not None:
        y = np.column_stack([y, -y])[:, :n_targets]
    weights = np.arange(1.0, 81)
    model = fusion().fit(X, y, sample_weight=weights)
    expected = model.predict(X)
    assert expected.shape == y.shape
    gone = X.copy()
    gone[[3, 8]] = 0.0
    match = r"2 of 80 .*rows \[3, 8\]\): they get the training mean"
    with pytest.warns(MissingModalityWarning, match=match):
        predicted = model.predict(gone)
    mean = np.average(y, axis=0, weights=weights)
    np.testing.assert_allclose(predicted[[3, 8]], [mean, mean])
    rest = np.setdiff1d(np.arange(80), [3, 8])
    np.testing.assert_allclose(predicted[rest], expected[rest])


def test_contract():
    X, y = numbers()
    model = fusion().fit(X, y)
    expected = model.predict(X)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    one_by_one = np.concatenate([model.predict(row[None]) for row in X])
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-9)
    one = np.flatnonzero(X[:, 2] * X[:, 4])[:1]
    assert model.fit(X[one], y[one]).predict(X[one]) == pytest.approx(y[one], abs=1)
    sparse = fusion().fit(sp.csr_array(X), y).predict(sp.csr_array(X))
    assert np.isfinite(sparse).all()
    with pytest.warns(SingleBlockWarning, match="IntermediateFusionRegressor"):
        fusion(blocks=None).fit(X, y)


def test_weight_2_is_a_row_twice_and_0_is_none():
    X, y = numbers()
    weights = np.random.default_rng(2).integers(3, size=80)
    repeated = np.arange(80).repeat(weights)
    model = fusion(batch_size=1000)
    weighted = clone(model).fit(X, y, sample_weight=weights).predict(X)
    expected = clone(model).fit(X[repeated], y[repeated]).predict(X)
    np.testing.assert_allclose(weighted, expected, rtol=1e-8)


def test_inside_a_multimodal_regressor():
    X, label = mixed_table()
    y = np.select([label == "both", label == "one"], [2.0, 1.0])
    net = fusion(blocks=None, max_epochs=60, lr=0.01)
    model = MultimodalRegressor(mixed_features(), net).fit(X, y)
    assert model.estimator_.modalities_ == ["text", "table"]
    assert model.score(X, y) > 0.9
