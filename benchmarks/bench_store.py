"""What the feature store costs, and what it saves.

    OMP_NUM_THREADS=1 python benchmarks/bench_store.py [--rows 8000] [--only PART]
        [--batches 256 1536]

``rows``: rows of 1280 float32 written and read, in CPU time of one thread, best of 5:
the store, a file a row, and joblib.Memory. The engines take turns, so that a machine
that is slow for a while is so for all, in another order each time: whoever comes first
pays 1 to 2 us a row more.

The store gets a matrix in calls of so many rows and all in one call, and, as "lists",
the rows of the largest of these calls one by one, as extractors put them: they have
just taken them from a matrix, and so has this. Extractors ask for 256 rows a call, and
put what fills 8 MiB, here 1536, unless it takes more than a quarter of a second to
compute, beside which a put is nothing. To make a store takes a millisecond or so, as
long as some 25 files do, and is counted; to read, one is opened that was closed.

A file a row comes three ways. ``np.save`` and ``np.load`` of KEY.npy is what people who
keep features in files write: what comes back is an array, and a file of something else
is an error. The target is held to it, for a matrix in calls of 8 MiB and in one; small
calls, and lists, which cost half a microsecond a row more, stand beside that. ``raw``
is the bare bytes: nothing tells how many rows they are of or whether they are whole.
``safe`` has a checksum, a temporary file and a rename, so that it keeps what the store
promises. No file is deleted before all are written: for up to five minutes after many
deletions, as those at the end of this, ext4 takes several times as long to make a file,
which is nothing to hold against anybody. Where "checksum and bytes alone" takes more
than 3 us a row to write, the machine had to ask its host for memory, and whatever
writes long pieces has waited for that: such a run says little.

What any store needs that checks what it gives comes last: the fastest checksum, of each
row, and the bytes through the page cache, in aligned pieces; no keys, no index and no
Python.

``hash``: the fastest cryptographic hash. ``hits``: what a hit costs beyond reading
and hashing a file. ``grid``: decodes a picture and seconds of a search of 3 folds x 8
candidates over a stack. ``branches``: fits and seconds of a TF-IDF branch in such a
search. Everything is generated.
"""

import argparse
import hashlib
import io
import os
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import Pipeline
from xxhash import xxh3_64_digest

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.store import FeatureStore, content_digest

REPEATS = 5
WIDTH = 1280
PIECE = 512 * 2**10  # bytes
LOT = 256  # rows
NPY = "a .npy file a row"
LEAST = "checksum and bytes alone"
LISTS, AT_ONCE = "FeatureStore, lists", "FeatureStore, one call"
TIMES_A_FILE = 10  # the targets
HIT_US = 60
SMALL = {"size": 32, "pixels_per_cell": 16, "cells_per_block": 1, "color_bins": 2}


def verdict(met):
    """Return the word for a target."""
    return "met" if met else "MISSED"


def best_us(works, parent):
    """Return CPU and wall microseconds of each of some works, best of several.

    A work is a name, a function of a folder, and how many things it does there.
    """
    times = {name: [] for name, *_ in works}
    rng = np.random.default_rng(0)
    for repeat in range(REPEATS):
        for place in rng.permutation(len(works)):
            name, work, count = works[place]
            folder = Path(parent, f"{name} {repeat}")
            folder.mkdir(exist_ok=True)
            os.sync()  # nobody pays for what others have left to be written
            cpu, wall = time.process_time(), time.perf_counter()
            work(str(folder))
            spent = time.process_time() - cpu, time.perf_counter() - wall
            times[name].append([1e6 * seconds / count for seconds in spent])
    return {name: np.min(each, axis=0) for name, each in times.items()}


def in_calls(keys, rows, batch, *, as_list=False):
    """Return a writer and a reader of the store, in calls of `batch` rows."""

    def put(folder):
        store = FeatureStore(folder)
        for start in range(0, len(keys), batch):
            some = rows[start : start + batch]
            store.put_many(keys[start : start + batch], list(some) if as_list else some)

    def get(folder):
        store = FeatureStore(folder)
        for start in range(0, len(keys), batch):
            store.get_many(keys[start : start + batch])

    return put, get


def engines(keys, rows, batches):
    """Return a writer and a reader of each engine."""
    names = [key.hex() for key in keys]
    stores = {
        f"FeatureStore, {batch} a call": in_calls(keys, rows, batch)
        for batch in batches
    }
    stores[LISTS] = in_calls(keys, rows, max(batches), as_list=True)

    def save(folder):
        for name, row in zip(names, rows, strict=True):
            np.save(f"{folder}/{name}.npy", row)

    def load(folder):
        for name in names:
            np.load(f"{folder}/{name}.npy")

    def write(folder):
        for name, row in zip(names, rows, strict=True):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(row.tobytes())

    def read(folder):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                np.frombuffer(file.read(), dtype=np.float32)

    def write_safely(folder):
        for name, row in zip(names, rows, strict=True):
            content = row.tobytes()
            with open(f"{folder}/{name}.new", "wb") as file:
                file.write(zlib.crc32(content).to_bytes(4, "little") + content)
            os.replace(f"{folder}/{name}.new", f"{folder}/{name}")

    def read_safely(folder):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                content = file.read()
            if zlib.crc32(content[4:]).to_bytes(4, "little") != content[:4]:
                raise OSError(name)
            np.frombuffer(content, dtype=np.float32, offset=4)

    return {
        **stores,
        AT_ONCE: in_calls(keys, rows, len(keys)),
        NPY: (save, load),
        "a raw file a row": (write, read),
        "a safe file a row": (write_safely, read_safely),
    }


