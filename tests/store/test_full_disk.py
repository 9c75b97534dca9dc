"""What a store does on a full disk, and how room is made there."""

import errno
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.exceptions import StoreWarning
from mmsk.store import FeatureStore, StoreInfo, _files, _space, _tables

# a limit of the kernel to the size of a file stands for the end of the disk
FULL_DISK = """
import resource
import sys
import warnings
import numpy as np
from mmsk.store import FeatureStore, StoreInfo

rng = np.random.default_rng(0)
keys = [rng.bytes(32) for _ in range(1000)]
rows = rng.standard_normal((1000, 1000)).astype(np.float32)
store = FeatureStore(sys.argv[1])
store.put_many(keys[:100], rows[:100])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, unlimited[1]))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    store.put_many(keys, rows)
    store.put_many(keys, rows)
(warning,) = caught
assert "cannot be written to" in str(warning.message), warning
assert np.array_equal(store.get_many(keys[:100]), rows[:100])
assert store.get_many(keys[100:]) == [None] * 900
assert store.info() == StoreInfo(store.location, 100, 402_400, 0, 0, 100)
# room was made, so that writing is tried again
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
assert store.prune("41kB") == 90
store.put_many(keys[100:110], rows[100:110])
assert np.array_equal(store.get_many(keys[90:110]), rows[90:110])
"""


def test_a_full_disk_stops_writing_but_not_reading(tmp_path, run_python):
    pytest.importorskip("resource")
    run_python("-c", FULL_DISK, tmp_path)


def test_a_full_index_stops_writing_but_not_reading(tmp_path, make_rows, monkeypatch):
    keys, rows = make_rows(1000)
    prepare = _tables.prepare

    def prepare_small(connection):
        is_new = prepare(connection)
        connection.execute("PRAGMA max_page_count = 12")
        return is_new

    monkeypatch.setattr(_tables, "prepare", prepare_small)
    store = FeatureStore(tmp_path)
    store.put_many(keys[:100], rows[:100])
    with pytest.warns(StoreWarning, match="cannot be written to: .*full") as caught:
        store.put_many(keys, rows)
    assert len(caught) == 1
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys[:100])), rows[:100])
    assert store.get_many(keys[100:]) == [None] * 900
    assert store.info() == StoreInfo(store.location, 100, 6400, 0, 0, 100)


def full_disk(monkeypatch, *, n_writes=0):
    """Let the disk be full after some writes of entries, of which it takes a part."""
    write_at, left = _files.write_at, [n_writes]

    def write_some(folder, file, start, values, size):
        left[0] -= 1
        if left[0] >= 0:
            return write_at(folder, file, start, values, size)
        write_at(folder, file, start, values[:1], size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_files, "write_at", write_some)


def rows_files(store):
    return {
        file.name: file.stat().st_size for file in Path(store.location).glob("*.rows")
    }


@pytest.mark.parametrize("n_writes", [0, 1, 2])
def test_a_put_that_fills_the_disk_gives_back_what_it_took(
    tmp_path, make_rows, monkeypatch, n_writes
):
    keys, rows = make_rows(2000, width=300)
    store = FeatureStore(tmp_path, max_size="16MB")  # a file takes a megabyte
    store.put_many(keys[:100], rows[:100])
    before = rows_files(store)
    with monkeypatch.context() as patch:
        full_disk(patch, n_writes=n_writes)
        with pytest.warns(StoreWarning, match="cannot be written to: .*No space"):
            store.put_many(keys[100:], rows[100:])
    assert rows_files(store) == before
    assert_array_equal(np.stack(store.get_many(keys[:100])), rows[:100])
    assert store.get_many(keys[100:]) == [None] * 1900
    store.clear()  # writing is tried again
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)


def test_a_full_disk_can_be_cleared(store, make_rows, monkeypatch):
    keys, rows = make_rows(100)
    store.put_many(keys, rows)

    def refuse(connection):
        assert rows_files(store) == {}  # there is room now
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(_space, "empty", refuse)
        with pytest.warns(StoreWarning, match="cannot be written to: .*full"):
            store.clear()
    assert store.get_many(keys) == [None] * 100
    store.clear()
    assert store.info() == StoreInfo(store.location)
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)


def test_a_full_disk_can_be_pruned(tmp_path, make_rows, monkeypatch):
    keys, rows = make_rows(4000, width=300)
    store = FeatureStore(tmp_path, max_size="16MB")
    for start in range(0, 4000, 500):
        some = slice(start, start + 500)
        store.put_many(keys[some], rows[some])
    before = rows_files(store)
    assert len(before) > 3
    with monkeypatch.context() as patch:
        full_disk(patch)  # so that nothing can be moved
        with pytest.warns(StoreWarning, match="cannot be written to") as caught:
            assert store.prune("1500kB") > 2700
    assert len(caught) == 1
    assert len(rows_files(store)) < len(before)
    n_left = store.info().entries
    found = FeatureStore(tmp_path).get_many(keys)
    assert found[:-n_left] == [None] * (4000 - n_left)
    assert_array_equal(np.stack(found[-n_left:]), rows[-n_left:])
