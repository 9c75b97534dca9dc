"""What a store does when its entries or its index are not as they should."""

import pickle
import random
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.exceptions import StoreWarning
from mmsk.store import (
    FeatureStore,
    StoreInfo,
    _files,
    _records,
)
from mmsk.store._records import RECORD

KEY = b"k" * 32
ROW = np.arange(8, dtype=np.float32)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


VALUE_SIZE = 4 * 8
SIZE = VALUE_SIZE + RECORD.itemsize

DAMAGES = {
    "truncated": lambda value: value[:-1],
    "truncated by a value": lambda value: value[:-4],
    "half": lambda value: value[: len(value) // 2],
    "emptied": lambda value: b"",
    "shifted": lambda value: b"\0" + value,
    "zeros": lambda value: bytes(len(value)),
    "ones": lambda value: b"\xff" * len(value),
    "pickle": lambda value: pickle.dumps(ROW),
    "pickle bomb": lambda value: pickle.dumps(Bomb()),
    "pickle bomb behind values": lambda value: value[:20] + pickle.dumps(Bomb()),
}


def flip(content, bit):
    return bytes(
        byte ^ (1 << bit % 8 if i == bit // 8 else 0) for i, byte in enumerate(content)
    )


def connect(store):
    return sqlite3.connect(Path(store.location, "features.sqlite3"))


def change_index(store, statement, *values):
    """Change the index behind the back of a store, which reads it again after that."""
    store._database.close()
    with connect(store) as connection:
        connection.execute(statement, values)
    connection.close()


def rows_file(store):
    (file,) = Path(store.location).glob("*.rows")
    return file


def assert_a_miss_that_can_be_put_again(store):
    assert store.get_many([KEY]) == [None]
    store.put_many([KEY], [ROW + 1])
    assert_array_equal(store.get_many([KEY])[0], ROW + 1)
    assert store.info() == StoreInfo(store.location, 1, SIZE, 1, 1, 2)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_value_is_a_miss_and_can_be_put_again(store, damage):
    store.put_many([KEY], [ROW])
    file = rows_file(store)
    value = file.read_bytes()
    assert value == ROW.tobytes()
    file.write_bytes(damage(value))
    assert_a_miss_that_can_be_put_again(store)


def test_each_flipped_bit_of_a_value_is_a_miss(store):
    store.put_many([KEY, b"o" * 32], [ROW, ROW + 1])
    file = rows_file(store)
    content = file.read_bytes()
    for bit in range(8 * VALUE_SIZE):
        file.write_bytes(flip(content, bit))
        found = store.get_many([KEY, b"o" * 32])
        assert found[0] is None
        assert_array_equal(found[1], ROW + 1)
    file.write_bytes(content)
    assert_array_equal(store.get_many([KEY])[0], ROW)


def test_each_flipped_bit_of_a_record_is_a_miss_or_changes_its_stamp(store):
    store.put_many([b"o" * 32, KEY], [ROW + 1, ROW])
    ((records,),) = connect(store).execute("SELECT records FROM batches")
    assert len(records) == 2 * RECORD.itemsize
    first, n_found = 8 * RECORD.itemsize, []
    for bit in range(first, 2 * first):
        change_index(store, "UPDATE batches SET records = ?", flip(records, bit))
        found = store.get_many([KEY, b"o" * 32])
        assert found[0] is None or np.array_equal(found[0], ROW)
        assert_array_equal(found[1], ROW + 1)
        if found[0] is not None:
            n_found.append(bit - first)
    assert n_found == list(range(16 * 8, 20 * 8))


@pytest.mark.parametrize(
    "change",
    [
        lambda blob: blob[:-1],
        lambda blob: blob[: RECORD.itemsize],
        lambda blob: b"",
        lambda blob: None,
        lambda blob: 7,
        lambda blob: "text",
        lambda blob: pickle.dumps(Bomb()),
        lambda blob: blob[RECORD.itemsize :] + b"\xff" * 1000,
    ],
)
def test_damaged_records_of_a_batch_never_give_a_wrong_row(store, make_rows, change):
    keys, rows = make_rows(3)
    store.put_many(keys, rows)
    ((records,),) = connect(store).execute("SELECT records FROM batches")
    statement = "UPDATE OR IGNORE batches SET records = ?"
    change_index(store, statement, change(records))
    for got, row in zip(store.get_many(keys), rows, strict=True):
        assert got is None or np.array_equal(got, row)
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)
    assert store.prune(1) >= 3
    assert store.get_many(keys) == [None] * 3


def test_an_entry_of_another_version_is_a_miss(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_records, "_FORMAT", 99)
        _records._seed.cache_clear()
        store.put_many([KEY], [ROW])
        assert_array_equal(store.get_many([KEY])[0], ROW)
        store.clear()
        store.put_many([KEY], [ROW])
    _records._seed.cache_clear()
    assert_a_miss_that_can_be_put_again(store)


def test_a_value_of_another_kind_or_size_is_a_miss(store):
    store.put_many([KEY, b"o" * 32], [ROW, ROW])
    assert store.get_arrays(KEY) is None
    for size in (16, 28, 31, 64):
        change_index(store, f"UPDATE batches SET size = {size}")
        assert store.get_many([KEY, b"o" * 32]) == [None, None]
    change_index(store, f"UPDATE batches SET size = {VALUE_SIZE}")
    assert_array_equal(store.get_many([KEY])[0], ROW)


@pytest.mark.parametrize("n_bytes", [0, 39, 40, 41, 4 * 40, 10 * 40 - 1])
def test_of_a_torn_batch_the_whole_rows_are_left(store, make_rows, n_bytes):
    keys, rows = make_rows(10)
    store.put_many(keys, rows)
    file = rows_file(store)
    content = file.read_bytes()
    # as after a power cut: the rest is there, but was never written
    file.write_bytes(content[:n_bytes] + bytes(len(content) - n_bytes))
    found = store.get_many(keys)
    n_whole = n_bytes // 40
    assert found[n_whole:] == [None] * (10 - n_whole)
    for got, row in zip(found[:n_whole], rows, strict=False):
        assert_array_equal(got, row)
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)
    assert store.info().entries == 10


