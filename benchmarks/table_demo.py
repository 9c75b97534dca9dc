"""The demo over ten splits of the authors: does fusing pay?

For each seed 0 to 9 a quarter of the authors is held out and the demo's search runs on
the rest. Of the single modalities, and of everything that uses several, the candidate
with the best macro-F1 over the search's own folds is refitted and scored once on the
held-out authors.

    OMP_NUM_THREADS=1 python benchmarks/table_demo.py [--seeds 10] [--jobs 2]

Prints a line a seed and the mean paired difference with its standard error. The target:
the mean difference of macro-F1 and of accuracy is not below 0.
"""

import argparse
import os
import tempfile
import time
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score

from mmsk.cli._demo import run_demo
from mmsk.cli._tables import clipart
from mmsk.exceptions import GroupsWarning

SCORES = ("accuracy", "macro-F1")


def held_out_scores(estimator, table, train, test):
    """Refit on the training authors, score on the others."""
    fitted = clone(estimator).fit(table.X.iloc[train], table.y.iloc[train])
    predicted = fitted.predict(table.X.iloc[test])
    y = table.y.iloc[test]
    f1 = f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0)
    return np.array([accuracy_score(y, predicted), f1])


def estimator_of(result, name):
    """Return a candidate behind the demo's features, not fitted."""
    (candidate,) = (each for each in result.candidates if each.name == name)
    return clone(result.search.estimator).set_params(estimator=candidate.estimator)


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    began = time.perf_counter()
    warnings.simplefilter("ignore", GroupsWarning)
    table = clipart()
    differences, singles, fuseds = [], [], []
    with tempfile.TemporaryDirectory() as memory:
        for seed in range(arguments.seeds):
            groups = table.X[table.groups]
            train, test = table.task.split(table.X, table.y, groups, seed)
            result = run_demo(
                n_jobs=arguments.jobs, memory=memory, seed=seed, verbose=False
            )
            best = {
                kind: next(
                    entry.name
                    for entry in result.board  # the best first
                    if (entry.family == "single") == (kind == "single")
                )
                for kind in ("single", "fused")
            }
            single, fused = (
                held_out_scores(estimator_of(result, best[kind]), table, train, test)
                for kind in ("single", "fused")
            )
            singles.append(single)
            fuseds.append(fused)
            differences.append(fused - single)
            print(
                f"seed {seed}: {len(test):3d} held out; "
                f"{best['single']:<12} {single[0]:.3f} {single[1]:.3f}; "
                f"{best['fused']:<24} {fused[0]:.3f} {fused[1]:.3f}; "
                f"difference {differences[-1][0]:+.3f} {differences[-1][1]:+.3f}",
                flush=True,
            )
    for position, name in enumerate(SCORES):
        column = np.array(differences)[:, position]
        error = column.std(ddof=1) / np.sqrt(len(column))
        verdict = "met" if column.mean() >= 0 else "MISSED"
        print(
            f"{name}: single {np.mean(singles, axis=0)[position]:.3f}, fused "
            f"{np.mean(fuseds, axis=0)[position]:.3f}, mean paired difference "
            f"{column.mean():+.3f}, standard error {error:.3f} (target >= 0: {verdict})"
        )
    print(
        f"{time.perf_counter() - began:.0f} s, {arguments.jobs} processes, load "
        f"{os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
