"""Columns that tables keep as levels and codes."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.tabular._read_column import read_column

ordinal = TableExtractor(encoding="ordinal")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", None, "a", "b"], dtype=object),
        pd.Series(["b", None, "a", "b"], dtype="str"),
        pd.Series(["b", pd.NA, "a", "b"], dtype="string"),
        pd.Series(pd.Categorical(["b", None, "a", "b"], categories=["z", "b", "a"])),
        pd.Series(pd.Categorical(["b", None, "a", "b"], ["b", "a"], ordered=True)),
        pl.Series(["b", None, "a", "b"]),
        pl.Series(["b", None, "a", "b"], dtype=pl.Categorical),
        pl.Series(["b", None, "a", "b"], dtype=pl.Enum(["z", "b", "a"])),
        np.array(["b", None, "a", "b"], dtype=object),
    ],
    ids=lambda column: str(column.dtype)[:12],
)
def test_every_kind_of_strings_reads_the_same(column):
    read = read_column("x", column)
    assert read.values.tolist() == ["b", None, "a", "b"]
    assert read.missing.tolist() == [False, True, False, False]
    levels, codes = read.coded
    assert [None if c < 0 else levels[c] for c in codes] == ["b", None, "a", "b"]
    frame = column if isinstance(column, np.ndarray) else column.to_frame()
    frame = frame[:, None] if isinstance(column, np.ndarray) else frame
    table = ordinal.fit(frame)
    np.testing.assert_array_equal(table.transform(frame)[:, 0], [1, 2, 0, 1])
    assert list(table.categories_.values()) == [["a", "b"]]


def test_strings_are_numbers_dates_and_booleans_by_role():
    frame = pd.DataFrame(
        {
            "n": pd.Series(["1.5", None, "2", "1.5"], dtype="str"),
            "d": pd.Series(["2024-01-01", None, "2024-01-03T12:00", "2024-01-01"]),
        }
    )
    table = TableExtractor({"n": "number", "d": "date"}, scale=None).fit(frame)
    out = pd.DataFrame(table.transform(frame), columns=table.get_feature_names_out())
    assert out["n"].tolist() == [1.5, 1.5, 2, 1.5]
    assert out["d_elapsed_days"].tolist() == [0, 0, 2.5, 0]
    wrong = frame.assign(n=["1.5", "x", "2", "x"])
    with pytest.raises(
        ValueError, match="Column 'n', row 1: expected a number, got 'x'"
    ):
        table.transform(wrong)
    with pytest.raises(ValueError, match="Column 'd', row 0: expected a number"):
        TableExtractor({"d": "number"}).fit(frame)


def test_levels_of_other_types_name_their_first_row():
    bins = pd.DataFrame({"a": pd.cut([1.0, 2, np.nan, 9], [0, 1.5, 3, 10])}).iloc[
        [2, 0]
    ]
    with pytest.raises(TypeError, match=r"Column 'a', row 1: .*'Interval'"):
        TableExtractor().fit(bins)


def test_equal_times_of_two_zones_keep_their_clocks():
    east = datetime.timezone(datetime.timedelta(hours=9))
    cells = [
        datetime.datetime(2024, 5, 17, 10, tzinfo=east),
        datetime.datetime(2024, 5, 17, 1, tzinfo=datetime.UTC),
    ]
    assert cells[0] == cells[1]
    frame = pd.DataFrame({"d": pd.Series(cells, dtype=object)})
    table = TableExtractor(scale=None).fit(frame)
    out = pd.DataFrame(table.transform(frame), columns=table.get_feature_names_out())
    np.testing.assert_allclose(out["d_elapsed_days"], [9 / 24, 0], rtol=1e-6)


def test_all_missing_dates_may_be_numbers():
    frame = pd.DataFrame({"d": pd.to_datetime([None, None])})
    assert not TableExtractor({"d": "number"}).fit_transform(frame).any()
