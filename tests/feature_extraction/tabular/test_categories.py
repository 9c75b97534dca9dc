"""One-hot columns against OneHotEncoder and by hand."""

import datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from mmsk.feature_extraction.tabular import TableExtractor


@pytest.mark.parametrize("min_frequency", [None, 1, 12, 0.05, 0.2])
@pytest.mark.parametrize("max_categories", [None, 1, 3, 8])
def test_agrees_with_one_hot_encoder(min_frequency, max_categories):
    rng = np.random.default_rng(0)
    X = rng.choice(list("abcdefgh"), p=np.arange(1, 9) / 36, size=(100, 2)).astype(
        object
    )
    X[:, 1] = rng.choice(["u", "v"], 100)
    unseen = np.array([["new", "u"]], dtype=object)
    params = {"min_frequency": min_frequency, "max_categories": max_categories}
    oracle = OneHotEncoder(
        sparse_output=False, handle_unknown="infrequent_if_exist", **params
    ).fit(X)
    table = TableExtractor(**params).fit(X)
    if max_categories == 1:
        # one column for everything is a constant
        assert not table.transform(X).any()
        return
    names = [
        name.replace("_infrequent_sklearn", "_infrequent")
        for name in oracle.get_feature_names_out()
    ]
    assert table.get_feature_names_out().tolist() == names
    np.testing.assert_array_equal(table.transform(X), oracle.transform(X))
    np.testing.assert_array_equal(table.transform(unseen), oracle.transform(unseen))


def test_default_groups_levels_below_one_percent():
    levels = ["a"] * 150 + ["b"] * 47 + ["c"] * 2 + ["d"]
    table = TableExtractor().fit(pd.DataFrame({"x": levels}))
    assert table.categories_ == {"x": ["a", "b", "c"]}
    assert table.get_feature_names_out()[-1] == "x_infrequent"


def test_rare_and_unseen_levels_share_a_column():
    fit = pd.DataFrame({"x": ["a"] * 3 + ["b"] * 3 + ["c", "d"]})
    table = TableExtractor(min_frequency=2).fit(fit)
    out = table.transform(pd.DataFrame({"x": ["a", "b", "c", "new", None]}))
    np.testing.assert_array_equal(
        out, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    )


def test_missing_is_a_level_where_fit_saw_it():
    fit = pd.DataFrame({"x": ["a", "b", None], "y": ["a", "b", "a"]})
    table = TableExtractor().fit(fit)
    assert table.get_feature_names_out().tolist() == [
        "x_a",
        "x_b",
        "x_missing",
        "y_a",
        "y_b",
    ]
    new = pd.DataFrame({"x": [None, "z"], "y": [np.nan, "z"]}, dtype=object)
    np.testing.assert_array_equal(
        table.transform(new), [[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    )


@pytest.mark.parametrize("weight", [0.1, 1.0, 1e6])
def test_share_does_not_depend_on_the_scale_of_weights(weight):
    X = pd.DataFrame({"x": ["a", "a", "b", "b", "b", "b", "b", "b", "b", "c"]})
    table = TableExtractor(min_frequency=0.2)
    table.fit(X, sample_weight=np.full(10, weight))
    assert table.categories_ == {"x": ["a", "b"]}


def test_numbers_and_dates_as_levels():
    X = pd.DataFrame(
        {
            "n": [1.0, 2.5, np.nan],
            "d": [datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 2, 3), None],
        }
    )
    table = TableExtractor({"n": "category", "d": "category"}).fit(X)
    assert table.get_feature_names_out().tolist() == [
        "n_1",
        "n_2.5",
        "n_missing",
        "d_2020-01-01 00:00:00",
        "d_2020-01-02 03:00:00",
        "d_missing",
    ]
    integers = pd.DataFrame({"n": [1, 2, 1], "d": X["d"]})
    np.testing.assert_array_equal(
        table.transform(integers)[:, :3], [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    )


def test_large_integers_stay_apart():
    X = pd.DataFrame({"n": [2**60, 2**60 + 1]})
    out = TableExtractor({"n": "category"}).fit_transform(X)
    np.testing.assert_array_equal(out, np.eye(2))
