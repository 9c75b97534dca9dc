"""Several processes and one store: at once, forked, and killed."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmsk.store import FeatureStore, _database, _entries, _tables

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")

# every process puts its own keys and meets the others on the shared ones
SHARE = """
import sys
import numpy as np
from mmsk.store import FeatureStore

location, number = sys.argv[1], int(sys.argv[2])
store = FeatureStore(location)
print("ready", flush=True)
sys.stdin.readline()
own = [b"own %d %d" % (number, i) for i in range(60)]
shared = [b"shared %d" % i for i in range(60)]
for start in range(0, 60, 10):
    keys = own[start : start + 10] + shared[start : start + 10]
    found = store.get_many(keys)
    assert found[:10] == [None] * 10
    rows = [np.full(500, sum(key), dtype=np.float32) for key in keys]
    store.put_many(keys, rows)
    for row, got in zip(rows, store.get_many(keys), strict=True):
        assert np.array_equal(row, got)
"""


def test_processes_share_a_store_with_exact_counters(tmp_path, environment):
    # the file is made by whichever comes first
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SHARE, str(tmp_path / "store"), str(number)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        _, errors = worker.communicate(timeout=60)
        assert (worker.returncode, errors) == (0, "")
    info = FeatureStore(tmp_path / "store").info()
    assert (info.entries, info.written) == (3 * 60 + 60, 3 * 60 + 60)
    assert info.hits + info.misses == 3 * 2 * 120
    assert info.misses >= 3 * 60 + 60
    assert info.hits >= 3 * 120


def test_the_loser_of_a_race_to_make_the_file_uses_it(store, monkeypatch):
    layout = _tables._layout

    def lose(connection):
        monkeypatch.setattr(_tables, "_layout", layout)
        winner = _database.Database(store.location)
        assert winner.attempt(_tables.totals, None)[:6] == (0, 0, 0, 0, 0, 0)
        return 0

    monkeypatch.setattr(_tables, "_layout", lose)
    assert store.get_many([b"key"]) == [None]
    assert store.info().misses == 1


FORK = """
import os
import sys
import threading
import numpy as np
from mmsk.store import FeatureStore

store = FeatureStore(sys.argv[1])
row = np.arange(100, dtype=np.float32)
store.put_many([b"parent"], [row])
stop = threading.Event()


def work():
    i = 0
    while not stop.is_set():
        i += 1
        store.put_many([b"thread %d" % i], [row])
        assert np.array_equal(store.get_many([b"thread %d" % i])[0], row)


thread = threading.Thread(target=work)
thread.start()
for i in range(20):
    child = os.fork()
    if child == 0:
        ok = np.array_equal(store.get_many([b"parent"])[0], row)
        store.put_many([b"child %d" % i], [row])
        os._exit(0 if ok else 1)
    assert store.get_many([b"parent"])[0] is not None
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert store.get_many([b"child %d" % i])[0] is not None
stop.set()
thread.join()
"""


@needs_fork
def test_forked_children_use_the_store(tmp_path, run_python):
    run_python("-c", FORK, tmp_path)
    assert_sound(tmp_path)


def assert_sound(location):
    """Compare the totals with a count of the rows, and let SQLite check the file."""
    with sqlite3.connect(Path(location, "features.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        entries = _entries.load(connection)
        info = FeatureStore(location).info()
        assert len(entries.records) == info.entries
        assert entries.sizes().sum() == info.n_bytes
        assert len(np.unique(entries.records["id"])) == info.entries
        assert info.written >= info.entries
        known = {file for (file,) in connection.execute("SELECT id FROM files")}
    connection.close()
    places = np.sort(entries.places(), order=["file", "start"])
    ends = places["start"] + places["size"]
    same = places["file"][1:] == places["file"][:-1]
    assert (places["start"][1:] >= ends[:-1])[same].all()  # they do not overlap
    assert set(places["file"].tolist()) <= known
    for file, end in zip(places["file"].tolist(), ends.tolist(), strict=True):
        assert end <= Path(location, f"{file}.rows").stat().st_size
    assert known


# Writers, one of them killed every tenth of a second and replaced, for some seconds,
# and one reader. Each row says by itself whether it is whole: all of its values are
# equal to a number made from its key.
KILL = """
import json
import os
import random
import signal
import sys
import time
import numpy as np
from mmsk.store import FeatureStore


