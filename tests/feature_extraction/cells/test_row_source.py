import os
import threading
import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn import config_context, get_config

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import _row_source
from mmsk.feature_extraction._cells._row_index import RowIndex
from mmsk.feature_extraction._cells._row_source import RowSource
from mmsk.store import FeatureStore, config_digest


class Computer:
    """Turn a word into its length; keep what was asked for."""

    def __init__(self):
        self.batches = []

    def __call__(self, contents):
        self.batches.append(contents)
        return [
            MediaError("CORRUPT", word)
            if word.startswith("bad")
            else np.array([len(word)], dtype=np.float32)
            for word in contents
        ]


def source(compute, store=None, n_batches=2, n_jobs=None, width=1):
    return RowSource(
        compute,
        width=width,
        config=config_digest("tests.length", 1, {}),
        store=store,
        batch_size=3,
        n_batches=n_batches,
        n_jobs=n_jobs,
    )


def items(words):
    return [(row, 0, word, word) for row, word in enumerate(words)]


def values(outcomes):
    return [
        each.value.code if isinstance(each.value, MediaError) else float(each.value[0])
        for each in outcomes
    ]


WORDS = ["a", "bb", "bad", "a", "ccc", "dddd", "bb", "a", "eeeee", "bad"]
VALUES = [1, 2, "CORRUPT", 1, 3, 4, 2, 1, 5, "CORRUPT"]


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("n_batches", [1, 2, 10])
def test_outcomes_come_in_order(n_jobs, n_batches):
    outcomes = list(
        source(Computer(), n_batches=n_batches, n_jobs=n_jobs).outcomes(items(WORDS))
    )
    assert values(outcomes) == VALUES
    assert [outcome.row for outcome in outcomes] == list(range(len(WORDS)))
    assert [outcome.cell for outcome in outcomes] == WORDS


def test_contents_are_cut_into_batches():
    compute = Computer()
    list(source(compute, n_batches=10).outcomes(items(list("abcdefgh"))))
    assert compute.batches == [list("abc"), list("def"), list("gh")]


def process_of(contents):
    return [np.array([os.getpid()], dtype=np.float32) for _ in contents]


def test_a_backend_of_the_users_choice_is_used():
    words = items(list("abcdef"))
    assert set(values(source(process_of, n_jobs=2).outcomes(words))) == {os.getpid()}
    with joblib.parallel_config(backend="loky"):
        elsewhere = values(source(process_of, n_jobs=2).outcomes(words))
    assert len(elsewhere) == 6
    assert os.getpid() not in elsewhere


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_configuration_reaches_every_thread(n_jobs):
    def compute(contents):
        told = get_config()["assume_finite"]
        return [np.array([told], dtype=np.float32) for _ in contents]

    with config_context(assume_finite=True):
        told = values(source(compute, n_jobs=n_jobs).outcomes(items(list("abcdef"))))
    assert told == [1] * 6
    assert values(source(compute, n_jobs=n_jobs).outcomes(items(["a"]))) == [0]


def test_an_error_in_a_thread_stops_the_others():
    begun, pause = [], threading.Event()

    def compute(contents):
        begun.append(contents)
        if len(begun) == 1:
            raise RuntimeError("broken")
        pause.wait(0.05)
        return [np.zeros(1, dtype=np.float32) for _ in contents]

    words = items([f"word{row}" for row in range(60)])
    with pytest.raises(RuntimeError, match="broken"):
        list(source(compute, n_batches=20, n_jobs=2).outcomes(words))
    assert len(begun) < 10


def test_no_jobs_are_refused():
    with pytest.raises(ValueError, match="n_jobs == 0"):
        list(source(Computer(), n_jobs=0).outcomes(items(["a"])))


def test_only_one_chunk_is_read_ahead():
    compute, read = Computer(), []

    def reading():
        for item in items([f"word{row}" for row in range(20)]):
            read.append(item)
            yield item

    outcomes = source(compute, n_batches=2).outcomes(reading())
    next(outcomes)
    assert len(read) == 6
    for _ in range(6):
        next(outcomes)
    assert len(read) == 12


