"""Boosting over modalities against AdaBoost on all columns at once.

Folds keep authors (clipart) or products (fashion_season) apart; all candidates see the
same matrices (table_fusion.py: words, HOG and a table) and boost the same tree for the
same number of rounds. AdaBoostClassifier gets the whole matrix. Nothing is chosen. In
development, clipart's folds were looked at.

    OMP_NUM_THREADS=1 python benchmarks/table_boosting.py
        [--sets clipart fashion_season] [--rounds 50] [--depth 1] [--seeds 0 1 2]

Prints accuracy (mean and sd over folds of the mean over seeds), the paired difference
to AdaBoost with its standard error over folds, and the CPU seconds of fit and predict,
each the smallest of the seeds and summed over folds, over AdaBoost's. The targets: the
default not below AdaBoost (a difference of at least -1 standard error) in at most 1.3
times its seconds; with one modality a round, drawn at random, at most .6 times.
"""

import argparse
import time

import numpy as np
from _folds import add_arguments, each_set
from _fusion_page import paired
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from mmsk.ensemble import ModalityBoostingClassifier

PEER = "AdaBoost, all columns"
DEFAULT = "boosting, best modality"
ONE = "one modality a round"
PARAMS = {
    DEFAULT: {},
    "... with cooperation": {"cooperation": True},
    "boosting, all modalities": {"combine": "all"},
    "... all with cooperation": {"combine": "all", "cooperation": True},
    ONE: {"max_modalities": 1},
    "... drawn by gain": {"max_modalities": 1, "draw": "weighted"},
}


def candidates(blocks, rounds, depth, seed):
    """Return the estimators by name."""
    tree = DecisionTreeClassifier(max_depth=depth)
    same = {"n_estimators": rounds, "random_state": seed}
    peer = {PEER: AdaBoostClassifier(tree, **same)}
    return peer | {
        name: ModalityBoostingClassifier(tree, blocks=blocks, **params, **same)
        for name, params in PARAMS.items()
    }


def compare(folds, rounds, depth, seeds):
    """Return accuracies and seconds by name, each of shape (n_folds, n_seeds)."""
    scores = {name: [] for name in (PEER, *PARAMS)}
    seconds = {name: [] for name in scores}
    winners = {}
    for X, y, _, new, truth, blocks in folds:
        for seed in seeds:
            for name, model in candidates(blocks, rounds, depth, seed).items():
                began = time.process_time()
                model = clone(model).fit(X, y)
                scores[name].append(model.score(new, truth))
                seconds[name].append(time.process_time() - began)
                if name == DEFAULT:
                    for modality, share in model.modality_weights_.items():
                        winners.setdefault(modality, []).append(share)
    shape = (len(folds), len(seeds))
    as_arrays = [
        {name: np.reshape(values, shape) for name, values in each.items()}
        for each in (scores, seconds)
    ]
    return *as_arrays, {name: np.mean(each) for name, each in winners.items()}


def main():
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, ["clipart", "fashion_season"])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    for _, folds in each_set(arguments):
        scores, seconds, winners = compare(
            folds, arguments.rounds, arguments.depth, arguments.seeds
        )
        means = {name: each.mean(axis=1) for name, each in scores.items()}
        spent = {name: each.min(axis=1).sum() for name, each in seconds.items()}
        print(
            f"  {arguments.rounds} rounds, trees of depth {arguments.depth}, seeds "
            f"{arguments.seeds}"
        )
        print(f"  {'':26} accuracy     sd  - AdaBoost        seconds  ratio")
        for name, values in means.items():
            difference = "{:+.4f} ({:.4f})".format(*paired(values, means[PEER]))
            print(
                f"  {name:26}   {values.mean():.4f} {values.std(ddof=1):.4f}  "
                f"{difference} {spent[name]:8.2f}  {spent[name] / spent[PEER]:5.2f}"
            )
        shares = ", ".join(f"{name} {share:.2f}" for name, share in winners.items())
        print(f"  share of the votes in {DEFAULT}: {shares}")
        gain, error = paired(means[DEFAULT], means[PEER])
        for what, met in (
            (f"{DEFAULT} - AdaBoost {gain:+.4f} >= {-error:.4f}", gain >= -error),
            ("its seconds <= 1.3", spent[DEFAULT] <= 1.3 * spent[PEER]),
            (f"{ONE}: seconds <= .6", spent[ONE] <= 0.6 * spent[PEER]),
        ):
            print(f"  {what}: {'met' if met else 'MISSED'}", flush=True)


if __name__ == "__main__":
    main()