class NaiveStore:
    def __init__(self, location):
        self.location = location
        os.makedirs(location, exist_ok=True)

    def put_many(self, keys, rows):
        for key, row in zip(keys, rows):
            with open(f"{self.location}/{key.hex()}", "wb") as file:
                file.write(row.tobytes())

    def get_many(self, keys):
        rows = []
        for key in keys:
            try:
                with open(f"{self.location}/{key.hex()}", "rb") as file:
                    rows.append(np.frombuffer(file.read(), dtype=np.float32))
            except FileNotFoundError:
                rows.append(None)
        return rows


def batch(rng):
    numbers = [rng.randrange(N_KEYS) for _ in range(16)]
    return [b"%05d" % i for i in numbers], [
        np.full(WIDTH, i, dtype=np.float32) for i in numbers
    ]


def write(store, seed):
    rng = random.Random(seed)
    while True:
        store.put_many(*batch(rng))


def start(store, seed):
    child = os.fork()
    if child == 0:
        write(store, seed)
    return child


kind, location, max_size = sys.argv[1:4]
N_KEYS, WIDTH, N_WRITERS, SECONDS = map(int, sys.argv[4:])
if kind == "naive":
    store = NaiveStore(location)
else:
    store = FeatureStore(location, max_size=max_size)
writers = [start(store, seed) for seed in range(N_WRITERS)]
rng = random.Random(-1)
n_killed = n_good = n_bad = 0
end = time.monotonic() + SECONDS
try:
    # on a busy machine it takes longer until enough has happened
    while time.monotonic() < end or (
        (n_killed < 5 * SECONDS or n_good < 100) and time.monotonic() < end + 30
    ):
        next_kill = time.monotonic() + 0.1
        while time.monotonic() < next_kill:
            keys, rows = batch(rng)
            for row, got in zip(rows, store.get_many(keys)):
                if got is not None:
                    n_good += np.array_equal(row, got)
                    n_bad += not np.array_equal(row, got)
        victim = writers.pop(0)
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        n_killed += 1
        writers.append(start(store, 100 + n_killed))
finally:
    for writer in writers:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
print(json.dumps([n_killed, n_good, n_bad]))
"""


def kill_writers(
    kind,
    location,
    run_python,
    *,
    max_size="10GB",
    width=20_000,
    n_writers=8,
    seconds=8,
):
    """Return how many writers were killed, and how many rows were good and bad."""
    numbers = 3000, width, n_writers, seconds
    said = run_python("-c", KILL, kind, location, max_size, *numbers, timeout=120)
    return json.loads(said)


@needs_fork
@pytest.mark.slow
def test_killed_writers_leave_no_bad_rows(tmp_path, run_python):
    n_killed, n_good, n_bad = kill_writers("ours", tmp_path, run_python)
    assert n_killed >= 40
    assert n_good >= 100
    assert n_bad == 0
    assert_sound(tmp_path)
    info = FeatureStore(tmp_path).info()
    assert info.written == info.entries
    store = FeatureStore(tmp_path)
    store.put_many([b"after"], [np.ones(3, dtype=np.float32)])
    assert_array_equal(store.get_many([b"after"])[0], np.ones(3))


@needs_fork
@pytest.mark.slow
def test_killed_writers_of_a_full_store_leave_no_bad_rows(tmp_path, run_python):
    # each write makes room: entries are deleted and moved all the time
    sizes = {"max_size": "2MB", "width": 1000, "n_writers": 3, "seconds": 4}
    n_killed, n_good, n_bad = kill_writers("ours", tmp_path, run_python, **sizes)
    assert n_killed >= 20
    assert n_good >= 100
    assert n_bad == 0
    assert_sound(tmp_path)
    info = FeatureStore(tmp_path).info()
    assert info.written > info.entries  # room was made
    assert info.n_bytes <= 2_000_000


@needs_fork
@pytest.mark.slow
def test_killed_writers_do_leave_bad_files(tmp_path, run_python):
    *_, n_bad = kill_writers("naive", tmp_path, run_python)
    assert n_bad > 0


def test_an_open_store_does_not_complain_at_exit(tmp_path, run_python):
    code = (
        "import sys\n"
        "from mmsk.store import FeatureStore\n"
        "store = FeatureStore(sys.argv[1])\n"
        "store.get_many([b'key'])\n"
    )
    run_python("-X", "dev", "-W", "error", "-c", code, tmp_path)
