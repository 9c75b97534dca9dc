"""How the columns of a branch can be written."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mmsk.compose import ModalityTransformer, select
from mmsk.feature_extraction.tabular import TableExtractor


def _id_of(columns):
    """Return a name that is the same in all processes of a parallel run."""
    return "callable" if callable(columns) else str(columns)


NUMBERS = np.arange(12.0).reshape(4, 3) ** 2
NAMES = ["a", "b", "c"]
KINDS = {
    "pandas": lambda: pd.DataFrame(NUMBERS, columns=NAMES),
    "polars": lambda: pl.DataFrame(dict(zip(NAMES, NUMBERS.T.tolist(), strict=True))),
    "array": NUMBERS.copy,
}
POSITIONS = [
    [0],
    [-1, 0],
    (0, 2),
    np.array([2, 1]),
    range(2),
    slice(0, 2),
    slice(0, None, 2),
    [True, False, True],
    np.array([False, True, False]),
    pd.Series([True, True, False]),
    lambda X: [1],
    lambda X: slice(1, None),
]
BY_NAME = [
    ["a"],
    ["c", "a"],
    ("a", "b"),
    np.array(["b"]),
    pd.Index(["b", "c"]),
    slice("a", "b"),
    slice("b", None),
    lambda X: ["c"],
]


@pytest.fixture(params=KINDS)
def table(request):
    return KINDS[request.param]()


def passed(table, columns, transformer="passthrough"):
    features = ModalityTransformer([("n", transformer, columns)])
    return features.fit_transform(table), features


class TestAsInColumnTransformer:
    @pytest.mark.parametrize("columns", POSITIONS, ids=_id_of)
    def test_positions(self, table, columns):
        known = list(columns) if isinstance(columns, range) else columns
        theirs = ColumnTransformer([("n", "passthrough", known)])
        expected = theirs.fit_transform(NUMBERS)
        ours, features = passed(table, columns)
        np.testing.assert_array_equal(ours, expected)
        np.testing.assert_array_equal(features.transform(table), expected)

    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    @pytest.mark.parametrize("columns", BY_NAME, ids=_id_of)
    def test_names(self, kind, columns):
        theirs = ColumnTransformer([("n", "passthrough", columns)])
        expected = theirs.fit_transform(KINDS["pandas"]())
        ours, features = passed(KINDS[kind](), columns)
        np.testing.assert_array_equal(ours, expected)
        assert ["n__" + key for key in features.transformers_[0][2]] == list(
            features.get_feature_names_out()
        )

    def test_its_selector(self):
        table = KINDS["pandas"]().assign(c=list("wxyz"))
        ours, _ = passed(table, make_column_selector(dtype_include="number"))
        np.testing.assert_array_equal(ours, NUMBERS[:, :2])

    def test_a_callable_may_return_an_iterator(self, table):
        ours, _ = passed(table, lambda X: iter([2, 1]))
        np.testing.assert_array_equal(ours, NUMBERS[:, [2, 1]])

    def test_what_is_dropped_is_not_looked_at(self, table):
        features = ModalityTransformer(
            [("n", "passthrough", [0]), ("x", "drop", 5), ("y", "drop", [])]
        )
        np.testing.assert_array_equal(features.fit_transform(table), NUMBERS[:, :1])

    def test_a_position_of_an_array_may_come_twice(self):
        ours, _ = passed(NUMBERS, [0, 0])
        np.testing.assert_array_equal(ours, NUMBERS[:, [0, 0]])


class TestOneAlone:
    @pytest.mark.parametrize("key", [1, -2, lambda X: 1], ids=_id_of)
    def test_passes_through_as_a_column(self, table, key):
        ours, features = passed(table, key)
        np.testing.assert_array_equal(ours, NUMBERS[:, [1]])
        np.testing.assert_array_equal(features.transform(table[:2]), ours[:2])

    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_name_passes_through_as_a_column(self, kind):
        ours, features = passed(KINDS[kind](), "b")
        np.testing.assert_array_equal(ours, NUMBERS[:, [1]])
        assert features.get_feature_names_out().tolist() == ["n__b"]
        assert features.transformers_[0][2] == ["b"]
        assert features.blocks_["n"].width == 1

    def test_is_a_series_for_a_transformer(self):
        seen = []

        def column(values):
            seen.append(values)
            return np.asarray(values)[:, None]

        passed(KINDS["pandas"](), "b", FunctionTransformer(column))
        assert isinstance(seen[0], pd.Series)
        assert seen[0].name == "b"

    def test_suits_our_extractors_and_not_what_wants_a_table(self, table):
        key = 1 if isinstance(table, np.ndarray) else "b"
        if key == "b":
            ours, _ = passed(table, key, TableExtractor())
            same, _ = passed(table, [key], TableExtractor())
            np.testing.assert_array_equal(ours, same)
        with pytest.raises(ValueError, match=f"Branch 'n' \\(column {key!r}\\)"):
            passed(table, key, StandardScaler())

    def test_output_of_one_dimension_is_refused(self, table):
        with pytest.raises(ValueError, match=r"must be 2-D, .* shape \(4,\). Name its"):
            passed(table, 0, FunctionTransformer(np.asarray))


@pytest.mark.parametrize("columns", [[0], [2, 0]], ids=_id_of)
def test_a_pipeline_may_pass_everything_through(table, columns):
    ours, _ = passed(table, columns, Pipeline([("nothing", "passthrough")]))
    np.testing.assert_array_equal(ours, NUMBERS[:, columns])
    assert ModalityTransformer(
        [("n", Pipeline([("nothing", "passthrough")]), columns)]
    ).fit(table).get_feature_names_out().tolist() == [
        f"n__{each}" if not isinstance(table, np.ndarray) else f"n__x{place}"
        for place, each in enumerate(np.array(NAMES)[columns])
    ]


class TestRefused:
    @pytest.mark.parametrize(
        "columns",
        [
            None,
            True,
            np.True_,
            1.0,
            [1.5],
            [None],
            [[0]],
            np.array([[0]]),
            np.array([0.0]),
            {0},
            {0: "a"},
            slice(0.5, None),
            lambda X: None,
        ],
        ids=_id_of,
    )
    def test_what_is_no_selection(self, table, columns):
        with pytest.raises(ValueError, match="Branch 'n': columns must be a name or"):
            passed(table, columns)

    @pytest.mark.parametrize(
        "columns", [[], (), lambda X: [], slice(2, 1), [False] * 3], ids=_id_of
    )
    def test_no_column(self, table, columns):
        with pytest.raises(ValueError, match="Branch 'n' selects no column of X"):
            passed(table, columns)

    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    @pytest.mark.parametrize("columns", [["a", "a"], [0, 0], ["a", 0], [0, -3]])
    @pytest.mark.parametrize("transformer", ["passthrough", TableExtractor()])
    def test_one_of_a_frame_that_comes_twice(self, kind, columns, transformer):
        words = re.escape("Branch 'n' selects the columns ['a'] more than once")
        with pytest.raises(ValueError, match=words):
            passed(KINDS[kind](), columns, transformer)

    @pytest.mark.parametrize("columns", ["d", ["a", "d"], slice("a", "d"), 3, [-4]])
    def test_one_that_is_not_there(self, columns):
        with pytest.raises(ValueError, match="Branch 'n': X "):
            passed(KINDS["pandas"](), columns)

    @pytest.mark.parametrize("columns", ["a", ["a"], slice("a", None)], ids=_id_of)
    def test_names_of_an_array(self, columns):
        with pytest.raises(ValueError, match="Pass a DataFrame or use positions"):
            passed(NUMBERS, columns)

    def test_roles_that_no_column_has_leave_a_branch_out(self):
        roles = dict.fromkeys(NAMES, "number")
        branches = [
            ("t", "passthrough", select(role="text")),
            ("n", "passthrough", select(role="number")),
        ]
        features = ModalityTransformer(branches, roles=roles).fit(KINDS["pandas"]())
        assert features.blocks_.names == ("n",)


@pytest.mark.parametrize(
    "cells",
    [
        np.array(["2020-01-01", "2021-01-01"], dtype="M8[ns]"),
        np.array([1, 2], dtype="m8[D]"),
        np.array([1j, 2]),
    ],
    ids=["dates", "times", "complex"],
)
def test_what_float32_cannot_hold_does_not_pass_through(cells):
    with pytest.raises(ValueError, match=r"output column 'a' holds .* is no number"):
        passed(pd.DataFrame({"a": cells}), [0])


@pytest.mark.parametrize(
    "X",
    [
        {"a": [1.0, 2.0]},
        pl.LazyFrame({"a": [1.0, 2.0]}),
        "a table",
        None,
    ],
    ids=lambda X: type(X).__name__,
)
@pytest.mark.filterwarnings("ignore:Determining the column names of a LazyFrame")
def test_what_is_no_table(X):
    with pytest.raises(TypeError, match=f"2-D array, got {type(X).__name__}"):
        passed(X, [0])


def test_a_mask_is_not_read_through():
    masked = np.ma.masked_array(NUMBERS, mask=NUMBERS > 50)
    with pytest.raises(ValueError, match=r"masked array. .* X.filled\(np.nan\)"):
        passed(masked, [0, 1])
    bare = np.ma.masked_array(NUMBERS, mask=False)
    np.testing.assert_array_equal(passed(bare, [0])[0], NUMBERS[:, [0]])