def test_a_file_of_entries_that_is_gone_is_a_miss(store):
    store.put_many([KEY], [ROW])
    rows_file(store).unlink()
    assert_a_miss_that_can_be_put_again(store)


def test_a_short_file_loses_only_what_lay_behind(store, make_rows):
    keys, rows = make_rows(100)
    store.put_many(keys, rows)
    file = rows_file(store)
    file.write_bytes(file.read_bytes()[: 30 * 40 + 39])
    found = store.get_many(keys)
    assert_array_equal(np.stack(found[:30]), rows[:30])
    assert found[30:] == [None] * 70
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)


@pytest.mark.parametrize("column", ["file", "start", "size"])
@pytest.mark.parametrize(
    "value", ["'noon'", "x'ff'", "-1", "7", str(2**62), "CAST(x'ff' AS TEXT)"]
)
def test_a_damaged_index_is_a_miss_and_can_be_put_again(store, column, value):
    other = b"o" * 32
    store.put_many([other], [ROW + 5])
    store.put_many([KEY], [ROW])
    change_index(store, f"UPDATE batches SET {column} = {value} WHERE id = 2")
    found = store.get_many([KEY, other])
    assert found[0] is None
    assert_array_equal(found[1], ROW + 5)
    store.put_many([KEY], [ROW])
    assert_array_equal(np.stack(store.get_many([KEY, other])), [ROW, ROW + 5])


def test_an_entry_under_another_key_is_a_miss(store):
    other = b"o" * 32
    for key, row in ((KEY, ROW), (other, ROW + 1)):
        store.put_many([key], [row])
    change_index(store, f"UPDATE batches SET start = {VALUE_SIZE} - start")
    assert store.get_many([KEY, other]) == [None, None]


