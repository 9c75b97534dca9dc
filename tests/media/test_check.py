"""The report on all media of a table."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from mmsk.media import CheckedCell, check
from tests._clips import plain_wav
from tests._corpus import encode, half, photo, scene

GOOD, BAD = encode(scene(), "PNG"), half(encode(photo(), "JPEG"))


@pytest.fixture
def table(tmp_path):
    (tmp_path / "a.png").write_bytes(GOOD)
    (tmp_path / "b.jpg").write_bytes(BAD)
    (tmp_path / "c.wav").write_bytes(plain_wav())
    return pd.DataFrame(
        {
            "photo": ["a.png", "b.jpg", None, "d.png"],
            "clip": ["c.wav", None, "c.wav", "a.png"],
            "price": [1.0, 2.0, 3.0, 4.0],
        }
    )


FOUND = [
    (0, "photo", "a.png", None),
    (0, "clip", "c.wav", None),
    (1, "photo", "b.jpg", "TRUNCATED"),
    (2, "clip", "c.wav", None),
    (3, "photo", "d.png", "NOT_FOUND"),
    (3, "clip", "a.png", "UNKNOWN_FORMAT"),
]


@pytest.mark.parametrize("n_jobs", [None, 1, 3])
@pytest.mark.parametrize(
    "columns", [["photo", "clip"], {"photo": "image", "clip": "audio"}], ids=str
)
def test_every_cell_is_told_in_order(columns, n_jobs, table, tmp_path):
    report = check(table, columns, root=tmp_path, n_jobs=n_jobs, verbose=False)
    assert [cell[:4] for cell in report.cells] == FOUND
    assert [cell[:4] for cell in report.failures] == [f for f in FOUND if f[3]]
    assert report.n_missing == 2
    assert all(0 < cell.seconds < 60 for cell in report.cells)
    frame = pd.DataFrame(report.cells)
    assert list(frame.columns) == list(CheckedCell._fields)


def test_polars_and_arrays(table, tmp_path):
    known = table.astype(object).where(table.notna(), None)
    frame = pl.DataFrame(known.to_dict("list"))
    cells = table.to_numpy(dtype=object)
    for X, key in ((frame, "photo"), (cells, 0)):
        report = check(X, key, root=tmp_path, verbose=False)
        assert [cell.code for cell in report.cells] == [None, "TRUNCATED", "NOT_FOUND"]
        assert {cell.column for cell in report.cells} == {key}


def test_one_column_and_lists(table, tmp_path):
    photos = table["photo"]
    for X, key in (
        (photos, "photo"),
        (pl.Series("photo", photos.to_numpy(na_value=None)), "photo"),
        (photos.to_numpy(), 0),
        (photos.tolist(), 0),
        ([[path] for path in photos], 0),
    ):
        report = check(X, key, root=tmp_path, verbose=False)
        assert [cell.code for cell in report.cells] == [None, "TRUNCATED", "NOT_FOUND"]


def test_the_summary(table, tmp_path):
    report = check(table, ["photo"], root=tmp_path, verbose=False)
    first, *lines = str(report).splitlines()
    assert first.startswith("3 cells decoded in ")
    assert first.endswith(" s, 1 missing, 2 cannot be used")
    assert lines == [
        "Column 'photo', row 1 ('b.jpg'): TRUNCATED",
        "Column 'photo', row 3 ('d.png'): NOT_FOUND",
    ]


def test_a_long_summary_is_cut():
    X = pd.DataFrame({"photo": [BAD] * 9})
    report = check(X, {"photo": "image"}, verbose=False)
    assert str(report).splitlines()[-2:] == [
        "Column 'photo', row 4: TRUNCATED",
        "and 4 more",
    ]


def test_a_bar_on_stderr(table, tmp_path, capsys):
    check(table, ["photo", "clip"], root=tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "8/8" in err


def cells(*values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column[:, None]


def test_limits_are_those_of_decoding(tmp_path):
    limits = [
        ({"max_pixels": 100}, "TOO_MANY_PIXELS", GOOD),
        ({"max_bytes": 10}, "FILE_TOO_LARGE", GOOD),
        ({"max_seconds": 0.1}, "TOO_LONG", plain_wav()),
        ({"max_values": 10}, "TOO_LONG", plain_wav()),
    ]
    for limit, code, content in limits:
        kind = "image" if content is GOOD else "audio"
        report = check(cells(content), {0: kind}, verbose=False, **limit)
        assert [cell.code for cell in report.cells] == [code]


@pytest.mark.parametrize(
    ("cell", "n_parts"),
    [
        ([GOOD, None, GOOD], 2),
        (Image.new("RGB", (3, 3)), 1),
        (np.zeros((3, 3), dtype=np.uint8), 1),
        ({"bytes": GOOD, "path": None}, 1),
        ((np.zeros(9), 8000), 1),
        ([(np.zeros(9), 8000)] * 3, 3),
        ({"array": np.zeros(9), "sampling_rate": 8000}, 1),
        ({"bytes": plain_wav(), "path": "c.wav"}, 1),
    ],
    ids=[
        *("list", "PIL", "array", "bytes in a dict"),
        *("array and rate", "list of these", "array in a dict", "wav in a dict"),
    ],
)
def test_what_a_column_holds_is_told_from_any_cell(cell, n_parts):
    report = check(cells(None, cell), [0], verbose=False)
    assert [each[:2] + each[3:4] for each in report.cells] == [(1, 0, None)] * n_parts
    assert report.n_missing == 1


def test_broken_cells_before_the_first_whole_one():
    report = check(cells(7, b"", "no/such.jpg", GOOD), [0], verbose=False)
    codes = [cell.code for cell in report.cells]
    assert codes == ["BAD_TYPE", "EMPTY_FILE", "NOT_FOUND", None]


@pytest.mark.parametrize("values", [[None], [7, "words"], [[]]], ids=str)
def test_it_must_be_told_where_it_cannot_be(values):
    with pytest.raises(ValueError, match=r"cannot be told .*columns=\{0: 'image'\}"):
        check(cells(*values), [0], verbose=False)
    check(cells(*values), {0: "image"}, verbose=False)


def test_refused(table):
    with pytest.raises(ValueError, match="lacks the column 'picture'"):
        check(table, ["picture"])
    with pytest.raises(ValueError, match="Expected a 2D array of cells, got 3"):
        check(np.zeros((2, 2, 2)), 0)
    with pytest.raises(ValueError, match="lacks the column 3"):
        check(table.to_numpy(), [3])
    with pytest.raises(ValueError, match="'video'"):
        check(table, {"photo": "video"})


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("columns", ["photo", {"clip": "audio"}], ids=str)
def test_a_root_that_is_no_folder(columns, n_jobs, table):
    with pytest.raises(ValueError, match="root='nowhere' is not a folder"):
        check(table, columns, root="nowhere", n_jobs=n_jobs, verbose=False)
    pictures = cells(GOOD, np.zeros((8, 8), dtype=np.uint8))
    assert not check(pictures, 0, root="nowhere", verbose=False).failures
