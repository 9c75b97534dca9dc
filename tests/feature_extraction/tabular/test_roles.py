"""Roles that the user chooses, and columns that need one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from mmsk.compose import ROLES
from mmsk.feature_extraction.tabular import TableExtractor
from tests.feature_extraction.tabular._samples import mixed_frame


def test_roles_are_overridden():
    frame = pd.DataFrame(
        {
            "zip": [1010, 1020, 1010],
            "size": ["1.5", "2.5", None],
            "day": ["2024-01-01", "2024-06-01", None],
            "flag": [0, 1, 1],
            "photo": [b"1", b"2", b"3"],
        }
    )
    roles = {
        "zip": "category",
        "size": "number",
        "day": "date",
        "flag": "boolean",
        "photo": "drop",
    }
    table = TableExtractor(roles, scale=None).fit(frame)
    assert table.roles_ == roles
    names = table.get_feature_names_out().tolist()
    assert names[:3] == ["zip_1010", "zip_1020", "size"]
    assert [part[0] for part in table.block_.parts] == ["zip", "size", "day", "flag"]
    out = table.transform(frame)
    np.testing.assert_array_equal(out[:, :3], [[1, 0, 1.5], [0, 1, 2.5], [1, 0, 2.0]])
    np.testing.assert_array_equal(out[:, -1], [0, 1, 1])


def test_positions_are_the_keys_of_an_array():
    X = np.array([[1.0, 5.0], [2.0, 5.0], [1.0, 6.0]])
    table = TableExtractor({0: "category", 1: "drop"}).fit(X)
    assert table.get_feature_names_out().tolist() == ["x0_1", "x0_2"]
    assert table.get_feature_names_out(["a", "b"]).tolist() == ["a_1", "a_2"]


@pytest.mark.parametrize(
    "roles, message",
    [
        ({"prize": "number"}, "columns that X has not: \\['prize'\\]"),
        ({"price": "numeric"}, "'price' must be one of .*got 'numeric'"),
        (dict.fromkeys(mixed_frame(), "drop"), "every column is left out"),
        ({"colour": "number"}, "Column 'colour', row 0: expected a number, got 'red'"),
        ({"colour": "date"}, "Column 'colour', row 0: expected a date"),
        ({"colour": "boolean"}, "Column 'colour', row 0: expected False, True"),
        ({"price": "boolean"}, "Column 'price', row 1: expected .* got .*2.0"),
        ({"price": "date"}, "Column 'price', row 0: expected a date"),
        ({"when": "number"}, "Column 'when', row 0: expected a number"),
    ],
)
def test_bad_roles_are_refused(roles, message):
    with pytest.raises(ValueError, match=message):
        TableExtractor(roles).fit(mixed_frame())


def test_roles_of_infer_roles_are_understood():
    """Every word of mmsk.compose.ROLES is taken or refused by name."""
    frame = pd.DataFrame({"n": [1, 2], "id": ["a", "b"], "who": ["x", "y"]})
    roles = {"n": "number", "id": "identifier", "who": "groups", "gone": "drop"}
    table = TableExtractor(roles).fit(frame)
    assert table.roles_ == {"n": "number", "id": "identifier", "who": "groups"}
    assert table.get_feature_names_out().tolist() == ["n"]
    for role in set(ROLES) - {"number", "category", "boolean", "date"}:
        if role in ("identifier", "groups", "drop"):
            continue
        with pytest.raises(ValueError, match=f"must be one of .* got '{role}'"):
            TableExtractor({"id": role}).fit(frame)


def identifiers(n=101):
    return pd.DataFrame({"id": [f"u{i}" for i in range(n)], "n": range(n)})


def test_identifiers_and_texts_are_refused():
    frame = identifiers()
    extractor = TableExtractor(min_frequency=1)
    with pytest.raises(ValueError, match="Column 'id' has 101 different strings"):
        extractor.fit(frame)
    assert TableExtractor({"id": "drop"}).fit_transform(frame).shape == (101, 1)
    insisted = TableExtractor({"id": "category"}, min_frequency=1)
    assert insisted.fit_transform(frame).shape == (101, 102)
    named = TableExtractor(encoding={"id": "ordinal"})
    assert named.fit_transform(frame).shape == (101, 2)
    # half of the rows, a hundred levels and what is declared are categories
    halves = pd.DataFrame({"id": [f"u{i % 101}" for i in range(202)]})
    assert extractor.fit_transform(halves).shape == (202, 101)
    assert extractor.fit_transform(frame[["id"]][:100]).shape == (100, 100)
    declared = frame.astype({"id": "category"})
    assert extractor.fit_transform(declared).shape == (101, 102)


def test_rows_of_weight_0_do_not_make_an_identifier():
    frame = identifiers(202)
    frame.loc[101:, "id"] = "u0"
    weights = np.ones(202)
    TableExtractor().fit(frame, sample_weight=weights)
    weights[102:] = 0
    with pytest.raises(ValueError, match="101 different strings in 102 rows"):
        TableExtractor().fit(frame, sample_weight=weights)


def test_identifiers_are_dropped_by_choice():
    table = TableExtractor(identifiers="drop").fit(identifiers())
    assert table.roles_ == {"id": "identifier", "n": "number"}
    assert table.get_feature_names_out().tolist() == ["n"]
    with pytest.raises(ValueError, match="every column is left out"):
        TableExtractor(identifiers="drop").fit(identifiers()[["id"]])


def test_identifiers_are_hashed_by_choice():
    frame = identifiers()
    table = TableExtractor(identifiers="hash", n_hashes=8).fit(frame)
    names = [f"id_hash{i}" for i in range(8)]
    assert table.get_feature_names_out().tolist() == [*names, "n"]
    out = table.transform(frame)[:, :8]
    oracle = FeatureHasher(8, input_type="string")
    wanted = oracle.transform([[cell] for cell in frame["id"]]).toarray()
    np.testing.assert_array_equal(out, wanted)
    assert (np.abs(out).sum(axis=1) == 1).all()
    new = pd.DataFrame({"id": ["never seen", None], "n": 0})
    hashed = table.transform(new)[:, :8]
    assert np.abs(hashed).sum(axis=1).tolist() == [1, 0]
    # a role that is given is hashed too, whatever the cells are
    numbers = pd.DataFrame({"id": [7, 8, 9]})
    chosen = TableExtractor({"id": "identifier"}, identifiers="hash", n_hashes=4)
    wanted = FeatureHasher(4, input_type="string").transform([["7"], ["8"], ["9"]])
    np.testing.assert_array_equal(chosen.fit_transform(numbers), wanted.toarray())
    assert not chosen.fit_transform(pd.DataFrame({"id": ["a", "a"]})).any()


def test_a_role_once_decided_is_kept_in_folds():
    """300 levels in 600 rows are a category; in a fold more than half differ."""
    frame = pd.DataFrame({"shop": [f"s{i % 300}" for i in range(600)], "n": range(600)})
    y = np.arange(600.0)
    folds = KFold(5, shuffle=True, random_state=0)
    refused = make_pipeline(TableExtractor(), Ridge())
    with pytest.raises(ValueError, match="not decided again in the folds"):
        cross_val_score(refused, frame, y, cv=folds, error_score="raise")
    decided = TableExtractor().fit(frame).roles_
    kept = make_pipeline(TableExtractor(decided), Ridge())
    assert len(cross_val_score(kept, frame, y, cv=folds, error_score="raise")) == 5


@pytest.mark.parametrize(
    "encoding, message",
    [
        ({"price": "onehot"}, "columns that X has not: \\['price'\\]"),
        ({"c": "one-hot"}, "encoding of column 'c' must be one of .*got 'one-hot'"),
        ({"d": "target"}, "encoding names column 'd', but its role is 'number'"),
        ("binary", "encoding"),
    ],
)
def test_bad_encodings_are_refused(encoding, message):
    frame = pd.DataFrame({"c": ["a", "b"], "d": [1, 2]})
    with pytest.raises(ValueError, match=message):
        TableExtractor({"d": "number"}, encoding=encoding).fit(frame)


def test_encodings_by_column():
    frame = pd.DataFrame({"a": ["x", "y", "z"], "b": ["x", "y", "z"], "n": [1, 2, 1]})
    encoding = {"b": "ordinal", "n": "onehot"}
    table = TableExtractor(encoding=encoding).fit(frame)
    names = table.get_feature_names_out().tolist()
    assert names == ["a_x", "a_y", "a_z", "b", "n_1", "n_2"]
    assert table.roles_["n"] == "category"
    assert table.categories_["b"] == ["x", "y", "z"]
    assert table.block_.categorical == (3,)
