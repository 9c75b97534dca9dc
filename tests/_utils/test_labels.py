import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk._utils._labels import Labels


def at_one(index):
    X = pd.DataFrame({"a": [1, 2, 3]}, index=index)
    labels = Labels.of(X, ["a"])
    assert labels.columns == ["a"]
    return labels.index_of(1)


@pytest.mark.parametrize(
    ("index", "label"),
    [
        ([5, 7, 9], 7),
        ([0.5, 1.5, 2.5], 1.5),
        (["x", "y", "z"], "y"),
        ([False, True, False], True),
        (pd.MultiIndex.from_tuples([(0, "a"), (1, "b"), (2, "c")]), (1, "b")),
        (pd.date_range("2020-01-01", periods=3), pd.Timestamp("2020-01-02")),
        (pd.Categorical(["u", "v", "w"]), "v"),
        (pd.Index([frozenset("a"), frozenset("b"), 3], dtype=object), frozenset("b")),
        ([8, 8, 8], 8),
    ],
    ids=str,
)
def test_a_label_that_says_more_than_the_position(index, label):
    found = at_one(index)
    assert found == label
    assert type(found) is type(label)
    assert "np." not in repr(found)


@pytest.mark.parametrize("index", [None, [4, 1, 0], [2.0, 1.0, 0.0]], ids=str)
def test_the_position_is_not_said_twice(index):
    assert at_one(index) is None


@pytest.mark.parametrize("dtype", ["Int64", object])
def test_a_missing_label_is_shown_as_such(dtype):
    assert at_one(pd.Index([7, pd.NA, 9], dtype=dtype)) is pd.NA


def test_an_index_of_arrays():
    index = pd.Index([np.zeros(2), np.ones(2), None], dtype=object)
    np.testing.assert_array_equal(at_one(index), np.ones(2))


def test_what_has_no_index_has_no_labels():
    for X in (np.zeros((3, 1)), pl.DataFrame({"a": [1]}), [[1]], pl.Series([1])):
        assert Labels.of(X, ["a"]).index_of(0) is None