def row_of(position, rows):
    """Return a row: what joblib.Memory caches."""
    return rows[position]


def joblib_memory(rows):
    """Return what writes and reads rows by joblib.Memory."""

    def remember(folder):
        cached = joblib.Memory(folder, verbose=0).cache(row_of, ignore=["rows"])
        for position in range(len(rows)):
            cached(position, rows)

    return remember, remember


def least(rows):
    """Return what writes and reads checksums and bytes alone."""
    batches = [rows[start : start + LOT] for start in range(0, len(rows), LOT)]
    content = memoryview(rows).cast("B")
    block = np.empty_like(batches[0])

    def check(part):
        for row in part:
            xxh3_64_digest(row)

    def write(folder):
        with open(f"{folder}/rows", "wb", buffering=0) as file:
            for part in batches:
                check(part)
            for start in range(0, len(content), PIECE):
                file.write(content[start : start + PIECE])

    def read(folder):
        with open(f"{folder}/rows", "rb", buffering=0) as file:
            for part in batches:
                file.readinto(block[: len(part)])
                check(block[: len(part)])

    return write, read


def bench_rows(count, batches):
    """Compare the engines."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, WIDTH)).astype(np.float32)
    keys = [rng.bytes(32) for _ in range(count)]
    some = max(1, count // 10)  # for the slow one
    works = [
        *((name, *both, count) for name, both in engines(keys, rows, batches).items()),
        ("joblib.Memory", *joblib_memory(rows[:some]), some),
        (LEAST, *least(rows), count),
    ]
    with tempfile.TemporaryDirectory() as parent:
        writes = best_us([(name, write, n) for name, write, _, n in works], parent)
        reads = best_us([(name, read, n) for name, _, read, n in works], parent)
    for name in writes:
        (write_cpu, write_wall), (read_cpu, read_wall) = writes[name], reads[name]
        print(
            f"{name:<24} write {1e6 / write_cpu:>7.0f} rows/s CPU, "
            f"{1e6 / write_wall:>7.0f} wall, {write_cpu:>6.2f} us CPU a row; "
            f"read {1e6 / read_cpu:>7.0f}, {1e6 / read_wall:>7.0f}, {read_cpu:>6.2f}"
        )
    ours = [name for name in writes if name.startswith("FeatureStore")]
    targeted = f"FeatureStore, {max(batches)} a call", AT_ONCE
    for name in [name for name in writes if name not in (*ours, LEAST)]:
        for mine in ours:
            line = f"{name} / {mine}, CPU:"
            for work, spent in {"write": writes, "read": reads}.items():
                ratio = spent[name][0] / spent[mine][0]
                line += f" {work} {ratio:.1f}"
                if name == NPY and mine in targeted:
                    met = verdict(ratio >= TIMES_A_FILE)
                    line += f" (target {TIMES_A_FILE}: {met})"
            print(line)


def bench_hash():
    """Compare the hashes."""
    content = os.urandom(100_000)
    found = {}
    for name in ("sha256", "blake2b", "blake2s", "sha1", "sha512", "sha3_256"):
        best = np.inf
        for _ in range(REPEATS):
            start = time.process_time()
            for _ in range(200):
                hashlib.new(name, content, usedforsecurity=False).digest()
            best = min(best, (time.process_time() - start) / 200)
        found[name] = 1e6 * best
    listed = ", ".join(f"{name} {us:.0f}" for name, us in found.items())
    print(f"us CPU for 100 kB: {listed}; the store takes sha256")


def write_pictures(folder, count):
    """Write small pictures of noise; return a table of their paths and labels."""
    rng = np.random.default_rng(0)
    paths, labels = [], rng.integers(2, size=count)
    for number, label in enumerate(labels):
        noise = rng.integers(0, 128 + 64 * label, (160, 160, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((256, 256))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        path = Path(folder, f"{number}.jpg")
        path.write_bytes(file.getvalue())
        paths.append(str(path))
    return pd.DataFrame({"photo": paths}), labels


def bench_hits(count):
    """Measure what a hit costs beyond reading and hashing the file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as memory,
    ):
        X, _ = write_pictures(folder, count)
        size = sum(os.path.getsize(path) for path in X["photo"]) / count
        # about as wide as an embedding
        wide = {"size": 96, "orientations": 12, "color_bins": 0}
        extractor = HOGExtractor(**wide, memory=memory).fit(X)
        width = extractor.transform(X[:2]).shape[1]
        hit = bare = np.inf
        for _ in range(REPEATS):
            start = time.process_time()
            extractor.transform(X)
            hit = min(hit, time.process_time() - start)
            start = time.process_time()
            for path in X["photo"]:
                content_digest(Path(path).read_bytes())
            bare = min(bare, time.process_time() - start)
    beyond = 1e6 * (hit - bare) / count
    print(
        f"a hit of {width} values, file of {size / 1000:.0f} kB: "
        f"{1e6 * hit / count:.0f} us CPU, reading and hashing "
        f"{1e6 * bare / count:.0f}, "
        f"beyond them {beyond:.0f} (target {HIT_US}: {verdict(beyond < HIT_US)})"
    )


