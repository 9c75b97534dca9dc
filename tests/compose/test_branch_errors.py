"""Errors of transformers that don't know their branch."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mmsk.compose import ModalityTransformer
from mmsk.exceptions import MediaError
from mmsk.feature_extraction.image import ColorExtractor
from mmsk.feature_extraction.tabular import TableExtractor

DATA = {"a": [1.0, 2, 3], "c": ["4", "y", "z"]}
X = pd.DataFrame(DATA)


class Refuses(TransformerMixin, BaseEstimator):
    """Raise what it is given."""

    def __init__(self, error):
        self.error = error

    def fit(self, X, y=None):
        raise self.error

    def transform(self, X):
        return X


def branch(transformer, columns=("a", "c"), **params):
    columns = columns if isinstance(columns, str) else list(columns)
    return ModalityTransformer([("num", transformer, columns)], **params)


@pytest.mark.parametrize("frame", [X, pl.DataFrame(DATA)], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    "transformer", [StandardScaler(), make_pipeline("passthrough", StandardScaler())]
)
def test_a_fit_names_branch_and_columns(transformer, frame):
    with pytest.raises(
        ValueError, match=r"^Branch 'num' \(columns \['a', 'c'\]\): could not convert"
    ) as caught:
        branch(transformer).fit(frame)
    assert type(caught.value) is ValueError
    assert str(caught.value).endswith(str(caught.value.__cause__))


def test_positions_and_one_column_are_named():
    with pytest.raises(ValueError, match=r"^Branch 'num' \(columns \[0, 1\]\): could"):
        branch(StandardScaler(), (0, 1)).fit(X.to_numpy())
    with pytest.raises(
        ValueError, match=r"^Branch 'num' \(column 'a'\): Expected a 2-dim"
    ):
        branch(StandardScaler(), "a").fit(X)


@pytest.mark.parametrize("memory", [False, True])
def test_a_transform_names_branch_and_columns(memory, tmp_path):
    model = branch(OneHotEncoder(), ["c"], memory=tmp_path if memory else None).fit(X)
    with pytest.raises(
        ValueError, match=r"^Branch 'num' \(columns \['c'\]\): Found unknown.*'q'"
    ):
        model.transform(X.assign(c="q"))


def test_the_class_of_an_error_stays():
    with pytest.raises(TypeError, match=r"^Branch 'num' \(columns \['a', 'c'\]\): no$"):
        branch(Refuses(TypeError("no"))).fit(X)
    error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")  # no message alone
    with pytest.raises(UnicodeDecodeError) as caught:
        branch(Refuses(error)).fit(X)
    assert caught.value.__notes__ == ["Branch 'num' (columns ['a', 'c'])"]
    assert str(caught.value).startswith("'utf-8' codec")


def test_extractors_speak_for_themselves():
    with pytest.raises(ValueError, match=r"^Column 'a', row 0: expected a finite"):
        branch(TableExtractor(), ["a"]).fit(X.assign(a=np.inf))
    with pytest.raises(MediaError, match=r"^Column 'c', row 0") as caught:
        branch(ColorExtractor(), ["c"]).fit_transform(X)
    assert not hasattr(caught.value, "__notes__")


class TestNoNumbers:
    @pytest.mark.parametrize("frame", [X, pl.DataFrame(DATA)], ids=["pandas", "polars"])
    def test_passthrough_names_column_and_value(self, frame):
        with pytest.raises(
            ValueError,
            match=r"^Branch 'num' \(columns \['a', 'c'\]\): its output column 'c' "
            "holds 'y', which is no number. .* such as TableExtractor",
        ):
            branch("passthrough").fit(frame)

    def test_in_new_rows(self):
        model = branch("passthrough").fit(X.assign(c=1.0))
        with pytest.raises(ValueError, match="column 'c' holds 'y'"):
            model.transform(X)

    def test_what_another_transformer_makes(self):
        twice = FunctionTransformer(lambda table: np.hstack([table, table]))
        with pytest.raises(ValueError, match="its output column 1 holds 'y'"):
            branch(twice).fit(X)
        with pytest.raises(ValueError, match=r"column 'c' holds \[1\]"):
            branch("passthrough").fit(X.assign(c=[0, [1], 2]))

    def test_numbers_in_strings_and_objects_are_taken(self):
        frame = pd.DataFrame({"a": ["1", "2.5"], "c": pd.Series([None, 3], dtype="O")})
        out = branch("passthrough").fit_transform(frame)
        np.testing.assert_array_equal(out, np.float32([[1, np.nan], [2.5, 3]]))


def rows(count):
    return FunctionTransformer(lambda X: np.asarray(X)[:count])


@pytest.mark.parametrize("frame", [X, pl.DataFrame(DATA)], ids=["pandas", "polars"])
def test_rows_that_a_transformer_drops_or_adds(frame):
    with pytest.raises(
        ValueError, match=r"Branch 'num' \(columns \['a'\]\).* 2 rows f"
    ):
        branch(rows(2), ["a"]).fit_transform(frame)
    kept = branch(rows(3), ["a"]).fit(frame)
    np.testing.assert_array_equal(kept.transform(frame[:2]), [[1], [2]])
    longer = pd.DataFrame({"a": [1.0] * 5, "c": "c"})
    with pytest.raises(ValueError, match="3 rows for 5"):
        kept.transform(longer)


def test_another_width_than_in_fit():
    dummies = FunctionTransformer(lambda X: pd.get_dummies(X["c"]).to_numpy())
    two = ModalityTransformer([("num", dummies, ["c"]), ("more", "passthrough", ["a"])])
    fitted = two.fit(X)
    np.testing.assert_array_equal(fitted.transform(X)[:, 3], X["a"])
    with pytest.raises(
        ValueError, match=r"Branch 'num' .* has 2 columns, but had 3 in fit"
    ):
        fitted.transform(X[:2])


@pytest.mark.parametrize("name", [3, None, "", ("a",)], ids=str)
def test_names_that_are_no_strings(name):
    with pytest.raises(ValueError, match="must be non-empty strings, got"):
        ModalityTransformer([(name, "passthrough", ["a"])]).fit(X)


def test_a_picture_is_not_shown_whole():
    pictures = [np.zeros((9, 9, 3), np.uint8)] * 3
    frame = X.assign(photo=pd.Series(pictures, dtype=object))
    with pytest.raises(ValueError, match=r"holds array\(.*\.\.\., which") as caught:
        branch("passthrough", ["photo"]).fit(frame)
    assert len(str(caught.value)) < 300
