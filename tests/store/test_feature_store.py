import copy
import hashlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone

from mmsk.store import FeatureStore, StoreInfo, _entries, as_store
from mmsk.store._records import RECORD, identify


def test_rows_come_back_as_they_were_put(store, make_rows):
    keys, rows = make_rows(700)
    rows[3, :4] = [np.nan, np.inf, -0.0, 1e-45]
    store.put_many(keys[:600], rows[:600])
    found = store.get_many(keys[::-1])
    assert found[:100] == [None] * 100
    assert_array_equal(
        np.stack(found[:99:-1]).view(np.int32), rows[:600].view(np.int32)
    )
    assert {(row.dtype, row.flags.writeable) for row in found[100:]} == {
        (np.dtype(np.float32), True)
    }


def test_rows_may_have_any_length_and_layout(store):
    rows = [
        np.zeros(0, dtype=np.float32),
        np.arange(12, dtype=np.float32)[::-3],
        np.arange(100_000, dtype=np.float32),
    ]
    store.put_many([b"a", b"", b"c" * 100], rows)
    for got, row in zip(store.get_many([b"a", b"", b"c" * 100]), rows, strict=True):
        assert_array_equal(got, row)


def test_rows_of_several_lengths_are_read_in_any_order(store):
    rng = np.random.default_rng(0)
    keys = [rng.bytes(32) for _ in range(600)]
    widths = rng.choice([3, 10, 50], 600)
    rows = [rng.standard_normal(width).astype(np.float32) for width in widths]
    for start in range(0, 600, 100):
        store.put_many(keys[start : start + 100], rows[start : start + 100])
    for _ in range(3):
        chosen = rng.choice(600, 400, replace=False)
        found = store.get_many([keys[i] for i in chosen])
        for i, row in zip(chosen, found, strict=True):
            assert_array_equal(row, rows[i])


@pytest.mark.parametrize("part", [None, 0, 7, 1000])
def test_a_system_may_write_pieces_one_by_one_or_not_all(
    store, make_rows, monkeypatch, part
):
    if part is None:
        monkeypatch.delattr(os, "writev", raising=False)
    else:

        def write_some(file, pieces):
            return os.write(file, b"".join(pieces)[:part])

        monkeypatch.setattr(os, "writev", write_some, raising=False)
    keys, rows = make_rows(700)
    store.put_many(keys, rows)
    assert_array_equal(np.stack(store.get_many(keys)), rows)
    (file,) = Path(store.location).glob("*.rows")
    assert file.stat().st_size == 700 * 40


def test_a_key_asked_twice_gives_two_arrays(store, make_rows):
    (key,), rows = make_rows(1)
    store.put_many([key], rows)
    one, two = store.get_many([key, key])
    one[:] = 0
    assert_array_equal(two, rows[0])
    assert store.info().hits == 2


def test_first_write_wins_and_is_counted_once(store, make_rows):
    keys, rows = make_rows(4)
    store.put_many([*keys[:3], keys[0]], [*rows[:3], rows[3]])
    store.put_many(keys, rows + 1)
    assert_array_equal(
        np.stack(store.get_many(keys)), np.vstack([rows[:3], rows[3:] + 1])
    )
    assert store.info() == StoreInfo(store.location, 4, 4 * SIZE, 4, 0, 4)


@pytest.mark.parametrize("is_known", [False, True])
def test_of_a_key_given_twice_the_first_row_is_put(store, make_rows, is_known):
    keys, rows = make_rows(4)
    if is_known:
        store.put_many(keys[1:2], rows[3:])
    store.put_many([*keys[:2], *keys[:2], keys[2]], rows[[0, 1, 2, 2, 3]])
    expected = rows[[0, 3 if is_known else 1, 3]]
    for row, its in zip(store.get_many(keys[:3]), expected, strict=True):
        assert_array_equal(row, its)
    assert store.info().entries == store.info().written == 3


@pytest.mark.parametrize("first", [0, 1, 2])
def test_of_a_key_given_twice_the_first_row_is_put_whatever_its_length(store, first):
    lengths = np.roll([3, 1, 2], first).tolist()
    keys = [bytes([i]) * 32 for i in range(3)]
    rows = [np.full(length, length, dtype=np.float32) for length in lengths]
    store.put_many([keys[0]] * 3, rows)
    store.put_many([*keys[1:], keys[2], keys[1]], [*rows[1:], rows[0], rows[2]])
    for key, row in zip(keys, rows, strict=True):
        assert_array_equal(store.get_many([key])[0], row)
    assert store.info().entries == 3


