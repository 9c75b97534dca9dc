import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import CellExtractor, RowExtractor
from tests.feature_extraction._samples import MeanColor, color, table

RED, BLUE = color(9, 0, 0), color(0, 0, 9)
CELLS = table([RED], [None], [BLUE])
EXPECTED = np.float32([[9, 0, 0, 1], [4.5, 0, 4.5, 0], [0, 0, 9, 1]])


class Words(RowExtractor):
    """The length of a word."""

    def __init__(
        self,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        cell_pooling="mean",
        memory=None,
        n_jobs=None,
    ):
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.cell_pooling = cell_pooling
        self.memory = memory
        self.n_jobs = n_jobs

    def _read_cell(self, cell):
        if not isinstance(cell, str):
            raise MediaError("BAD_TYPE", f"a {type(cell).__name__}")
        return cell

    def _extract(self, decoded):
        return np.array([[len(word)] for word in decoded], dtype=np.float32)

    def _row_names(self):
        return ["length"]


def test_a_base_cannot_be_used_itself():
    with pytest.raises(TypeError, match="abstract"):
        CellExtractor()


@pytest.mark.parametrize(
    "X",
    [
        CELLS,
        CELLS[:, 0],
        [[RED], [None], [BLUE]],
        [RED, None, BLUE],
        pd.DataFrame({"photo": [RED, None, BLUE]}),
        pd.Series([RED, None, BLUE], name="photo"),
        pd.Series([RED, None, BLUE]),
        pl.DataFrame({"photo": pl.Series([RED, None, BLUE], dtype=pl.Object)}),
    ],
    ids=str.lower("ARRAY 1D LISTS LIST PANDAS SERIES NAMELESS POLARS").split(),
)
def test_every_kind_of_table_is_read(X):
    np.testing.assert_array_equal(MeanColor().fit_transform(X), EXPECTED)


@pytest.mark.parametrize(
    "X",
    [
        np.array(["a", "ccc"]),
        np.array([["a"], ["ccc"]]),
        pd.DataFrame({"w": pd.Series(["a", "ccc"], dtype="string")}),
        pd.DataFrame({"w": pd.Categorical(["a", "ccc"])}),
        pl.DataFrame({"w": ["a", "ccc"]}),
        pl.Series("w", ["a", "ccc"]),
    ],
)
def test_columns_of_strings_are_read(X):
    assert Words().fit_transform(X).tolist() == [[1, 1], [3, 1]]


@pytest.mark.parametrize("hole", [None, np.nan, pd.NA, pd.NaT, np.float32("nan")])
def test_missing_cells_are_not_read(hole):
    rows = Words().fit_transform(table(["a"], [hole], ["ccc"]))
    assert rows.tolist() == [[1, 1], [2, 0], [3, 1]]


def test_nulls_of_polars_are_missing():
    frame = pl.DataFrame({"w": ["a", None, "ccc"]})
    assert Words().fit_transform(frame)[:, 1].tolist() == [1, 0, 1]


def test_an_empty_text_is_not_missing():
    assert Words().fit_transform([["a"], [""]]).tolist() == [[1, 1], [0, 1]]


def test_names_and_numbers_of_columns_are_learned_and_checked():
    frame = pd.DataFrame({"a": ["x"], "b": ["yy"]})
    extractor = Words().fit(frame)
    assert extractor.n_features_in_ == 2
    assert extractor.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        extractor.transform(frame[["b", "a"]])
    with pytest.raises(ValueError, match="Feature names unseen"):
        extractor.transform(frame.rename(columns={"b": "c"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        extractor.transform(frame.to_numpy())
    unnamed = Words().fit(frame.to_numpy())
    with pytest.raises(ValueError, match="X has 1 features, but Words is expecting 2"):
        unnamed.transform(frame[["a"]].to_numpy())


def test_a_named_series_is_a_frame_of_one_column():
    frame = pd.DataFrame({"a": ["x", "yy"]})
    extractor = Words().fit(frame["a"])
    assert extractor.feature_names_in_.tolist() == ["a"]
    np.testing.assert_array_equal(
        extractor.transform(frame), extractor.transform(pl.Series("a", ["x", "yy"]))
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((0, 1)), "Found array with 0 sample"),
        (np.empty((0, 1), dtype=object), "Found array with 0 sample"),
        (pd.DataFrame({"a": []}), "Found array with 0 sample"),
        (np.empty((3, 0), dtype=object), "Found array with 0 feature"),
        (np.zeros(3), "Reshape your data"),
        (np.zeros((2, 4, 4)), "one each"),
        ("photo.jpg", "Expected 2D"),
        (np.array([[1j]]), "Complex data not supported"),
        (pd.DataFrame([["a", "b"]], columns=["w", "w"]), "unique"),
    ],
)
def test_what_is_no_table_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        Words().fit(X)


def test_a_sparse_matrix_is_refused():
    with pytest.raises(TypeError, match="Sparse data"):
        Words().fit(sp.eye_array(3))


def test_the_output_is_named_after_the_columns():
    frame = pd.DataFrame({"front": [RED], "back": [BLUE]})
    extractor = MeanColor().fit(frame)
    names = [
        *("front_red", "front_green", "front_blue"),
        *("back_red", "back_green", "back_blue"),
        "modality_present",
    ]
    assert extractor.get_feature_names_out().tolist() == names
    assert extractor.get_feature_names_out(["front", "back"]).tolist() == names
    with pytest.raises(ValueError, match="input_features is not equal"):
        extractor.get_feature_names_out(["a", "b"])


def test_columns_without_names_are_numbered():
    extractor = Words().fit([["a", "b"]])
    assert extractor.get_feature_names_out().tolist() == [
        *("x0_length", "x1_length"),
        "modality_present",
    ]
    assert extractor.get_feature_names_out(["p", "q"])[1] == "q_length"


def test_the_block_says_where_everything_stands():
    block = MeanColor().fit(table([RED, BLUE])).block_
    assert (block.name, block.start, block.stop, block.indicator) == ("", 0, 6, 6)
    assert (block.kind, block.shape) == ("vector", (6,))
    assert block.parts == (("x0", 0, 3), ("x1", 3, 6))


def test_before_fit_there_is_nothing_to_ask():
    extractor = MeanColor()
    assert not hasattr(extractor, "block_")
    for method in (extractor.get_feature_names_out, lambda: extractor.transform(CELLS)):
        with pytest.raises(NotFittedError):
            method()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_output_may_be_a_frame(library):
    frame = pd.DataFrame({"photo": [RED, None, BLUE]})
    extractor = MeanColor().set_output(transform=library)
    for rows in (extractor.fit_transform(frame), extractor.transform(frame)):
        assert type(rows).__module__.startswith(library)
        assert list(rows.columns) == [
            *("photo_red", "photo_green", "photo_blue"),
            "modality_present",
        ]
        np.testing.assert_array_equal(rows.to_numpy(), EXPECTED)


def test_the_input_is_not_written_to():
    cells = table([RED.copy(), [RED.copy()]], [None, BLUE.copy()])
    kept = [cell for cell in cells.ravel()]
    MeanColor().fit(cells).transform(cells)
    assert all(a is b for a, b in zip(cells.ravel(), kept, strict=True))
    np.testing.assert_array_equal(cells[0, 0], RED)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("on_error", "ignore"), ("missing", "mean"), ("max_error_rate", 2)],
)
def test_parameters_are_checked(parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        MeanColor(**{parameter: value}).fit(CELLS)
