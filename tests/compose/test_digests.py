"""Fingerprints of tables: what a transformer can see makes another one."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from mmsk.compose._digests import data_digest


def digests(*columns):
    """Return the different fingerprints of frames of one column."""
    return {data_digest(pd.DataFrame({"c": column})) for column in columns}


def test_levels_and_their_order_count():
    cells = ["a", "b", "a"]
    kinds = [["a", "b"], ["b", "a"], ["a", "b", "c"]]
    columns = [pd.Categorical(cells, kind) for kind in kinds]
    columns.append(pd.Categorical(cells, kinds[0], ordered=True))
    assert len(digests(*columns, cells)) == 5


def test_dates_and_zones_count():
    dates = pd.Series(pd.to_datetime(["2020-01-01", "2020-06-01"]))
    zoned = dates.dt.tz_localize("UTC")
    found = digests(
        dates,
        zoned,
        zoned.dt.tz_convert("Asia/Tokyo"),
        zoned.astype(object),
        dates.dt.date,
    )
    assert len(found) == 5


def test_missing_cells_of_each_kind_count():
    missing = [None, np.nan, pd.NA, pd.NaT, "None", "nan"]
    found = digests(*(pd.Series([cell, "x"], dtype=object) for cell in missing))
    assert len(found) == len(missing)


def test_numbers_of_each_type_count():
    numbers = [
        1,
        1.0,
        True,
        np.int64(1),
        np.float32(1),
        "1",
        b"1",
        [1],
        (1,),
        {1: 1},
    ]
    columns = []
    for number in numbers:
        cells = np.empty(2, dtype=object)
        cells[0] = number
        columns.append(pd.Series(cells))
    assert len(digests(*columns)) == len(numbers)


def test_names_of_each_type_count():
    names = ["0", 0, 0.0, None, "None"]
    frames = [pd.DataFrame([[1.0]], columns=pd.Index([n], dtype=object)) for n in names]
    assert len({data_digest(frame) for frame in frames}) == len(names)
    columns = [pd.Series([1.0], name=name) for name in names]
    assert len({data_digest(column) for column in columns}) == len(names)


def test_the_index_does_not_count():
    X = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    assert data_digest(X) == data_digest(X.set_index(np.array([5, -7])))


def test_levels_of_polars_count():
    cells = ["a", "b", "a"]
    kinds = [pl.Enum(["a", "b"]), pl.Enum(["b", "a"]), pl.Categorical, pl.String]
    found = {data_digest(pl.DataFrame({"c": pl.Series(cells, dtype=d)})) for d in kinds}
    assert len(found) == len(kinds)


def test_containers_count():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    frame = pd.DataFrame(values, columns=["a", "b"])
    tables = [
        values,
        np.asfortranarray(values),
        values.astype(object),
        values.astype(np.float32),
        values.tolist(),
        values.ravel(),
        sp.csr_array(values),
        sp.csc_array(values),
        sp.csr_matrix(values),
        frame,
        frame.rename(columns={"a": "c"}),
        frame[["a"]],
        frame["a"],
        pl.DataFrame({"a": values[:, 0], "b": values[:, 1]}),
        None,
    ]
    assert len({data_digest(table) for table in tables}) == len(tables)


@pytest.mark.parametrize(
    "cells",
    [["ab", "c"], ["a", "bc"], ["abc", ""], ["", "abc"], ["abc"], [["ab", "c"]]],
    ids=str,
)
def test_borders_of_cells_count(cells):
    assert data_digest(cells) == data_digest(list(cells))
    assert data_digest(cells) != data_digest(["ab", "c", ""])
    assert (data_digest(cells) == data_digest(["ab", "c"])) == (cells == ["ab", "c"])


def test_equal_tables_have_one_fingerprint():
    def make():
        return pd.DataFrame(
            {
                "text": ["red", None, "猫\ud800"],
                "number": [1.5, np.nan, -0.0],
                "level": pd.Categorical(["x", "y", None]),
                "date": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
                "cell": [{"bytes": b"x", "path": None}, [1, (2.0,)], np.arange(3)],
            }
        )

    assert data_digest(make()) == data_digest(make())
    assert data_digest(make()) == data_digest(make().sort_index())


@pytest.mark.parametrize(
    ("cell", "name"),
    [(object(), "object"), (len, "builtin_function"), ({"a": 1j}, "complex")],
    ids=["object", "function", "complex"],
)
def test_refused(cell, name):
    with pytest.raises(TypeError, match=name):
        data_digest([cell])


def test_dates_of_python_count():
    day = datetime.date(2020, 1, 2)
    moment = datetime.datetime(2020, 1, 2)
    zoned = moment.replace(tzinfo=datetime.UTC)
    cells = [day, moment, zoned, pd.Timestamp(moment), datetime.timedelta(3), "2020"]
    assert len({data_digest([cell]) for cell in cells}) == len(cells)