def test_counters_are_shared_by_all_stores_of_a_location(tmp_path, make_rows):
    keys, rows = make_rows(5)
    one, two = FeatureStore(tmp_path), FeatureStore(str(tmp_path), max_size="1GB")
    one.put_many(keys[:2], rows[:2])
    two.get_many(keys)
    expected = StoreInfo(str(tmp_path), 2, 128, 2, 3, 2)
    assert one.info() == two.info() == expected
    assert str(expected) == (
        f"Feature store {str(tmp_path)!r}: 2 entries, 128 B; 2 extracted, 2 hits, "
        f"3 misses"
    )


def test_wrong_rows_and_keys_are_refused(store):
    row = np.zeros(3, dtype=np.float32)
    with pytest.raises(ValueError, match="got 2 keys and 1 rows"):
        store.put_many([b"a", b"b"], [row])
    with pytest.raises(TypeError, match="float32 arrays, got float64"):
        store.put_many([b"a"], np.zeros((1, 3)))
    with pytest.raises(TypeError, match="float32 arrays, got list"):
        store.put_many([b"a"], [[0.0]])
    with pytest.raises(ValueError, match=r"got shape \(1, 3\)"):
        store.put_many([b"a"], [row[None]])
    with pytest.raises(TypeError, match="Keys are bytes, got 'a' of type str"):
        store.get_many(["a"])
    with pytest.raises(TypeError, match="of type int"):
        store.get_many(b"one key")


def test_nothing_is_made_before_the_first_use(tmp_path):
    store = FeatureStore(tmp_path / "a" / "b")
    store.get_many([])
    store.put_many([], [])
    store.clear()
    assert store.prune() == 0
    assert store.info() == StoreInfo(store.location)
    assert not (tmp_path / "a").exists()
    assert store.get_many([b"key"]) == [None]
    assert (tmp_path / "a" / "b").is_dir()


def test_location_is_made_absolute_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = FeatureStore("cache")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.location == str(tmp_path / "cache")
    store.get_many([b"key"])
    assert not os.listdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert FeatureStore("~/cache") == store


@pytest.mark.parametrize("location", [None, 5, b"cache"])
def test_location_of_another_type_is_refused(location):
    with pytest.raises(TypeError, match="location is the path of a directory"):
        FeatureStore(location)


@pytest.mark.parametrize("location", ["", "a\0b", "\ud800"])
def test_location_that_is_no_path_is_refused(location):
    with pytest.raises(ValueError, match="location is the path of a directory"):
        FeatureStore(location)


def test_bad_max_size_is_refused_at_construction(tmp_path):
    with pytest.raises(ValueError, match="got '10 parsecs'"):
        FeatureStore(tmp_path, max_size="10 parsecs")


def test_repr_equality_and_hash_go_by_location(tmp_path):
    store = FeatureStore(tmp_path / "a")
    assert repr(store) == (f"FeatureStore({str(tmp_path / 'a')!r}, max_size='10GB')")
    same, other = FeatureStore(tmp_path / "a", max_size=5), FeatureStore(tmp_path / "b")
    assert store == same
    assert store != other
    assert store != store.location
    assert {store, same, other} == {same, other}


def test_copies_are_the_store_itself(store):
    assert copy.copy(store) is store
    assert copy.deepcopy([store])[0] is store


class Extractor(BaseEstimator):
    def __init__(self, memory=None):
        self.memory = memory


def test_clone_keeps_the_store(store):
    assert clone(Extractor(store)).memory is store
    assert clone(Extractor([store])).memory[0] is store


def test_pickles_as_its_location(tmp_path, make_rows):
    keys, rows = make_rows(3)
    store = FeatureStore(tmp_path / "store", max_size="5MB")
    fresh = pickle.loads(pickle.dumps(store))
    assert list((tmp_path / "store").iterdir()) == []
    store.put_many(keys, rows)
    used = pickle.dumps(store)
    assert len(used) < 200 + len(store.location)
    again = pickle.loads(used)
    assert fresh == again == store
    assert again.max_size == "5MB"
    assert_array_equal(np.stack(again.get_many(keys)), rows)


