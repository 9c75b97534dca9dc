"""What a store does that is of another version, or that cannot be used or written."""

import ast
import os
import sqlite3
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.exceptions import StoreWarning
from mmsk.store import FeatureStore, StoreInfo, _database, _queries, _tables
from mmsk.store._records import RECORD

KEY = b"k" * 32
ROW = np.arange(8, dtype=np.float32)
SIZE = 4 * 8 + RECORD.itemsize


def connect(store):
    return sqlite3.connect(Path(store.location, "features.sqlite3"))


def test_a_store_of_the_second_layout_is_emptied(store):
    Path(store.location).mkdir()
    with connect(store) as connection:
        connection.executescript(SECOND_LAYOUT)
    connection.close()
    Path(store.location, "1.rows").write_bytes(bytes(5000))
    assert store.get_many([KEY]) == [None]
    assert not list(Path(store.location).glob("*.rows"))
    store.put_many([KEY], [ROW])
    assert_array_equal(store.get_many([KEY])[0], ROW)
    assert store.info() == StoreInfo(store.location, 1, SIZE, 1, 1, 1)


SECOND_LAYOUT = """
    PRAGMA page_size = 2048;
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    CREATE TABLE entries (id INTEGER PRIMARY KEY, file INTEGER NOT NULL,
        start INTEGER NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL);
    CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL);
    CREATE TABLE totals (entries, n_bytes, hits, misses, written, clock);
    INSERT INTO totals VALUES (1, 5000, 7, 1, 1, 3);
    INSERT INTO files VALUES (1, 5000);
    INSERT INTO entries VALUES (7740398493674204011, 1, 0, 5000, 1);
    PRAGMA application_id = 1835889515;
    PRAGMA user_version = 2;
"""


def test_a_store_of_the_first_layout_is_emptied(store):
    Path(store.location).mkdir()
    with connect(store) as connection:
        connection.executescript(FIRST_LAYOUT)
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?, 5000, 0)",
            [(i, bytes([i]) * 32) for i in range(100)],
        )
        connection.execute("INSERT INTO blobs SELECT id, zeroblob(5000) FROM entries")
    connection.close()
    file = Path(store.location, "features.sqlite3")
    assert file.stat().st_size > 500_000
    assert store.get_many([bytes([1]) * 32]) == [None]
    assert file.stat().st_size < 300_000
    store.put_many([KEY], [ROW])
    assert_array_equal(store.get_many([KEY])[0], ROW)
    assert store.info() == StoreInfo(store.location, 1, SIZE, 1, 1, 1)


FIRST_LAYOUT = """
    PRAGMA page_size = 16384;
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
        size INTEGER NOT NULL, used INTEGER NOT NULL);
    CREATE TABLE blobs (id INTEGER PRIMARY KEY, blob BLOB NOT NULL);
    CREATE TABLE totals (entries, n_bytes, hits, misses, written, clock);
    INSERT INTO totals VALUES (100, 500000, 7, 100, 100, 3);
    PRAGMA application_id = 1835889515;
    PRAGMA user_version = 1;
"""


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
    assert store.info() == StoreInfo(store.location, 1, SIZE, 0, 0, 1)


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


# a user who may read and not write; root becomes another user for it
READ_ONLY = """
import os
import sys
import warnings
import numpy as np
import numpy.ma  # by np.unique, when the other user may not read it where it lies
from mmsk.store import FeatureStore

folder, is_open = sys.argv[1], sys.argv[2] == "open"
row = np.arange(8, dtype=np.float32)
store = FeatureStore(folder)
store.put_many([b"key"], [row])
if not is_open:
    store._database.close()
for name in os.listdir(folder):
    os.chmod(os.path.join(folder, name), 0o444)
os.chmod(folder, 0o555)
if os.geteuid() == 0:
    os.seteuid(65534)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        found = FeatureStore(folder).get_many([b"key", b"other"])
        store.put_many([b"other"], [row])
print([None if each is None else each.tolist() for each in found])
print([str(each.message) for each in caught])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX only")
@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_folder_that_may_only_be_read(state, run_python):
    # that of pytest may be closed to other users
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        folder = Path(parent, "store")
        said = run_python("-c", READ_ONLY, folder, state)
        folder.chmod(0o755)
    found, warned = map(ast.literal_eval, said.splitlines())
    assert len(warned) == 1
    assert "cannot be " in warned[0]
    assert found[0] in (None, ROW.tolist())
    assert (found[0] is not None) or state == "closed"
    assert found[1] is None


def test_a_file_deleted_in_between_is_made_again(store, make_rows):
    keys, rows = make_rows(4)
    store.put_many(keys, rows)
    for file in Path(store.location).iterdir():
        file.unlink()
    assert store.get_many(keys[:1]) == [None]
    store.put_many(keys[:2], rows[:2])
    other = FeatureStore(store.location)
    assert_array_equal(np.stack(other.get_many(keys[:2])), rows[:2])
    assert store.info() == StoreInfo(store.location, 2, 128, 2, 1, 2)


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
    assert store.info() == StoreInfo(store.location, 2, 128, 0, 0, 2)


class Interrupted:
    """A connection whose user loses patience just as the lock comes."""

    def __init__(self, connection):
        self.connection = connection

    @property
    def in_transaction(self):
        return self.connection.in_transaction

    def execute(self, statement):
        self.connection.execute(statement)
        if statement.startswith("BEGIN"):
            raise KeyboardInterrupt


def test_an_interrupted_wait_for_the_lock_does_not_keep_it(store):
    store.put_many([KEY], [ROW])
    connection = store._database._open()
    waiting = _tables.transaction(Interrupted(connection))
    with pytest.raises(KeyboardInterrupt), waiting:
        pytest.fail("it was interrupted")
    assert not connection.in_transaction
    store.put_many([b"o" * 32], [ROW + 1])
    assert_array_equal(np.stack(store.get_many([KEY, b"o" * 32])), [ROW, ROW + 1])
