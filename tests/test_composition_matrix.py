"""Every ensemble x every fusion x every kind of table.

What the combinations are worth is asked in test_compositions.py, on more rows; here
all of them do what the same one does on picture files in pandas, to the last bit.
"""

import pickle
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone

from mmsk.compose import MultimodalClassifier, MultimodalRegressor
from tests._cells import KINDS, make_shops
from tests._shop import shop_features
from tests.test_compositions import (
    ENSEMBLES,
    FUSIONS,
    REGRESSOR_ENSEMBLES,
    REGRESSOR_FUSIONS,
    prices,
)

SEEN, UNSEEN = slice(0, 36), slice(36, None)


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    return root, *make_shops(root, 48)


@pytest.fixture(scope="module")
def compose(shops):
    """Return what makes an ensemble around a fusion behind the shop's features."""
    root, _, _ = shops

    def make(fusion, ensemble):
        head = clone(FUSIONS[fusion])
        if fusion == "intermediate":
            head.set_params(max_epochs=10)
        features = shop_features(root, memory=root / "store")
        return MultimodalClassifier(features, ENSEMBLES[ensemble](head))

    return make


@pytest.fixture(scope="module")
def said_of_files(shops, compose):
    """Return what a combination says of unseen rows when it reads files."""
    _, tables, y = shops

    @cache
    def said(fusion, ensemble):
        model = compose(fusion, ensemble).fit(tables["paths"][SEEN], y[SEEN])
        return answers(model, tables["paths"][UNSEEN])

    return said


@pytest.fixture(scope="module")
def compose_of_numbers(shops):
    """Return what makes an ensemble of regressors around a fusion."""
    root, _, _ = shops

    def make(fusion, ensemble):
        head = clone(REGRESSOR_FUSIONS[fusion])
        if fusion == "intermediate":
            head.set_params(max_epochs=10)
        features = shop_features(root, memory=root / "store")
        return MultimodalRegressor(features, REGRESSOR_ENSEMBLES[ensemble](head))

    return make


@pytest.fixture(scope="module")
def said_of_numbers(shops, compose_of_numbers):
    """Return what a combination of regressors says of unseen rows of files."""
    _, tables, y = shops
    X = tables["paths"]

    @cache
    def said(fusion, ensemble):
        model = compose_of_numbers(fusion, ensemble)
        return model.fit(X[SEEN], prices(X, y)[SEEN]).predict(X[UNSEEN])

    return said


def answers(model, X):
    """Return all that a fitted classifier says, by method."""
    methods = ("predict", "predict_proba", "decision_function")
    return {each: getattr(model, each)(X) for each in methods if hasattr(model, each)}


def assert_same(said, expected):
    assert set(said) == set(expected) > {"predict"}
    for method, values in said.items():
        np.testing.assert_array_equal(values, expected[method], err_msg=method)


# tables of the tests are so easy that boosting ends in the first round
@pytest.mark.filterwarnings("ignore::mmsk.exceptions.PerfectFitWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_combination(ensemble, fusion, kind, shops, compose, said_of_files):
    _, tables, y = shops
    X = tables[kind]
    fitted = compose(fusion, ensemble).fit(X[SEEN], y[SEEN])
    said = answers(fitted, X[UNSEEN])
    assert len(said["predict"]) == len(y[UNSEEN])
    assert set(said["predict"]) <= set(y)
    assert_same(said, said_of_files(fusion, ensemble))
    assert_same(answers(pickle.loads(pickle.dumps(fitted)), X[UNSEEN]), said)
    again = clone(fitted).fit(X[SEEN], y[SEEN])
    assert_same(answers(again, X[UNSEEN]), said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fusion", REGRESSOR_FUSIONS)
@pytest.mark.parametrize("ensemble", REGRESSOR_ENSEMBLES)
def test_combination_of_numbers(
    ensemble, fusion, kind, shops, compose_of_numbers, said_of_numbers
):
    _, tables, y = shops
    X = tables[kind]
    y = prices(X, y)
    fitted = compose_of_numbers(fusion, ensemble).fit(X[SEEN], y[SEEN])
    said = fitted.predict(X[UNSEEN])
    assert said.std() > 1  # the spread of y is 7
    np.testing.assert_array_equal(said, said_of_numbers(fusion, ensemble))
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(X[UNSEEN]), said)
    again = clone(fitted).fit(X[SEEN], y[SEEN])
    np.testing.assert_array_equal(again.predict(X[UNSEEN]), said)


def test_the_matrix_is_whole():
    assert len(ENSEMBLES) * len(FUSIONS) * len(KINDS) == 10 * 3 * 5
    assert len(REGRESSOR_ENSEMBLES) * len(REGRESSOR_FUSIONS) == 6 * 3