def test_a_chunk_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(_row_source, "_CHUNK_BYTES", 10)
    compute = Computer()
    words = ["x" * 9, "yy", "z", "w" * 30, "v"]
    list(source(compute, n_batches=10).outcomes(items(words)))
    assert compute.batches == [["x" * 9, "yy"], ["z", "w" * 30], ["v"]]


def test_a_remembered_content_is_not_computed_again():
    compute, output = Computer(), []
    rows = source(compute, n_batches=1)
    for outcome in rows.outcomes(items(["a", "b", "c"])):
        rows.remember(outcome.key, outcome.value, len(output))
        output.append(outcome.value + len(output))
    list(rows.outcomes(items(["d", "e", "f"])))
    again = rows.outcomes(items(["c", "a", "g"]), output.__getitem__)
    assert values(again) == [3, 1, 1]
    assert compute.batches == [["a", "b", "c"], ["d", "e", "f"], ["g"]]


def test_rows_outside_the_output_are_copied_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(_row_source, "_SPARE_BYTES", 2 * (256 + 4))  # two rows
    compute = Computer()
    rows = source(compute, n_batches=1)
    for outcome in rows.outcomes(items(["a", "b", "c"])):
        rows.remember(outcome.key, outcome.value)
        outcome.value[:] = -1
    list(rows.outcomes(items(["d", "e", "f"])))
    assert values(rows.outcomes(items(["a", "b", "c"]))) == [1, 1, 1]
    assert compute.batches[-1] == ["c"]


def test_a_content_that_could_not_be_read_is_its_own_outcome():
    error = MediaError("NOT_FOUND", "no such file")
    chunk = [(0, 0, "a", "a"), (1, 0, "b.jpg", error), (2, 0, "a", "a")]
    compute = Computer()
    assert values(source(compute).outcomes(chunk)) == [1, "NOT_FOUND", 1]
    assert compute.batches == [["a"]]


def test_a_store_answers_in_another_source(tmp_path):
    store, compute = FeatureStore(tmp_path), Computer()
    first = values(source(compute, store).outcomes(items(WORDS)))
    assert store.info().written == 5
    again = Computer()
    assert values(source(again, store).outcomes(items(WORDS))) == first == VALUES
    assert store.info().written == 5
    # what failed is not stored: the file may be mended
    assert {word for batch in again.batches for word in batch} == {"bad"}


def test_a_stored_row_of_another_width_is_not_used(tmp_path):
    store = FeatureStore(tmp_path)
    list(source(Computer(), store).outcomes(items(["a"])))
    compute = Computer()
    list(source(compute, store, width=2).outcomes(items(["a"])))
    assert compute.batches == [["a"]]


def test_a_chunk_does_not_look_at_all_rows_that_are_known():
    class Watched(dict):
        def __iter__(self):
            pytest.fail("every chunk walks through all that is known")

        keys = __iter__

    rows = source(Computer(), n_batches=1)
    rows._copies = Watched()
    assert values(rows.outcomes(items(WORDS))) == VALUES


def test_what_is_remembered_of_a_content_is_24_bytes_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(_row_source, "RowIndex", lambda: RowIndex(8 * 1024))
    row = np.zeros(1, dtype=np.float32)

    def size_after(count):
        rows = source(lambda contents: [row for _ in contents])
        contents = ((number, 0, None, f"word{number}") for number in range(count))
        tracemalloc.start()
        for outcome in rows.outcomes(contents, lambda number: row):
            rows.remember(outcome.key, outcome.value, outcome.row)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size

    few, some, many = [size_after(k * 1024) for k in (2, 8, 24)]
    assert abs(some - few - 24 * 6 * 1024) < 10_000
    assert abs(many - some) < 10_000
