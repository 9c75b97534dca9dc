"""Are neural heads as fast as the loops that people write by hand?

    OMP_NUM_THREADS=1 python benchmarks/bench_heads.py [--quick]

An MLP 512-128-10 on 5000 x 512 rows, ten members of 64 hidden units, and a sparse
20000 x 50000 matrix. Every line is a ratio of CPU seconds to a peer's of the same run,
the best of several fits that take turns; the peers have the same optimiser settings.
Rows, targets and weights are float32.
"""

import argparse
import multiprocessing
import os
import pickle
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from mmsk.neural_network import NeuralClassifier

N_CLASSES = 10
HIDDEN = 128
LR = 1e-3
DECAY = 1e-2


def dense_data(n_samples=5000, n_features=512):
    """Return rows of ten classes."""
    random = np.random.default_rng(0)
    y = random.integers(N_CLASSES, size=n_samples)
    centres = random.normal(size=(N_CLASSES, n_features)) * 0.1
    X = centres[y] + random.normal(size=(n_samples, n_features))
    return X.astype(np.float32), y


def sparse_data(n_samples=20_000, n_features=50_000, per_row=100):
    """Return a CSR matrix made from indices, and two classes."""
    random = np.random.default_rng(0)
    n_values = n_samples * per_row
    indices = random.integers(n_features, size=n_values, dtype=np.int32)
    values = random.random(n_values, dtype=np.float32)
    starts = np.arange(0, n_values + 1, per_row, dtype=np.int32)
    X = sp.csr_array((values, indices, starts), shape=(n_samples, n_features))
    X.sum_duplicates()
    return X, random.integers(2, size=n_samples)


class Net(nn.Sequential):
    """The perceptron that the peers train."""

    def __init__(self, in_size=512, hidden=HIDDEN, out_size=N_CLASSES):
        super().__init__(
            nn.Linear(in_size, hidden), nn.ReLU(), nn.Linear(hidden, out_size)
        )


def bare_loop(net, batch_of, n_rows, y, batch_size, epochs):
    """Train as one would by hand."""
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=LR, weight_decay=DECAY, fused=True
    )
    target = torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(n_rows).split(batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(batch_of(rows)), target[rows])
            loss.backward()
            optimizer.step()
    return net


def ours(hidden, batch_size, epochs, **options):
    """Return our head."""
    return NeuralClassifier(
        (hidden,),
        lr=LR,
        weight_decay=DECAY,
        batch_size=batch_size,
        max_epochs=epochs,
        **options,
    )


def skorch_net(hidden, batch_size, epochs):
    """Return skorch's net, its defaults but for the settings and the log."""
    return NeuralNetClassifier(
        Net,
        module__hidden=hidden,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=DECAY,
        optimizer__fused=True,
        lr=LR,
        batch_size=batch_size,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    )


def cpu_seconds(candidates, repetitions):
    """Return the best CPU seconds of each candidate; they take turns."""
    best = dict.fromkeys(candidates, np.inf)
    for _ in range(repetitions):
        for name, run in candidates.items():
            began = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - began)
    return best


def report(what, ours_, peer, target, faster):
    """Print a line and return whether the target is met."""
    ratio = peer / ours_ if faster else ours_ / peer
    met = ratio >= target if faster else ratio <= target
    words = "times faster" if faster else "times the time"
    sign = ">=" if faster else "<="
    verdict = "met" if met else "MISSED"
    print(
        f"{what:<52} {ours_:7.3f} s against {peer:7.3f} s: {ratio:5.2f} {words} "
        f"(target {sign} {target}: {verdict})"
    )
    return met


def dense_table(repetitions, epochs=10):
    """Compare single nets."""
    X, y = dense_data()
    data = torch.from_numpy(X)
    verdicts = []
    for batch_size, faster_than_skorch in ((128, 1.4), (512, 1.6)):
        candidates = {
            "ours": lambda b=batch_size: ours(HIDDEN, b, epochs).fit(X, y),
            "bare": lambda b=batch_size: bare_loop(
                Net(), data.__getitem__, len(X), y, b, epochs
            ),
            "skorch": lambda b=batch_size: skorch_net(HIDDEN, b, epochs).fit(X, y),
            "sklearn": lambda b=batch_size: MLPClassifier(
                (HIDDEN,), batch_size=b, max_iter=epochs, learning_rate_init=LR
            ).fit(X, y),
        }
        best = cpu_seconds(candidates, repetitions)
        title = f"MLP 512-128-10, batch {batch_size}: "
        verdicts += [
            report(title + "bare torch loop", best["ours"], best["bare"], 1.2, False),
            report(
                title + "skorch's default loop",
                best["ours"],
                best["skorch"],
                faster_than_skorch,
                True,
            ),
            report(title + "MLPClassifier", best["ours"], best["sklearn"], 1.1, False),
        ]
    return verdicts