def test_threads_share_a_store(store, make_rows):
    keys, rows = make_rows(400)
    errors = []

    def work(offset):
        try:
            for start in range(0, 400, 20):
                part = slice((start + offset) % 400, (start + offset) % 400 + 20)
                if store.get_many(keys[part])[0] is None:
                    store.put_many(keys[part], rows[part])
                assert_array_equal(np.stack(store.get_many(keys[part])), rows[part])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    info = store.info()
    assert (info.entries, info.written) == (400, 400)
    assert info.hits + info.misses == 2 * 4 * 400


def size_on_disk(store):
    return sum(file.stat().st_size for file in Path(store.location).iterdir())


def test_clear_empties_and_shrinks_the_files(store, make_rows):
    keys, rows = make_rows(500, width=1000)
    store.put_many(keys, rows)
    assert size_on_disk(store) > rows.nbytes
    store.clear()
    assert size_on_disk(store) < 100_000
    assert store.info() == StoreInfo(store.location)
    assert store.get_many(keys[:2]) == [None, None]


def who_is_left(store, keys):
    """Look without counting as a use."""
    left = _entries.load(store._database._open()).records["id"]
    return np.isin(identify(keys).ids, left).tolist()


SIZE = 40 + RECORD.itemsize  # of an entry of ten values


def test_prune_takes_the_least_recently_used_first(store, make_rows):
    keys, rows = make_rows(5)
    for key, row in zip(keys, rows, strict=True):
        store.put_many([key], [row])
    for i in (3, 0):
        store.get_many([keys[i]])
    assert store.prune() == 0
    assert store.prune(3 * SIZE) == 2
    assert who_is_left(store, keys) == [True, False, False, True, True]
    assert store.prune(f"{SIZE * 2}B") == 1
    assert who_is_left(store, keys) == [True, False, False, True, False]
    assert store.prune(2 * SIZE - 1) == 1
    assert who_is_left(store, keys) == [True, False, False, False, False]
    info = store.info()
    assert (info.entries, info.n_bytes, info.written) == (1, SIZE, 5)


def test_prune_gives_the_space_back(store, make_rows):
    keys, rows = make_rows(500, width=1000)
    store.put_many(keys, rows)
    store.prune("1MB")
    assert 1_000_000 < size_on_disk(store) < 1_200_000
    assert_array_equal(np.stack(store.get_many(keys[-200:])), rows[-200:])
    assert 990_000 < store.info().n_bytes <= 1_000_000


def test_put_over_max_size_prunes(tmp_path, make_rows):
    keys, rows = make_rows(5)
    store = FeatureStore(tmp_path, max_size=3 * SIZE)
    store.put_many(keys[:3], rows[:3])
    store.get_many(keys[:1])
    assert who_is_left(store, keys) == [True, True, True, False, False]
    store.put_many(keys[3:4], rows[3:4])
    assert who_is_left(store, keys) == [True, False, True, True, False]
    store.put_many(keys[4:], rows[4:])
    assert who_is_left(store, keys) == [True, False, False, True, True]
    assert store.info().n_bytes == 3 * SIZE


def test_a_full_store_makes_some_room_at_once(tmp_path, make_rows):
    keys, rows = make_rows(400)
    store = FeatureStore(tmp_path, max_size=320 * SIZE)
    store.put_many(keys[:320], rows[:320])
    store.put_many(keys[320:321], rows[320:321])
    assert store.info().entries == 300
    store.put_many(keys[321:341], rows[321:341])
    assert store.info().entries == 320
    assert who_is_left(store, keys[:341]) == [False] * 21 + [True] * 320


