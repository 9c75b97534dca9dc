"""Cells of pandas, polars and NumPy tables, and what they say."""

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.feature_extraction.tabular import TableExtractor
from tests.feature_extraction.tabular._samples import mixed_frame


def test_pandas_polars_and_objects_agree():
    frame = mixed_frame()
    cells = frame.astype(object).where(frame.notna(), None)
    columns = {name: cells[name].tolist() for name in frame}
    columns["when"] = [
        None if c is None else c.to_pydatetime() for c in columns["when"]
    ]
    polars = pl.DataFrame(columns)
    objects = np.array(list(zip(*columns.values(), strict=True)), dtype=object)
    wanted = TableExtractor().fit_transform(frame)
    np.testing.assert_array_equal(TableExtractor().fit_transform(polars), wanted)
    np.testing.assert_array_equal(TableExtractor().fit_transform(objects), wanted)
    np.testing.assert_array_equal(
        TableExtractor().fit_transform(objects.tolist()), wanted
    )


@pytest.mark.parametrize(
    "values, role",
    [
        (pd.array([1, None, 3], dtype="Int64"), "number"),
        (pd.array([1.5, None, 3], dtype="Float32"), "number"),
        (pd.array([True, None, False], dtype="boolean"), "boolean"),
        (pd.array(["a", None, "b"], dtype="string"), "category"),
        (pd.Categorical(["a", None, "b"]), "category"),
        (pd.Categorical([1, 2, 1]), "category"),
        (pd.to_datetime(["2020-01-01", None, "2020-01-02"]), "date"),
        (pd.to_datetime(["2020-01-01", None, "2020-01-02"], utc=True), "date"),
        (pd.Series([True, None, False], dtype=object), "boolean"),
        (pd.Series([1, 2.5, None], dtype=object), "number"),
        (pd.Series([decimal.Decimal("1.5"), None, 2], dtype=object), "number"),
        (pd.Series([np.int64(3), pd.NA, np.float32(2)], dtype=object), "number"),
        (pd.Series([datetime.date(2020, 1, 1), pd.NaT, None], dtype=object), "date"),
        (pd.Series([None, np.nan, pd.NA], dtype=object), "category"),
        (pd.Series([np.nan] * 3), "number"),
        (np.array([1, 2, 3], dtype=np.uint8), "number"),
    ],
)
def test_role_of_pandas_types(values, role):
    table = TableExtractor().fit(pd.DataFrame({"a": values, "b": [1, 2, 3]}))
    assert table.roles_["a"] == role
    assert np.isfinite(table.transform(pd.DataFrame({"a": values, "b": 1}))).all()


@pytest.mark.parametrize(
    "series, role",
    [
        (pl.Series([1, None, 3]), "number"),
        (pl.Series([1, 2, 3], dtype=pl.Decimal(10, 2)), "number"),
        (pl.Series([True, None, False]), "boolean"),
        (pl.Series(["a", None, "b"]), "category"),
        (pl.Series(["a", None, "b"], dtype=pl.Categorical), "category"),
        (pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"])), "category"),
        (pl.Series([datetime.date(2020, 1, 1), None, None]), "date"),
        (pl.Series([datetime.datetime(2020, 1, 1, 5), None, None]), "date"),
        (
            pl.Series([datetime.datetime(2020, 1, 1, 5)] * 3).dt.replace_time_zone(
                "Asia/Tokyo"
            ),
            "date",
        ),
        (pl.Series([None, None, None]), "category"),
    ],
)
def test_role_of_polars_types(series, role):
    frame = pl.DataFrame({"a": series, "b": [1, 2, 3]})
    table = TableExtractor().fit(frame)
    assert table.roles_["a"] == role
    assert np.isfinite(table.transform(frame)).all()


def test_numpy_arrays_of_one_type():
    assert TableExtractor().fit(np.eye(3, dtype=bool)).roles_ == dict.fromkeys(
        range(3), "boolean"
    )
    strings = np.array([["a", "b"], ["c", "d"]])
    assert TableExtractor().fit(strings).categories_ == {0: ["a", "c"], 1: ["b", "d"]}
    dates = np.array([["2020-01-01"], ["2020-01-05"]], dtype="datetime64[D]")
    assert TableExtractor().fit(dates).roles_ == {0: "date"}


def test_mixed_cells_are_refused():
    X = pd.DataFrame({"a": [None, 1, 2, "x"], "b": 1})
    with pytest.raises(ValueError, match="Column 'a', row 3: got the string 'x'"):
        TableExtractor().fit(X)
    with pytest.raises(ValueError, match="Column 'a', row 3: got the string 'x'"):
        TableExtractor({"a": "category"}).fit(X)
    X = pd.DataFrame({"a": ["x", True], "b": 1})
    with pytest.raises(ValueError, match="Column 'a', row 1: got the boolean True"):
        TableExtractor().fit(X)


@pytest.mark.parametrize(
    "cell",
    [
        b"\xff\xd8",
        [1, 2],
        np.zeros((2, 2)),
        {"bytes": b""},
        datetime.timedelta(1),
        np.timedelta64(1, "D"),
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_media_cells_are_refused(cell):
    cells = np.empty(3, dtype=object)
    cells[1], cells[2] = cell, cell
    frame = pd.DataFrame({"n": [1, 2, 3], "photo": pd.Series(cells, dtype=object)})
    with pytest.raises(TypeError, match=r"Column 'photo', row 1: .*roles=\{'photo'"):
        TableExtractor().fit(frame)
    assert TableExtractor({"photo": "drop"}).fit_transform(frame).shape == (3, 1)


def test_other_column_types_are_refused():
    durations = pd.DataFrame({"a": pd.to_timedelta([1, 2], unit="D")})
    with pytest.raises(TypeError, match=r"Column 'a', row 0: .*timedelta"):
        TableExtractor().fit(durations)
    with pytest.raises(TypeError, match=r"Column 'a', row 0: .*'list'"):
        TableExtractor().fit(pl.DataFrame({"a": [[1, 2], [3, 4]]}))
    with pytest.raises(ValueError, match="Complex data not supported: column 'a'"):
        TableExtractor().fit(pd.DataFrame({"a": [1j, 2j]}))
    with pytest.raises(TypeError, match="'bytes'"):
        TableExtractor().fit(np.array([[b"a"], [b"b"]]))


def test_kind_of_cells_must_match_at_transform():
    table = TableExtractor().fit(pd.DataFrame({"zip": ["10", "20"], "n": [1, 2]}))
    with pytest.raises(ValueError, match=r"'zip' holds numbers, .* strings in fit"):
        table.transform(pd.DataFrame({"zip": [10, 20], "n": [1, 2]}))
    with pytest.raises(ValueError, match="Column 'n', row 1: expected a number"):
        table.transform(pd.DataFrame({"zip": ["10", "20"], "n": ["1", "x"]}))


def test_no_frame_library_is_needed():
    code = (
        "import sys, numpy as np\n"
        "sys.modules['pandas'] = sys.modules['polars'] = None\n"
        "from mmsk.feature_extraction.tabular import TableExtractor\n"
        "TableExtractor().fit_transform(np.array([['a', 1.0], ['b', None]], object))\n"
        "assert not {'torch', 'lightgbm', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
