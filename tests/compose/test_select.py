import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.compose import ModalityTransformer, select
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor

DATA = {
    "title": ["a", None],
    "price": [1.5, 2.0],
    "stock": [3, 4],
    "new": [True, False],
    "photo": [b"x", b"y"],
}
FRAMES = {
    "pandas": pd.DataFrame(DATA).assign(
        colour=pd.Categorical(["r", "g"]), day=pd.to_datetime(["2024-01-01"] * 2)
    ),
    "polars": pl.DataFrame(DATA).with_columns(
        pl.Series("colour", ["r", "g"], dtype=pl.Categorical),
        pl.Series("day", ["2024-01-01"] * 2).str.to_date(),
    ),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (select(kind="number"), ["price", "stock"]),
        (select("string"), ["title"]),
        (select(kind="boolean"), ["new"]),
        (select(kind="category"), ["colour"]),
        (select(kind="date"), ["day"]),
        (select(kind="object"), ["photo"]),
        (select(kind=["string", "category"]), ["title", "colour"]),
        (select(pattern="^p"), ["price", "photo"]),
        (select(pattern="o"), ["stock", "photo", "colour"]),
        (select(kind="number", pattern="^s"), ["stock"]),
        (select(kind="number", exclude="price"), ["stock"]),
        (select(kind="number", exclude=["price", "stock"]), []),
        (select(kind=[]), []),
        (select(), [*DATA, "colour", "day"]),
    ],
    ids=repr,
)
def test_frames(frame, chosen, names):
    assert chosen(FRAMES[frame]) == names


def test_arrays_by_position():
    assert select(kind="number")(np.eye(3)) == [0, 1, 2]
    assert select(kind="string")(np.eye(3)) == []
    assert select(kind="string")(np.array([["a", "b"]])) == [0, 1]
    X = np.array([["a", 1.5, True], [None, 2, None]], dtype=object)
    assert select(kind="string")(X) == [0]
    assert select(kind="number")(X) == [1]
    assert select(kind="boolean")(X) == [2]
    assert select(kind="number", exclude=[1])(X) == []


def test_a_pattern_needs_names():
    with pytest.raises(ValueError, match="needs a DataFrame"):
        select(pattern="a")(np.eye(2))


@pytest.mark.parametrize("X", [pd.DataFrame({"a": [1.0]}), np.eye(2)])
def test_what_is_excluded_must_be_there(X):
    with pytest.raises(ValueError, match=r"excludes columns that X has not: \['b'\]"):
        select(exclude="b")(X)


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"Unknown kinds \['numbers'\]"):
        select(kind="numbers")


def test_value():
    chosen = select(kind="number", exclude=["a"])
    assert copy.deepcopy(chosen) == chosen
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    assert chosen != select(kind="number")
    assert chosen != "number"
    assert repr(chosen) == "select(kind='number', exclude=['a'])"
    assert repr(select()) == "select()"


def test_by_role():
    X = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": ["x", "y"]})
    roles = {"a": "number", "b": "drop", "c": "category"}
    assert select(role=["number", "category"])(X, roles) == ["a", "c"]
    assert select(role="text")(X, roles) == []
    assert repr(select(role="text")) == "select(role='text')"
    with pytest.raises(ValueError, match="there are no roles"):
        select(role="number")(X)
    with pytest.raises(ValueError, match="Unknown roles \\['words'\\]"):
        select(role="words")


def test_a_branch_whose_role_no_column_has_is_left_out():
    X = pd.DataFrame({"a": [1.0, 2.0], "c": ["x", "y"]})
    model = ModalityTransformer(
        [
            ("text", TfidfExtractor(), select(role="text")),
            ("table", TableExtractor(), select(role=["number", "category"])),
        ],
        roles={"a": "category", "c": "drop"},
    ).fit(X)
    assert model.blocks_.names == ("table",)
    assert model.named_transformers_["table"].roles_ == {"a": "category"}
    with pytest.raises(ValueError, match="columns that X has not: \\['z'\\]"):
        model.set_params(roles={"z": "number"}).fit(X)
    with pytest.raises(ValueError, match="has no branch"):
        model.set_params(roles={"a": "drop", "c": "drop"}).fit(X)
