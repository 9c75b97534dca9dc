import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from mmsk.store import FeatureStore, _arrays


def test_arrays_come_back_as_they_were_put(store):
    matrix = scipy.sparse.random_array((50, 30), density=0.1, rng=0, format="csr")
    arrays = [
        matrix.indptr,
        matrix.indices.astype(np.int64),
        matrix.data.astype(np.float32),
        np.zeros((0, 4), dtype=np.float32),
        np.array(3.5),
        np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
        np.array([True, False]),
        np.arange(20)[::-2],
        np.array([1j]),
    ]
    store.put_arrays(b"key", arrays)
    found = store.get_arrays(b"key")
    assert len(found) == len(arrays)
    for got, array in zip(found, arrays, strict=True):
        assert_array_equal(got, array, strict=True)
        assert got.flags.writeable
    assert store.get_arrays(b"other") is None


def test_no_arrays_are_not_a_miss(store):
    store.put_arrays(b"key", [])
    assert store.get_arrays(b"key") == []


def test_arrays_are_not_counted_as_extractions(store):
    store.put_arrays(b"key", [np.arange(10)])
    store.get_arrays(b"key")
    info = store.info()
    assert (info.entries, info.hits, info.misses, info.written) == (2, 0, 0, 0)


def test_arrays_larger_than_the_store_drive_nothing_out(tmp_path):
    store = FeatureStore(tmp_path, max_size=1000)
    row = np.ones(20, dtype=np.float32)
    store.put_many([b"row"], [row])
    store.put_arrays(b"small", [np.arange(50)])
    store.put_arrays(b"large", [np.arange(500)])
    assert store.get_arrays(b"large") is None
    assert_array_equal(store.get_many([b"row"])[0], row)
    assert_array_equal(store.get_arrays(b"small")[0], np.arange(50))


def test_arrays_as_large_as_the_store_drive_out_the_others_alone(tmp_path):
    store = FeatureStore(tmp_path, max_size=20_000)
    keys = [b"row %d" % i for i in range(20)]
    store.put_many(keys, np.ones((20, 20), dtype=np.float32))
    arrays = [np.full(1200, i, dtype=np.uint8) for i in range(15)]
    store.put_arrays(b"arrays", arrays)
    assert 20_000 - 20_000 // 16 < store.info().n_bytes <= 20_000
    for found, array in zip(store.get_arrays(b"arrays"), arrays, strict=True):
        assert_array_equal(found, array)


def test_rows_and_arrays_are_not_taken_for_each_other(store):
    row = np.zeros(3, dtype=np.float32)
    store.put_many([b"row"], [row])
    store.put_arrays(b"arrays", [row])
    assert store.get_arrays(b"row") is None
    assert store.get_many([b"arrays"]) == [None]


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(_arrays, "_PART_SIZE", 100)


@pytest.mark.usefixtures("small_parts")
def test_long_arrays_are_cut_into_parts(store):
    array = np.arange(333, dtype=np.float64)
    store.put_arrays(b"key", [array, array[:7]])
    assert store.info().entries == 1 + 27 + 1
    found = store.get_arrays(b"key")
    assert_array_equal(found[0], array)
    assert_array_equal(found[1], array[:7])


@pytest.mark.usefixtures("small_parts")
def test_a_lost_or_damaged_part_is_a_miss_until_put_again(store):
    first, second = np.arange(50.0), np.arange(50.0) + 1e-12
    parts = "SELECT max(id) FROM batches WHERE size = 100"
    for change in (
        f"DELETE FROM batches WHERE id = ({parts})",
        f"UPDATE batches SET size = 0 WHERE id = ({parts})",
        f"UPDATE batches SET start = start + 4 WHERE id = ({parts})",
        f"UPDATE batches SET start = start + size WHERE id = ({parts})",
        f"UPDATE batches SET file = 99 WHERE id = ({parts})",
    ):
        store.clear()
        store.put_arrays(b"key", [first])
        store._database._open().execute(change)
        store._database.close()
        assert store.get_arrays(b"key") is None
        # another machine may give other last bits, and so other parts
        store.put_arrays(b"key", [second])
        assert_array_equal(store.get_arrays(b"key")[0], second)


def test_what_is_not_a_number_is_refused(store):
    for array in (np.array([None]), np.array(["a"]), np.array([b"a"])):
        with pytest.raises(TypeError, match="got an array of dtype"):
            store.put_arrays(b"key", [array])