@pytest.mark.parametrize("table", ["batches", "files"])
def test_a_lost_half_of_an_entry_can_be_put_again(store, table):
    store.put_many([KEY], [ROW])
    change_index(store, f"DELETE FROM {table}")
    found = store.get_many([KEY])[0]
    assert found is None or np.array_equal(found, ROW)
    store.put_many([KEY, b"o" * 32], [ROW, ROW + 1])
    assert_array_equal(np.stack(store.get_many([KEY, b"o" * 32])), [ROW, ROW + 1])


def test_entries_moved_while_they_are_read_are_found(store, monkeypatch):
    keys = [bytes([i]) * 32 for i in range(10)]
    store.put_many(keys, [ROW + i for i in range(10)])
    read_blocks = _files.read_blocks

    def read_late(folder, places):
        monkeypatch.setattr(_files, "read_blocks", read_blocks)
        # everything but one entry goes, and that one into another file
        other = FeatureStore(store.location)
        other.get_many(keys[3:4])
        assert other.prune(SIZE) == 9
        return read_blocks(folder, places)

    monkeypatch.setattr(_files, "read_blocks", read_late)
    found = store.get_many(keys)
    assert_array_equal(found.pop(3), ROW + 3)
    assert found == [None] * 9


def test_a_file_that_nobody_knows_goes_when_room_is_made(store):
    store.put_many([KEY], [ROW])
    orphan = Path(store.location, "77.rows")
    orphan.write_bytes(b"the rest of a killed process")
    mine = Path(store.location, "notes.rows")
    mine.write_bytes(b"mine")
    assert store.prune() == 0
    assert not orphan.exists()
    assert mine.exists()
    assert_array_equal(store.get_many([KEY])[0], ROW)


def test_what_a_killed_put_left_behind_is_written_over(store):
    store.put_many([KEY], [ROW])
    with rows_file(store).open("ab") as file:
        file.write(b"x" * 30)
    store.put_many([b"o" * 32], [ROW + 1])
    assert_array_equal(np.stack(store.get_many([KEY, b"o" * 32])), [ROW, ROW + 1])
    assert rows_file(store).stat().st_size == 2 * VALUE_SIZE


def copy_with(whole, folder, name, content):
    """Copy a store, with another content for one of its files."""
    folder.mkdir()
    for file in whole.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / name).write_bytes(content)
    return FeatureStore(folder, max_size=3000)


def test_a_truncated_index_never_gives_a_wrong_value(tmp_path, make_rows):
    keys, rows = make_rows(300, width=100)
    whole = tmp_path / "whole"
    FeatureStore(whole).put_many(keys, rows)
    FeatureStore(whole)._database.close()
    content = (whole / "features.sqlite3").read_bytes()
    n_found = []
    for part in (0.2, 0.5, 0.9, 0.99):
        cut = content[: int(part * len(content))]
        store = copy_with(whole, tmp_path / str(part), "features.sqlite3", cut)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = store.get_many(keys)
        assert len(caught) <= 1
        assert all("malformed" in str(warning.message) for warning in caught)
        n_found.append(0)
        for got, row in zip(found, rows, strict=True):
            if got is not None:
                n_found[-1] += 1
                assert_array_equal(got, row)
    assert n_found[0] == 0


@pytest.mark.parametrize("name", ["features.sqlite3", "1.rows"])
def test_bytes_changed_anywhere_never_give_a_wrong_value(tmp_path, make_rows, name):
    keys, rows = make_rows(60, width=50)
    whole = tmp_path / "whole"
    FeatureStore(whole).put_many(keys[:50], rows[:50])
    FeatureStore(whole)._database.close()
    content = (whole / name).read_bytes()
    rng = random.Random(0)
    n_found = []
    for trial in range(100):
        damaged = bytearray(content)
        for _ in range(20):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        store = copy_with(whole, tmp_path / str(trial), name, damaged)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = store.get_many(keys)
            store.put_many(keys, rows)
            found += store.get_many(keys)
            store.info()
            store.prune(1000)
            store.clear()
        assert {warning.category for warning in caught} <= {StoreWarning}
        for got, row in zip(found, [*rows, *rows], strict=True):
            if got is not None:
                assert_array_equal(got, row)
        n_found.append(sum(row is not None for row in found))
    assert min(n_found) < 50
    assert max(n_found) > 30
