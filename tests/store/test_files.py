"""The files of a store: values are cut into pieces to be written, and come back."""

import os

import numpy as np
import pytest

from mmsk.store import _files


@pytest.fixture
def small_pieces(monkeypatch):
    """Cut after each 64 bytes, and keep what is written at once."""
    written = []
    whole = _files._write_all

    def write_all(opened, pieces, size):
        written.append((os.lseek(opened, 0, os.SEEK_CUR), size))
        whole(opened, pieces, size)

    monkeypatch.setattr(_files, "_WRITE_SIZE", 64)
    monkeypatch.setattr(_files, "_write_all", write_all)
    return written


@pytest.mark.parametrize("kind", ["array", "rows", "views"])
@pytest.mark.parametrize("start", [0, 1, 63, 64, 100])
@pytest.mark.parametrize("size", [1, 12, 64, 200])
def test_pieces_end_at_multiples(tmp_path, small_pieces, kind, start, size):
    values = np.random.default_rng(0).integers(256, size=(23, size), dtype=np.uint8)
    rows = list(values)
    given = {"array": values, "rows": rows, "views": [memoryview(row) for row in rows]}
    before = bytes(range(start))
    if start:
        _files.write_at(str(tmp_path), 1, 0, [memoryview(before)], start)
        small_pieces.clear()
    _files.write_at(str(tmp_path), 1, start, given[kind], size)
    assert (tmp_path / "1.rows").read_bytes() == before + values.tobytes()
    begins, sizes = np.transpose(small_pieces)
    assert begins[0] == start
    assert (begins[1:] % 64 == 0).all()
    assert (begins[1:] == (begins + sizes)[:-1]).all()
    assert sizes.max() <= 64
    places = np.zeros(23, dtype=[(n, "i8") for n in ("id", "file", "start", "size")])
    places["file"], places["size"] = 1, size
    places["start"] = start + size * np.arange(23)
    (block,) = _files.read_blocks(str(tmp_path), places)
    np.testing.assert_array_equal(block.values, values)


def test_a_write_that_stops_early_goes_on(tmp_path, monkeypatch):
    # as the system may do with any of them
    monkeypatch.setattr(_files, "_WRITE_SIZE", 64)

    def writev(file, pieces):
        return os.write(file, memoryview(pieces[0])[:5])

    monkeypatch.setattr(_files.os, "writev", writev, raising=False)
    values = np.arange(7 * 30, dtype=np.uint8).reshape(7, 30)
    _files.write_at(str(tmp_path), 1, 0, values, 30)
    _files.write_at(str(tmp_path), 2, 0, list(values), 30)
    for name in ("1.rows", "2.rows"):
        assert (tmp_path / name).read_bytes() == values.tobytes()


def test_a_file_that_is_too_short_or_not_there_is_left_alone(tmp_path):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert not _files.write_at(str(tmp_path), 1, 4, values, 3)
    assert not list(tmp_path.iterdir())
    assert _files.write_at(str(tmp_path), 1, 0, values, 3)
    assert not _files.write_at(str(tmp_path), 1, 7, values, 3)
    assert (tmp_path / "1.rows").read_bytes() == bytes(range(6))
    with pytest.raises(FileNotFoundError):
        _files.write_at(str(tmp_path / "gone"), 1, 0, values, 3)


def test_nothing_makes_an_empty_file(tmp_path):
    _files.write_at(str(tmp_path), 1, 0, np.empty((3, 0), dtype=np.float32), 0)
    assert (tmp_path / "1.rows").read_bytes() == b""