def test_eviction_keeps_the_files_below_twice_the_limit(tmp_path, make_rows):
    keys, rows = make_rows(3000, width=1000)
    store = FeatureStore(tmp_path, max_size="3MB")
    rng = np.random.default_rng(0)
    sizes = []
    for start in range(0, 3000, 50):
        store.put_many(keys[start : start + 50], rows[start : start + 50])
        used = rng.choice(start + 50, 50, replace=False)
        for i, row in zip(used, store.get_many([keys[i] for i in used]), strict=True):
            assert row is None or np.array_equal(row, rows[i])
        sizes.append(sum(file.stat().st_size for file in tmp_path.glob("*.rows")))
    assert store.info().n_bytes <= 3_000_000
    assert store.info().n_bytes == 4024 * sum(who_is_left(store, keys))
    assert max(sizes) < 2 * 3_000_000 + 2**20
    n_found = sum(row is not None for row in store.get_many(keys))
    assert n_found == store.info().entries > 600


def test_two_keys_of_one_number_are_not_taken_for_each_other(store):
    one, two = bytes(32), bytes(31) + b"!"
    row = np.ones(3, dtype=np.float32)
    store.put_many([one], [row])
    assert store.get_many([two]) == [None]
    store.put_many([two], [row + 1])
    assert_array_equal(store.get_many([two])[0], row + 1)
    assert store.get_many([one]) == [None]
    assert store.info().entries == 1


@pytest.mark.parametrize("is_read", [False, True])
def test_a_short_key_is_that_of_its_hash(store, make_rows, is_read):
    _, rows = make_rows(2)
    short = b"abc"
    keys = [short, hashlib.sha256(short).digest()]
    store.put_many(keys[:1], rows[:1])
    if is_read:
        store.get_many(keys)
    store.put_many(keys[1:], rows[1:])
    for row in store.get_many(keys):
        assert_array_equal(row, rows[0])
    assert store.info().entries == 1


def test_no_limit(tmp_path, make_rows):
    keys, rows = make_rows(50)
    store = FeatureStore(tmp_path, max_size=None)
    store.put_many(keys, rows)
    assert store.prune() == 0
    assert store.info().entries == 50


def stamps_of(store, keys):
    records = _entries.load(store._database._open()).records
    stamps = dict(zip(records["id"].tolist(), records["used"].tolist(), strict=True))
    return [stamps[id_] for id_ in identify(keys).ids.tolist()]


def test_a_large_store_does_not_stamp_what_was_read_lately(store, make_rows):
    keys, rows = make_rows(1280)
    store.put_many(keys, rows)

    def stamps():
        return stamps_of(store, keys[:2])

    before = stamps()
    for _ in range(9):
        store.get_many(keys[1:2])
    store.get_many(keys[:1])
    assert stamps()[1] == before[1]
    store.get_many(keys[:2])
    assert stamps()[0] > before[0]
    assert stamps()[1] > before[1]


def test_stamps_are_renewed_every_third_pass(store, make_rows):
    keys, rows = make_rows(1280)
    batches = [slice(start, start + 256) for start in range(0, 1280, 256)]
    for batch in batches:
        store.put_many(keys[batch], rows[batch])

    def stamps():
        return stamps_of(store, keys)

    before = stamps()
    assert before == np.repeat(range(1, 6), 256).tolist()
    for n_renewed in (0, 0, 1280):
        for batch in batches:
            store.get_many(keys[batch])
        assert np.sum(np.not_equal(stamps(), before)) == n_renewed


def test_as_store(tmp_path, store):
    assert as_store(None) is None
    assert as_store(store) is store
    for memory in (tmp_path, str(tmp_path)):
        made = as_store(memory)
        assert made == FeatureStore(tmp_path)
        assert made.max_size == "10GB"
    with pytest.raises(TypeError, match=r"memory is None, .*, got 5 of type int"):
        as_store(5)


def test_a_loaded_store_does_not_make_its_directory_again(tmp_path):
    pickled = pickle.dumps(FeatureStore(tmp_path / "gone"))
    (tmp_path / "gone").rmdir()
    code = (
        "import pickle, sys, warnings\n"
        "store = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    print(store.get_many([b'key']), [w.category.__name__ for w in caught])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, pickled.hex()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[None] ['StoreWarning']"
    assert not (tmp_path / "gone").exists()


def test_a_directory_is_told_from_a_store(tmp_path, make_rows):
    assert not FeatureStore.is_at(tmp_path)
    assert not FeatureStore.is_at(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
    FeatureStore(tmp_path / "store").put_many(*make_rows(1))
    assert FeatureStore.is_at(tmp_path / "store")