def member_table(repetitions, epochs=10):
    """Compare ten nets in one pass with ten nets."""
    X, y = dense_data()

    def ten_fits():
        for seed in range(10):
            ours(64, 128, epochs, random_state=seed).fit(X, y)

    def bagged():
        BaggingClassifier(skorch_net(64, 128, epochs), n_estimators=10).fit(X, y)

    candidates = {
        "ours": lambda: ours(64, 128, epochs, n_members=10).fit(X, y),
        "ten": ten_fits,
        "bagged": bagged,
    }
    best = cpu_seconds(candidates, repetitions)
    return [
        report(
            "n_members=10, 64 units: ten own fits", best["ours"], best["ten"], 2, True
        ),
        report(
            "n_members=10, 64 units: Bagging of ten skorch nets",
            best["ours"],
            best["bagged"],
            4,
            True,
        ),
    ]


def dense_by_batch(X, y, batch_size, epochs):
    """Train by hand on batches that are made dense."""

    def batch_of(rows):
        return torch.from_numpy(X[rows.numpy()].toarray())

    net = Net(X.shape[1], 64, 2)
    return bare_loop(net, batch_of, X.shape[0], y, batch_size, epochs)


def sparse_table(repetitions, epochs=2):
    """Compare a first layer that takes CSR batches with dense batches."""
    X, y = sparse_data()
    candidates = {
        "ours": lambda: ours(64, 512, epochs).fit(X, y),
        "dense": lambda: dense_by_batch(X, y, 512, epochs),
    }
    best = cpu_seconds(candidates, repetitions)
    return [
        report(
            "sparse 20k x 50k, batch 512: dense by batch",
            best["ours"],
            best["dense"],
            2.5,
            True,
        )
    ]


def memory(key):
    """Return a number of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def peak_of(name, queue):
    """Send how far the memory rises above what it is when the data exist, in MB."""
    torch.set_num_threads(1)
    X, y = sparse_data()
    # what torch takes once, whatever is trained
    ours(4, 64, 1).fit(sp.csr_array(X[:64, :50]), y[:64])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    if name == "ours":
        ours(64, 512, 1).fit(X, y)
    else:
        dense_by_batch(X, y, 512, 1)
    data = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    queue.put((memory("VmHWM") - before, data / 2**20))


def memory_table():
    """Print peaks of memory, each of a process of its own."""
    if not Path("/proc/self/clear_refs").exists():
        print("no peak of memory: this needs Linux")
        return
    context = multiprocessing.get_context("spawn")
    for name in ("ours", "dense by batch"):
        queue = context.Queue()
        process = context.Process(target=peak_of, args=(name, queue))
        process.start()
        peak, data = queue.get()
        process.join()
        print(
            f"sparse 20k x 50k, {name}: peak {peak:.0f} MB above what there was when "
            f"the data ({data:.0f} MB) existed; weights, gradient and moments are "
            f"{4 * 50_000 * 64 * 4 / 2**20:.0f} MB"
        )


def pickle_table():
    """Compare a pickle with its weights."""
    X, y = dense_data()
    clf = ours(HIDDEN, 128, 5).fit(X, y)
    weights = sum(value.nbytes for value in clf.state_.values())
    size = len(pickle.dumps(clf))
    met = size <= 1.2 * weights
    print(
        f"pickle of MLP 512-128-10: {size / weights:.3f} times its weights "
        f"(target <= 1.2: {'met' if met else 'MISSED'})"
    )
    return [met]


def main():
    """Run and print all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    began = time.perf_counter()
    verdicts = dense_table(2 if quick else 7)
    verdicts += member_table(1 if quick else 3)
    verdicts += sparse_table(1 if quick else 3)
    memory_table()
    verdicts += pickle_table()
    print(
        f"{sum(verdicts)} of {len(verdicts)} targets met; best of "
        f"{'2, 1 and 1' if quick else '7, 3 and 3'} repetitions, 1 thread, "
        f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