class CountingHOG(HOGExtractor):
    """Counts what it decodes."""

    _store_id = "benchmarks.CountingHOG"
    n_decoded = 0

    def _decode(self, content):
        type(self).n_decoded += 1
        return super()._decode(content)


def grids(memory, pipeline_memory):
    """Return the search over a stack three ways: 8 candidates each."""
    hog = CountingHOG(**SMALL)
    values = np.geomspace(0.01, 10, 8).tolist()

    def piped(cache):
        members = [
            (
                "lr",
                Pipeline([("hog", hog), ("lr", LogisticRegression())], memory=cache),
            ),
            ("nb", Pipeline([("hog", hog), ("nb", GaussianNB())], memory=cache)),
        ]
        stack = StackingClassifier(members, LogisticRegression(), cv=3)
        return GridSearchCV(stack, {"lr__lr__C": values}, cv=3)

    members = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    stack = StackingClassifier(members, LogisticRegression(), cv=3)
    features = ModalityTransformer([("image", hog, ["photo"])], memory=memory)
    ours = GridSearchCV(
        MultimodalClassifier(features, stack), {"estimator__lr__C": values}, cv=3
    )
    return {
        "plain scikit-learn": piped(None),
        "Pipeline(memory=)": piped(pipeline_memory),
        "mmsk": ours,
    }


def bench_grid(count):
    """Count decodes of the search over a stack."""
    with tempfile.TemporaryDirectory() as folder:
        X, y = write_pictures(folder, count)
        places = [str(Path(folder, name)) for name in ("store", "joblib")]
        for name, search in grids(*places).items():
            CountingHOG.n_decoded = 0
            start = time.perf_counter()
            search.fit(X, y)
            seconds = time.perf_counter() - start
            each = CountingHOG.n_decoded / count
            line = f"3 x 8 grid over a stack, {name}: {each:.1f} decodes a picture, "
            line += f"{seconds:.1f} s for {count} pictures"
            if name == "mmsk":
                line += f" (target 1: {verdict(each == 1)})"
            print(line)


class CountingTfidf(TfidfExtractor):
    """Counts its fits."""

    _store_id = "benchmarks.CountingTfidf"
    n_fits = 0

    def _fit(self, X):
        type(self).n_fits += 1
        return super()._fit(X)


def bench_branches(count):
    """Count fits of a TF-IDF branch in a search of 3 folds x 8 candidates."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(20_000)])
    chosen = (rng.zipf(1.2, size=(count, 120)) - 1) % len(words)
    X = pd.DataFrame({"text": [" ".join(words[row]) for row in chosen]})
    y = chosen[:, 0] % 2
    for memory in (False, True):
        CountingTfidf.n_fits = 0
        with tempfile.TemporaryDirectory() as folder:
            features = ModalityTransformer(
                [("text", CountingTfidf(random_state=0), ["text"])],
                memory=folder if memory else None,
            )
            search = GridSearchCV(
                MultimodalClassifier(features, MultinomialNB()),
                {"estimator__alpha": np.geomspace(0.1, 10, 8).tolist()},
                cv=3,
            )
            start = time.perf_counter()
            search.fit(X, y)
        seconds = time.perf_counter() - start
        line = f"3 x 8 grid, TF-IDF of {count} texts, memory={memory}: "
        line += f"{CountingTfidf.n_fits} fits, {seconds:.1f} s"
        if memory:
            line += f" (target 4 fits: {verdict(CountingTfidf.n_fits == 4)})"
        print(line)


def main():
    """Run all."""
    parts = {
        "rows": lambda: bench_rows(arguments.rows, arguments.batches),
        "hash": bench_hash,
        "hits": lambda: bench_hits(400),
        "grid": lambda: bench_grid(60),
        "branches": lambda: bench_branches(2000),
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1536])
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    print(f"best of {REPEATS}, one thread, load {os.getloadavg()[0]:.1f}")
    for part in arguments.only:
        parts[part]()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
