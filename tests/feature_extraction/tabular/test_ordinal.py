"""Ordinal codes, and what LightGBM makes of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OrdinalEncoder

from mmsk.feature_extraction.tabular import TableExtractor

ordinal = TableExtractor(encoding="ordinal")


def test_agrees_with_ordinal_encoder():
    X = np.random.default_rng(0).choice(list("dcba"), size=(60, 2)).astype(object)
    new = np.array([["a", "never"], ["never", "d"]], dtype=object)
    oracle = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(X)
    table = ordinal.fit(X)
    np.testing.assert_array_equal(table.transform(X), oracle.transform(X))
    np.testing.assert_array_equal(table.transform(new), oracle.transform(new))
    assert table.categories_ == {0: list("abcd"), 1: list("abcd")}


def test_missing_is_the_last_code_where_fit_saw_it():
    fit = pd.DataFrame({"x": ["b", "a", None], "y": ["a", "b", "a"]})
    new = pd.DataFrame({"x": [None, "z", "b"], "y": [None, "z", "b"]})
    np.testing.assert_array_equal(ordinal.fit_transform(fit), [[1, 0], [0, 1], [2, 0]])
    np.testing.assert_array_equal(ordinal.transform(new), [[2, -1], [-1, -1], [1, 1]])


def test_rare_levels_keep_codes_of_their_own():
    X = pd.DataFrame({"x": ["a"] * 500 + ["b"]})
    assert ordinal.fit_transform(X)[-1] == 1


def test_block_names_the_codes():
    X = pd.DataFrame(
        {"n": [1.0, 2.0], "c": ["a", "b"], "b": [True, False], "d": ["x", "y"]}
    )
    block = ordinal.fit(X).block_
    assert block.categorical == (1, 3)
    assert TableExtractor().fit(X).block_.categorical == ()


@pytest.mark.parametrize("cells", [["a"] * 4, [None] * 4])
def test_constant_columns_are_zero(cells):
    X = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    table = ordinal.fit(X)
    assert not table.transform(pd.DataFrame({"x": ["z", cells[0]]}, dtype=object)).any()


def test_levels_of_weight_0_have_no_code():
    X = pd.DataFrame({"x": ["a", "b", "c"]})
    table = ordinal.fit(X, sample_weight=[1, 0, 1])
    np.testing.assert_array_equal(table.transform(X)[:, 0], [0, -1, 1])
