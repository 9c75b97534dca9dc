"""What a store does when its entries, its file or its disk are not as they should."""

import ast
import os
import pickle
import random
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.exceptions import StoreWarning
from mmsk.store import (
    FeatureStore,
    StoreInfo,
    _database,
    _files,
    _queries,
    _records,
    _tables,
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


def test_a_full_disk_stops_writing_but_not_reading(tmp_path, environment):
    pytest.importorskip("resource")
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")


# a user who may read and not write; root becomes another user for it
READ_ONLY = """
import os
import sys
import warnings
import numpy as np
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
def test_a_folder_that_may_only_be_read(state, environment):
    # that of pytest may be closed to other users
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        folder = Path(parent, "store")
        run = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(folder), state],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        folder.chmod(0o755)
    assert (run.returncode, run.stderr) == (0, "")
    found, warned = map(ast.literal_eval, run.stdout.splitlines())
    assert len(warned) == 1
    assert "cannot be " in warned[0]
    assert found[0] in (None, ROW.tolist())
    assert (found[0] is not None) or state == "closed"
    assert found[1] is None


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
