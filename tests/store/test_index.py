"""What a process remembers of the index, and what others do to it meanwhile."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.store import FeatureStore, StoreInfo, _database, _entries, _files, _index
from mmsk.store._entries import NewBatch
from mmsk.store._records import RECORD, identify

SIZE = 40 + RECORD.itemsize  # of an entry of ten values


def stranger(store, **params):
    """Return a store of the same folder with a connection and an index of its own."""
    other = FeatureStore(store.location, **params)
    other._database = _database.Database(store.location)
    other._database.may_create = True
    return other


def batches_of(store):
    """Return what the file of the index says: an array of records for each batch."""
    with sqlite3.connect(Path(store.location, "features.sqlite3")) as connection:
        batches, records, owners = _entries.load(connection)
    connection.close()
    return [records[owners == i] for i in range(len(batches))]


@pytest.mark.parametrize("n_recent", [0, 50, 10_000])
def test_each_number_is_found_where_it_was_put_last(monkeypatch, n_recent):
    monkeypatch.setattr(_index, "_N_RECENT", n_recent)
    rng = np.random.default_rng(0)
    index, places = _index.Index(), {}
    numbers = rng.integers(2**64, size=300, dtype=np.uint64)
    numbers[:2] = 0, 2**64 - 1
    for i in range(60):
        ids = rng.choice(numbers[:200], 9, replace=False)
        assert index.expect(ids) == any(int(id_) in places for id_ in ids)
        records = np.zeros(9, RECORD)
        records["id"], records["place"] = ids, range(9)
        index.add(NewBatch((i + 1, 7, 1000 * i, 10), records))
        places |= {int(id_): 1000 * i + 10 * k for k, id_ in enumerate(ids)}
        if i % 7 == 0:
            asked = rng.permutation(numbers)
            slots = index.find(asked)
            known = [int(id_) in places for id_ in asked]
            assert_array_equal(slots >= 0, known)
            found = index.places(slots[known])
            assert_array_equal(found["start"], [places[int(i)] for i in asked[known]])
            assert set(found["file"]) == {7}
    assert len(places) > 150


def test_numbers_that_were_expected_and_did_not_come():
    index = _index.Index()
    ids = np.arange(4, dtype=np.uint64)
    assert not index.expect(ids)
    assert index.expect(ids[1:2])  # it may be there
    assert_array_equal(index.find(ids), -1)
    records = np.zeros(4, RECORD)
    records["id"] = ids
    index.add(NewBatch((1, 7, 0, 10), records))
    assert_array_equal(index.find(ids), range(4))
    assert index.expect(ids[1:2])
    assert not index.expect(ids + np.uint64(4))


def test_keys_have_numbers_of_all_their_bits():
    key = bytes(range(32))
    number = int.from_bytes(key, "little")
    changed = [(number ^ 1 << bit).to_bytes(32, "little") for bit in range(256)]
    names = identify([key, *changed])
    assert names.ids[0] == int.from_bytes(key[:8], "little")
    assert len(np.unique(names.marks)) == 257
    assert_array_equal(names.ids[65:], names.ids[0])
    # nor do two changes cancel, such as those of the highest bits
    ends = [63, 127, 191, 255]
    pairs = [(1 << a) + (1 << b) for a in ends for b in ends if a < b]
    names = identify([(number ^ pair).to_bytes(32, "little") for pair in pairs])
    assert len(np.unique(names.marks)) == 6
    assert identify([key]).marks[0] not in names.marks
    # others are hashed, so that a short one is not a long one with zeros
    short = identify([b"", b"\0", bytes(31), bytes(32)])
    assert len(np.unique(short.marks)) == len(np.unique(short.ids)) == 4


def test_a_batch_may_go_in_parts(store, make_rows):
    keys, rows = make_rows(10)
    store.put_many(keys, rows)
    store.get_many([keys[7], keys[3]])
    assert store.prune(4 * SIZE) == 6
    # the first ones of those that were used last at the same time go first
    left = [3, 7, 8, 9]
    (records,) = batches_of(store)
    assert_array_equal(records["id"], identify([keys[i] for i in left]).ids)
    for reader in (store, stranger(store)):
        found = reader.get_many(keys)
        assert [i for i in range(10) if found[i] is not None] == left
        assert_array_equal(np.stack([found[i] for i in left]), rows[left])
    store.put_many(keys, rows + 1)
    rows[[0, 1, 2, 4, 5, 6]] += 1
    assert_array_equal(np.stack(stranger(store).get_many(keys)), rows)
    assert store.info() == StoreInfo(store.location, 10, 10 * SIZE, 20, 12, 16)


def test_eviction_of_parts_keeps_what_was_used(tmp_path, make_rows):
    keys, rows = make_rows(600)
    store = FeatureStore(tmp_path, max_size=400 * SIZE)
    for start in range(0, 400, 100):
        store.put_many(keys[start : start + 100], rows[start : start + 100])
    # two of three in each batch
    store.get_many([key for i, key in enumerate(keys[:400]) if i % 3])
    store.put_many(keys[400:440], rows[400:440])
    found = stranger(store).get_many(keys[:440])
    lost = [i for i, row in enumerate(found) if row is None]
    # as many and a sixteenth: those of the first batch that were not used, then of
    # the next one, of which the stamp was not old
    assert lost == [*range(0, 100, 3), *range(100, 131)]
    assert [row is not None for row in found].count(True) == store.info().entries
    assert store.info().n_bytes <= 400 * SIZE
    for got, row in zip(found, rows, strict=False):
        assert got is None or np.array_equal(got, row)


def test_a_process_learns_what_others_did(store, make_rows):
    keys, rows = make_rows(30)
    other = stranger(store)
    for start in (0, 10, 20):
        some = slice(start, start + 10)
        assert other.get_many(keys[some]) == [None] * 10
        store.put_many(keys[some], rows[some])
        assert_array_equal(np.stack(other.get_many(keys[some])), rows[some])
    assert store.prune(5 * SIZE) == 25
    assert other.get_many(keys[:25]) == [None] * 25
    assert_array_equal(np.stack(other.get_many(keys[25:])), rows[25:])
    other.put_many(keys, rows + 1)
    assert_array_equal(np.stack(store.get_many(keys[:25])), rows[:25] + 1)
    other.clear()
    assert store.get_many(keys) == [None] * 30
    store.put_many(keys[:3], rows[:3])
    assert_array_equal(np.stack(other.get_many(keys[:3])), rows[:3])


@pytest.mark.parametrize("work", [FeatureStore.clear, lambda store: store.prune(1)])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_store_may_be_emptied_while_it_is_read(
    store, make_rows, monkeypatch, work, is_late
):
    keys, rows = make_rows(10)
    store.put_many(keys[:5], rows[:5])
    store.put_many(keys[5:], list(rows[5:]))
    other, read_blocks = stranger(store), _files.read_blocks

    def read(folder, places):
        monkeypatch.setattr(_files, "read_blocks", read_blocks)
        found = read_blocks(folder, places if is_late else places[:7])
        work(other)
        return found

    monkeypatch.setattr(_files, "read_blocks", read)
    found = store.get_many(keys)
    n_found = 10 if is_late else 7
    assert_array_equal(np.stack(found[:n_found]), rows[:n_found])
    assert found[n_found:] == [None] * (10 - n_found)
    assert store.get_many(keys) == [None] * 10
    assert store.info().entries == 0


def test_two_writers_of_the_same_keys_keep_the_first(store, make_rows):
    keys, rows = make_rows(20)
    other = stranger(store)
    store.get_many(keys), other.get_many(keys)
    store.put_many(keys[:15], rows[:15])
    other.put_many(keys[5:], rows[5:] + 1)
    rows[15:] += 1
    for reader in (store, other):
        assert_array_equal(np.stack(reader.get_many(keys)), rows)
    assert store.info().written == store.info().entries == 20
    assert sorted(map(len, batches_of(store))) == [5, 15]


def test_a_row_put_again_after_damage_is_found_by_others(store, make_rows):
    keys, rows = make_rows(10)
    store.put_many(keys, rows)
    other = stranger(store)
    other.get_many(keys)
    (file,) = Path(store.location).glob("*.rows")
    content = bytearray(file.read_bytes())
    content[4 * 40] ^= 1
    file.write_bytes(content)
    store.put_many(keys, rows)
    for reader in (other, stranger(store)):
        assert_array_equal(np.stack(reader.get_many(keys)), rows)
    assert sorted(map(len, batches_of(store))) == [1, 9]
    assert store.info().entries == 10


@pytest.mark.parametrize("n_batches", [5, 6, 7])
def test_an_index_is_read_in_pieces(store, make_rows, monkeypatch, n_batches):
    monkeypatch.setattr(_entries, "_LOAD_COUNT", 3)
    keys, rows = make_rows(2 * n_batches)
    for start in range(0, 2 * n_batches, 2):
        store.put_many(keys[start : start + 2], rows[start : start + 2])
    assert_array_equal(np.stack(stranger(store).get_many(keys)), rows)
    assert store.prune(3 * SIZE) == 2 * n_batches - 3
    assert_array_equal(np.stack(stranger(store).get_many(keys[-3:])), rows[-3:])


def test_many_rows_are_cut_into_batches_and_joined_when_moved(tmp_path, make_rows):
    keys, rows = make_rows(1100)
    store = FeatureStore(tmp_path)
    store.put_many(keys[:1000], rows[:1000])
    assert list(map(len, batches_of(store))) == [512, 488]
    for i in range(1000, 1100):
        store.put_many(keys[i : i + 1], rows[i : i + 1])
    assert len(batches_of(store)) == 102
    store.get_many(keys[600:])
    assert store.prune(500 * SIZE) == 600
    assert list(map(len, batches_of(store))) == [500]
    found = stranger(store).get_many(keys)
    assert found[:600] == [None] * 600
    assert_array_equal(np.stack(found[600:]), rows[600:])


def test_rows_of_many_files_come_back_in_order(tmp_path, make_rows):
    keys, rows = make_rows(2000, width=500)
    store = FeatureStore(tmp_path, max_size="16MB")  # a file takes a megabyte
    for start in range(0, 2000, 250):
        some = slice(start, start + 250)
        store.put_many(keys[some], list(rows[some]))
    assert len(list(tmp_path.glob("*.rows"))) >= 3
    order = np.random.default_rng(0).permutation(2000)
    found = stranger(store).get_many([keys[i] for i in order])
    assert_array_equal(np.stack(found), rows[order])


@pytest.mark.parametrize("n_calls", range(6))
def test_an_index_that_was_interrupted_is_read_again(
    store, make_rows, monkeypatch, n_calls
):
    keys, rows = make_rows(30)
    store.put_many(keys[:10], rows[:10])
    stranger(store).put_many(keys[10:20], rows[10:20])
    put, left = _index._put, [n_calls]

    def interrupt(*args):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return put(*args)

    with monkeypatch.context() as patch:
        patch.setattr(_index, "_put", interrupt)
        with pytest.raises(KeyboardInterrupt):
            for _ in range(3):
                store.get_many(keys)
                store.put_many(keys[20:], rows[20:])
                store._database.index.reset()
    store.put_many(keys[20:], rows[20:])
    assert_array_equal(np.stack(store.get_many(keys)), rows)
    assert store.info().entries == 30
