"""Roles that the user chooses, and columns that need one."""

import numpy as np
import pandas as pd
import pytest

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
        (dict.fromkeys(mixed_frame(), "drop"), "drops every column"),
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


def test_identifiers_and_texts_are_refused():
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(101)], "n": range(101)})
    extractor = TableExtractor(min_frequency=1)
    with pytest.raises(ValueError, match="Column 'id' has 101 different strings"):
        extractor.fit(frame)
    assert TableExtractor({"id": "drop"}).fit_transform(frame).shape == (101, 1)
    insisted = TableExtractor({"id": "category"}, min_frequency=1)
    assert insisted.fit_transform(frame).shape == (101, 102)
    # half of the rows, a hundred levels and what is declared are categories
    halves = pd.DataFrame({"id": [f"u{i % 101}" for i in range(202)]})
    assert extractor.fit_transform(halves).shape == (202, 101)
    assert extractor.fit_transform(frame[["id"]][:100]).shape == (100, 100)
    declared = frame.astype({"id": "category"})
    assert extractor.fit_transform(declared).shape == (101, 102)
