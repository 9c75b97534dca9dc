import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from mmsk._utils._frames import (
    cell_array,
    column,
    column_kind,
    column_names,
    is_frame,
    is_series,
    take_columns,
)

PICTURE = np.zeros((2, 2), dtype=np.uint8)
DATA = {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_frames(kind):
    X = kind(DATA)
    assert is_frame(X)
    assert not is_series(X)
    assert column_names(X) == ["a", "b"]
    assert list(column(X, "b")) == ["x", "y"]
    assert is_series(column(X, "b"))
    assert type(take_columns(X, ["b"])) is type(X)
    assert column_names(take_columns(X, ("b", "a"))) == ["b", "a"]


@pytest.mark.parametrize("X", [np.eye(2), sp.csr_array(np.eye(2)), [[1, 2]], "ab"])
def test_what_is_no_frame(X):
    assert not is_frame(X)
    assert not is_series(X)
    assert column_names(X) is None


def test_arrays_by_position():
    X = np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(column(X, 1), [2, 5])
    np.testing.assert_array_equal(take_columns(X, [2, 0]), [[3, 1], [6, 4]])


def test_duplicate_names():
    X = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"got twice: \['a'\]"):
        column_names(X)


class TestCellArray:
    @pytest.mark.parametrize(
        "X",
        [
            pd.DataFrame(DATA),
            pl.DataFrame(DATA),
            np.array([[1, "x"], [2, "y"]], dtype=object),
            [[1, "x"], [2, "y"]],
            ((1, "x"), (2, "y")),
        ],
        ids=["pandas", "polars", "array", "lists", "tuples"],
    )
    def test_tables(self, X):
        cells = cell_array(X)
        assert cells.dtype == object
        assert cells.tolist() == [[1, "x"], [2, "y"]]

    @pytest.mark.parametrize(
        "X",
        [
            pd.Series(["x", "y"]),
            pl.Series(["x", "y"]),
            np.array(["x", "y"]),
            np.array(["x", "y"], dtype=object),
            ["x", "y"],
        ],
        ids=["pandas", "polars", "strings", "objects", "list"],
    )
    def test_one_column(self, X):
        assert cell_array(X).tolist() == [["x"], ["y"]]

    def test_sparse(self):
        assert cell_array(sp.csr_array([[0, 1], [2, 0]])).tolist() == [[0, 1], [2, 0]]

    @pytest.mark.parametrize("kind", [list, pd.Series], ids=["list", "series"])
    def test_pictures_of_one_shape_are_not_unpacked(self, kind):
        cells = cell_array(kind([PICTURE, PICTURE]))
        assert cells.shape == (2, 1)
        assert cells[1, 0] is PICTURE

    def test_pictures_in_a_frame(self):
        cells = cell_array(pd.DataFrame({"p": [PICTURE, PICTURE], "q": [[1, 2], 3]}))
        assert cells.shape == (2, 2)
        assert cells[0, 0] is PICTURE
        assert cells[0, 1] == [1, 2]

    def test_pictures_in_lists_of_rows(self):
        cells = cell_array([[PICTURE, "x"], [PICTURE, None]])
        assert cells.shape == (2, 2)
        assert cells[1, 0] is PICTURE

    def test_a_stack_of_pictures_is_refused(self):
        with pytest.raises(ValueError, match="got 3 dimensions"):
            cell_array(np.zeros((5, 2, 2)))

    def test_ragged_rows(self):
        with pytest.raises(ValueError, match=r"numbers of cells: \[1, 2\]"):
            cell_array([[1], [1, 2]])

    @pytest.mark.parametrize("X", [3, "text", b"bytes", None])
    def test_scalars(self, X):
        with pytest.raises(ValueError, match="Reshape your data"):
            cell_array(X)


TODAY = datetime.date(2024, 1, 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([1.5, None]), "number"),
        (pd.Series([1, None], dtype="Int64"), "number"),
        (pd.Series([True, False]), "boolean"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        (pd.Series(["a", None]), "string"),
        (pd.Series(["a", None], dtype="string"), "string"),
        (pd.Series(["a", None], dtype=object), "string"),
        (pd.Series(["a", "b"], dtype="category"), "category"),
        (pd.Series(pd.to_datetime(["2024-01-01"])), "date"),
        (pd.Series(pd.to_datetime(["2024-01-01"], utc=True)), "date"),
        (pd.Series([TODAY, None], dtype=object), "date"),
        (pd.Series([1, None, 2.5], dtype=object), "number"),
        (pd.Series([True, None], dtype=object), "boolean"),
        (pd.Series([None, None], dtype=object), "object"),
        (pd.Series([1, "a"], dtype=object), "object"),
        (pd.Series([1, True], dtype=object), "object"),
        (pd.Series([PICTURE], dtype=object), "object"),
        (pd.Series([b"x"], dtype=object), "object"),
        (pl.Series([1, None]), "number"),
        (pl.Series([1.5]), "number"),
        (pl.Series([True]), "boolean"),
        (pl.Series(["a", None]), "string"),
        (pl.Series(["a"], dtype=pl.Categorical), "category"),
        (pl.Series(["a"], dtype=pl.Enum(["a"])), "category"),
        (pl.Series([TODAY]), "date"),
        (pl.Series([datetime.datetime(2024, 1, 1)]), "date"),
        (pl.Series([[1, 2]]), "object"),
        (pl.Series([b"x"]), "object"),
        (np.array([1, 2]), "number"),
        (np.array([True]), "boolean"),
        (np.array(["a"]), "string"),
        (np.array(["2024-01-01"], dtype="datetime64[D]"), "date"),
        (np.array(["a", np.nan], dtype=object), "string"),
    ],
    ids=lambda value: getattr(value, "dtype", value),
)
def test_column_kind(values, kind):
    assert column_kind(values) == kind
