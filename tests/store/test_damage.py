"""What a store does when its entries, its file or its disk are not as they should."""

import pickle
import random
import sqlite3
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.exceptions import StoreWarning
from mmsk.store import FeatureStore, StoreInfo, _database, _queries

KEY = b"k" * 32
ROW = np.arange(8, dtype=np.float32)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def flip(position):
    def damage(entry):
        return bytes(
            byte ^ (i == position % len(entry)) for i, byte in enumerate(entry)
        )

    return damage


DAMAGES = {
    "truncated": lambda entry: entry[:-1],
    "truncated by a value": lambda entry: entry[:-4],
    "half": lambda entry: entry[: len(entry) // 2],
    "header only": lambda entry: entry[:20],
    "emptied": lambda entry: b"",
    "longer": lambda entry: entry + b"\0\0\0\0",
    "flipped first": flip(0),
    "flipped length": flip(8),
    "flipped checksum": flip(17),
    "flipped value": flip(25),
    "flipped last": flip(-1),
    "zeros": lambda entry: bytes(len(entry)),
    "pickle": lambda entry: pickle.dumps(ROW),
    "pickle bomb": lambda entry: pickle.dumps(Bomb()),
    "pickle bomb behind the header": lambda entry: entry[:20] + pickle.dumps(Bomb()),
    "foreign version": lambda entry: entry[:4] + struct.pack("<H", 2) + entry[6:],
    "text": lambda entry: "mmsk",
    "text that is not UTF-8": lambda entry: "\ud800",
    "number": lambda entry: 5,
}


def connect(store):
    return sqlite3.connect(Path(store.location, "features.sqlite3"))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_a_miss_and_can_be_put_again(store, damage):
    store.put_many([KEY], [ROW])
    with connect(store) as connection:
        (entry,) = connection.execute("SELECT blob FROM blobs").fetchone()
        if isinstance(damaged := damage(entry), str):
            connection.execute(
                "UPDATE blobs SET blob = CAST(? AS TEXT)",
                [damaged.encode("utf-8", "surrogatepass")],
            )
        else:
            connection.execute("UPDATE blobs SET blob = ?", [damaged])
    connection.close()
    assert store.get_many([KEY]) == [None]
    store.put_many([KEY], [ROW + 1])
    assert_array_equal(store.get_many([KEY])[0], ROW + 1)
    assert store.info() == StoreInfo(store.location, 1, len(entry), 1, 1, 2)


def test_an_entry_under_another_key_is_a_miss(store):
    other = b"o" * 32
    store.put_many([KEY, other], [ROW, ROW + 1])
    with connect(store) as connection:
        connection.execute("UPDATE blobs SET id = -id")
        connection.execute("UPDATE blobs SET id = 3 + id")
    connection.close()
    assert store.get_many([KEY, other]) == [None, None]


@pytest.mark.parametrize("table", ["entries", "blobs"])
def test_a_lost_half_of_an_entry_is_a_miss_and_can_be_put_again(store, table):
    store.put_many([KEY], [ROW])
    with connect(store) as connection:
        connection.execute(f"DELETE FROM {table}")
    connection.close()
    assert store.get_many([KEY]) == [None]
    store.put_many([KEY], [ROW])
    assert_array_equal(store.get_many([KEY])[0], ROW)


def use_without_store(store):
    """Use every method; return the one warning that this gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            assert store.get_many([KEY, b"o" * 32]) == [None, None]
            store.put_many([KEY], [ROW])
            store.put_arrays(b"a" * 32, [ROW])
            assert store.get_arrays(b"a" * 32) is None
            assert store.info() == StoreInfo(store.location)
    (warning,) = caught
    assert warning.category is StoreWarning
    return str(warning.message)


def test_a_location_below_a_file_is_left_out(tmp_path):
    (tmp_path / "file").write_text("mine")
    store = FeatureStore(tmp_path / "file" / "store")
    message = use_without_store(store)
    assert "cannot be used" in message
    assert repr(store.location) in message
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_left_out(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert "unable to open database file" in use_without_store(store)


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"\xff" * 100])
def test_a_broken_file_is_left_out_and_left_alone(store, content):
    file = Path(store.location, "features.sqlite3")
    file.parent.mkdir()
    file.write_bytes(content)
    assert "not a database" in use_without_store(store)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_truncated_file_never_gives_a_wrong_value(tmp_path, make_rows):
    keys, rows = make_rows(300, width=100)
    whole = tmp_path / "whole"
    FeatureStore(whole).put_many(keys, rows)
    FeatureStore(whole)._database.close()
    content = (whole / "features.sqlite3").read_bytes()
    n_found = []
    for part in (0.2, 0.5, 0.9, 0.99):
        folder = tmp_path / str(part)
        folder.mkdir()
        file = folder / "features.sqlite3"
        file.write_bytes(content[: int(part * len(content))])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = FeatureStore(folder).get_many(keys)
        assert len(caught) <= 1
        assert all("malformed" in str(warning.message) for warning in caught)
        n_found.append(0)
        for got, row in zip(found, rows, strict=True):
            if got is not None:
                n_found[-1] += 1
                assert_array_equal(got, row)
    assert n_found[0] == 0
    assert max(n_found) < 300


def test_a_database_of_another_program_is_left_out(store):
    Path(store.location).mkdir()
    with connect(store) as connection:
        connection.execute("CREATE TABLE entries (mine TEXT)")
        connection.execute("INSERT INTO entries VALUES ('precious')")
    connection.close()
    assert "another program or version" in use_without_store(store)
    with connect(store) as connection:
        assert connection.execute("SELECT * FROM entries").fetchall() == [("precious",)]
    connection.close()


def test_a_store_of_a_later_layout_is_left_out(store):
    store.put_many([KEY], [ROW])
    store._database.close()
    with connect(store) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "another program or version" in use_without_store(store)


def test_damaged_counters_are_left_out_until_cleared(store):
    store.put_many([KEY], [ROW])
    with connect(store) as connection:
        connection.execute("UPDATE totals SET clock = 'noon'")
    connection.close()
    with pytest.warns(StoreWarning, match="counters are damaged"):
        assert store.get_many([KEY]) == [None]
    store.clear()
    store.put_many([KEY], [ROW])
    assert store.info() == StoreInfo(store.location, 1, 20 + 32, 0, 0, 1)


def test_a_store_that_someone_locks_can_still_be_read(store, monkeypatch):
    monkeypatch.setattr(_database, "_TIMEOUT_S", 0.1)
    store.put_many([KEY], [ROW])
    other = connect(store)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.warns(StoreWarning, match="cannot be written to: .*locked") as caught:
        assert_array_equal(store.get_many([KEY])[0], ROW)
        store.put_many([KEY], [ROW])
    assert len(caught) == 1
    other.close()


def test_the_file_is_in_write_ahead_log_mode(store):
    store.put_many([KEY], [ROW])
    connection = connect(store)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_full_disk_stops_writing_but_not_reading(tmp_path, make_rows, monkeypatch):
    keys, rows = make_rows(1000, width=1000)
    prepare = _queries.prepare

    def prepare_small(connection):
        prepare(connection)
        connection.execute("PRAGMA max_page_count = 125")

    monkeypatch.setattr(_queries, "prepare", prepare_small)
    store = FeatureStore(tmp_path)
    store.put_many(keys[:100], rows[:100])
    with pytest.warns(StoreWarning, match="cannot be written to: .*full") as caught:
        store.put_many(keys, rows)
    assert len(caught) == 1
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys[:100])), rows[:100])
    assert store.get_many(keys[100:]) == [None] * 900
    assert store.info() == StoreInfo(store.location, 100, 402_000, 0, 0, 100)
    # room was made, so that writing is tried again
    store.prune("4kB")
    store.put_many(keys[100:110], rows[100:110])
    assert_array_equal(np.stack(store.get_many(keys[100:110])), rows[100:110])


def test_a_file_deleted_in_between_is_made_again(store, make_rows):
    keys, rows = make_rows(4)
    store.put_many(keys, rows)
    for file in Path(store.location).iterdir():
        file.unlink()
    assert store.get_many(keys[:1]) == [None]
    store.put_many(keys[:2], rows[:2])
    other = FeatureStore(store.location)
    assert_array_equal(np.stack(other.get_many(keys[:2])), rows[:2])
    assert store.info() == StoreInfo(store.location, 2, 120, 2, 1, 2)


def test_an_interrupted_put_leaves_nothing_behind(store, make_rows, monkeypatch):
    keys, rows = make_rows(3)
    store.put_many(keys[:1], rows[:1])

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_queries, "_n_ticks", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.put_many(keys, rows)
    store.put_many(keys[1:2], rows[1:2])
    assert store.info() == StoreInfo(store.location, 2, 120, 0, 0, 2)


def test_bytes_changed_anywhere_in_the_file_never_give_a_wrong_value(
    tmp_path, make_rows
):
    keys, rows = make_rows(60, width=50)
    whole = tmp_path / "whole"
    FeatureStore(whole).put_many(keys[:50], rows[:50])
    FeatureStore(whole)._database.close()
    content = (whole / "features.sqlite3").read_bytes()
    rng = random.Random(0)
    n_found = []
    for trial in range(100):
        damaged = bytearray(content)
        for _ in range(20):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        folder = tmp_path / str(trial)
        folder.mkdir()
        (folder / "features.sqlite3").write_bytes(damaged)
        store = FeatureStore(folder, max_size=3000)
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
    assert min(n_found) == 0
    assert max(n_found) > 30
