import numpy as np
import pytest

from mmsk.feature_extraction._cells import _pending_rows
from mmsk.feature_extraction._cells._pending_rows import PendingRows
from mmsk.feature_extraction._cells._row_source import RowSource
from mmsk.store import FeatureStore, config_digest

CONFIG = config_digest("tests.pending", 1, {})


class Clock:
    """Tells the time that it is told."""

    now = 1000.0

    def monotonic(self):
        return self.now


class Log:
    """A store that keeps the calls."""

    def __init__(self):
        self.calls = []

    def put_many(self, keys, rows):
        self.calls.append(dict(zip(keys, rows, strict=True)))

    def sizes(self):
        return [len(call) for call in self.calls]


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_pending_rows, "time", clock)
    return clock


def some(count, start=0, width=1024):
    """Return keys and rows of `width` float32."""
    numbers = range(start, start + count)
    rows = [np.full(width, number, dtype=np.float32) for number in numbers]
    return [str(number).encode() for number in numbers], rows


def test_rows_wait_until_they_would_take_more_than_8_mib(clock):
    log = Log()
    pending = PendingRows()
    mebibyte = 256  # rows
    for start in range(0, 10 * mebibyte, mebibyte):
        pending.add(log, *some(mebibyte, start))
    assert log.sizes() == [8 * mebibyte]
    assert sorted(pending.rows) == sorted(some(512, 2048)[0])
    pending.put(log)
    pending.put(log)
    assert log.sizes() == [2048, 512]
    assert not pending.rows
    put = {key: row for call in log.calls for key, row in call.items()}
    assert list(put) == some(2560)[0]
    np.testing.assert_array_equal(list(put.values()), some(2560)[1])


def test_one_lot_of_more_is_put_at_once_and_with_no_other(clock):
    log = Log()
    pending = PendingRows()
    pending.add(log, *some(10))
    pending.add(log, *some(3000, 10))
    assert log.sizes() == [10, 3000]
    pending.add(log, *some(1, 3010))
    assert log.sizes() == [10, 3000]


def test_rows_do_not_wait_for_longer_than_a_quarter_of_a_second(clock):
    log = Log()
    pending = PendingRows()
    for _ in range(3):
        for start, now in enumerate([0.1, 0.2, 0.26]):
            clock.now += now - (0, 0.1, 0.2)[start]
            pending.add(log, *some(5, 5 * start))
    assert log.sizes() == [15] * 3
    clock.now += 0.3
    pending.add(log, *some(7))  # what took as long to compute is put at once
    assert log.sizes() == [15, 15, 15, 7]


def test_rows_wait_no_longer_where_no_others_come(clock):
    log = Log()
    pending = PendingRows()
    pending.add(log, *some(5))
    pending.add(log, [], [])
    assert log.sizes() == []
    clock.now += 0.3
    pending.add(log, [], [])
    pending.add(log, [], [])
    assert log.sizes() == [5]


def test_no_rows_are_no_call(clock):
    log = Log()
    pending = PendingRows()
    clock.now += 1
    pending.add(log, [], [])
    pending.put(log)
    assert log.calls == []


def test_rows_that_could_not_be_put_wait_on(clock):
    class Interrupted(Log):
        def put_many(self, keys, rows):
            super().put_many(keys, rows)
            if len(self.calls) == 1:
                raise KeyboardInterrupt

    log = Interrupted()
    pending = PendingRows()
    pending.add(log, *some(5))
    with pytest.raises(KeyboardInterrupt):
        pending.put(log)
    pending.put(log)
    assert log.sizes() == [5, 5]


def source(store, contents_seen, failing=()):
    def compute(contents):
        contents_seen.extend(contents)
        if set(contents) & set(failing):
            raise RuntimeError("broken")
        return [np.array([content], dtype=np.float32) for content in contents]

    return RowSource(
        lambda contents: compute([int(content) for content in contents]),
        width=1,
        config=CONFIG,
        store=store,
        batch_size=2,
        n_batches=1,
        n_jobs=None,
    )


def items(numbers):
    return [(row, 0, None, str(number)) for row, number in enumerate(numbers)]


def test_rows_that_wait_are_found(tmp_path, clock):
    seen = []
    store = FeatureStore(tmp_path)
    # nothing is remembered, and the last chunk is not the one that is asked for again
    found = source(store, seen).outcomes(items([1, 2, 3, 4, 5, 6, 1, 3, 2, 2]))
    assert [outcome.value.item() for outcome in found] == [1, 2, 3, 4, 5, 6, 1, 3, 2, 2]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert store.info().written == 6


def test_all_are_put_however_it_ends(tmp_path, clock):
    seen = []
    ended = FeatureStore(tmp_path / "ended")
    assert len(list(source(ended, seen).outcomes(items(range(5))))) == 5
    assert ended.info().written == 5
    closed = FeatureStore(tmp_path / "closed")
    outcomes = source(closed, seen).outcomes(items(range(10)))
    keys = [next(outcomes).key for _ in range(5)]
    assert closed.info().written == 0
    outcomes.close()
    assert closed.info().written == 6
    assert [row.item() for row in closed.get_many(keys)] == [0, 1, 2, 3, 4]
    failed = FeatureStore(tmp_path / "failed")
    with pytest.raises(RuntimeError, match="broken"):
        list(source(failed, seen, failing=[7]).outcomes(items(range(10))))
    assert failed.info().written == 6


def test_a_store_that_is_taken_away_gets_nothing(tmp_path, clock):
    store = FeatureStore(tmp_path)
    rows = source(store, [])
    rows.store = None
    assert len(list(rows.outcomes(items(range(5))))) == 5
    assert not FeatureStore.is_at(tmp_path)
