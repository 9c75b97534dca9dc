"""What a missing modality costs: bagging over modalities against bagging of columns.

Folds keep authors, products or speakers apart (table_fusion.py), those of
review_prediction the pieces of clothing: 4,000 rows drawn from its train.csv. All
candidates see the same matrices. Both kinds of bagging have the same base estimator and
number of members; BaggingClassifier gets the whole matrix. Then each modality in turn
is taken from 30 % of the test rows, drawn once with a seed: the training mean stands in
its columns, as ModalityTransformer fills dense blocks, and 0 in its presence column.
The base estimators are plain trees, which are BaggingClassifier's default; the trees of
a forest, which try a draw of the columns at each split; and early fusion of logistic
regression. The default, half of the modalities a member, was chosen on the folds of
emodb and clipart: the mean over the other sets is printed beside that of all.

    OMP_NUM_THREADS=1 python benchmarks/table_bagging.py
        [--sets clipart emodb ...] [--members 30] [--base tree forest early]
        [--seeds 0] [--results FILE]

Prints the accuracy on full rows and what is lost of it, mean over modalities and folds.
--results keeps the scores of a set as they come and takes from there what it finds.
The target, for the default and the first of the bases: a mean loss over the sets of at
most half of BaggingClassifier's.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from _folds import REVIEWS, add_arguments, each_set
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from table_fusion import DATA, SHARE, tasks

from mmsk.ensemble import ModalityBaggingClassifier
from mmsk.fusion import EarlyFusionClassifier

BASES = {
    "tree": DecisionTreeClassifier(),
    "forest": DecisionTreeClassifier(max_features="sqrt"),
    "early": EarlyFusionClassifier(LogisticRegression(max_iter=1000)),
}
TARGET = 0.5
LOOKED_AT = {"emodb", "clipart"}
"""Where the default was chosen."""
PEER = "BaggingClassifier"
DEFAULT = "over modalities"
PARAMS = {
    DEFAULT: {},
    "... random numbers": {"max_modalities": "random"},
}


def candidates(base, blocks, members, seed):
    """Return the estimators by name."""
    same = {"n_estimators": members, "random_state": seed}
    told = clone(base)
    if "blocks" in told.get_params():
        told.set_params(blocks=blocks)
    return {PEER: BaggingClassifier(told, **same)} | {
        name: ModalityBaggingClassifier(base, blocks=blocks, **params, **same)
        for name, params in PARAMS.items()
    }


def without(new, X, blocks, position, seed):
    """Take one modality from a share of the rows that have it and others."""
    block = blocks[position]
    random = np.random.default_rng([seed, position])
    present = blocks.present(new)
    gone = present[:, position] & (present.sum(axis=1) > 1)
    gone &= random.random(len(new)) < SHARE
    has = X[:, block.indicator] == 1
    less = new.copy()
    less[gone, block.start : block.stop] = X[has, block.start : block.stop].mean(axis=0)
    less[gone, block.indicator] = 0
    return less


def compare(folds, base, members, seeds):
    """Return accuracies by name, (n_folds * n_seeds, 1 + n_modalities): full first."""
    scores = {name: [] for name in (PEER, *PARAMS)}
    for X, y, _, new, truth, blocks in folds:
        for seed in seeds:
            views = [new] + [
                without(new, X, blocks, position, seed)
                for position in range(len(blocks))
            ]
            for name, model in candidates(base, blocks, members, seed).items():
                fitted = model.fit(X, y)
                scores[name].append([fitted.score(view, truth) for view in views])
    return {name: np.array(each) for name, each in scores.items()}


def report(names, scores):
    """Print the scores of a set and a base; return the mean loss by candidate."""
    print(f"  {'':18} full rows   loss  of it: " + " ".join(names))
    losses = {}
    for candidate, each in scores.items():
        full, *less = np.mean(each, axis=0)
        losses[candidate] = full - np.mean(less)
        by_modality = " ".join(f"{full - value:+.4f}" for value in less)
        print(
            f"  {candidate:18}    {full:.4f} {losses[candidate]:+.4f}  {by_modality}",
        )
    return losses


def main():
    """Score what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, [*tasks(DATA), REVIEWS])
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--base", nargs="+", default=["tree"], choices=list(BASES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, help="a file of scores to go on with")
    arguments = parser.parse_args()
    kept = arguments.results
    done = json.loads(kept.read_text()) if kept and kept.exists() else {}
    settings = f"{arguments.members} members, seeds {arguments.seeds}"
    wanted = [(name, base) for name in arguments.sets for base in arguments.base]
    keys = {each: f"{' '.join(each)}: {settings}" for each in wanted}
    arguments.sets = list(dict.fromkeys(n for n, b in wanted if keys[n, b] not in done))
    for name, folds in each_set(arguments):
        for base in arguments.base:
            scores = compare(folds, BASES[base], arguments.members, arguments.seeds)
            scores = {candidate: each.tolist() for candidate, each in scores.items()}
            done[keys[name, base]] = folds[0][-1].names, scores
            if kept:
                kept.write_text(json.dumps(done))
    losses = {}
    for (name, base), key in keys.items():
        if key in done:
            print(key)
            for candidate, loss in report(*done[key]).items():
                losses.setdefault((base, candidate), {})[name] = loss
    for (base, candidate), by_set in losses.items():
        if candidate == PEER:
            continue
        others = set(by_set) - LOOKED_AT
        for word, names in (("all", set(by_set)), ("not looked at", others)):
            if not names:
                continue
            ours, peers = (
                np.mean([each[name] for name in names])
                for each in (by_set, losses[base, PEER])
            )
            line = f"{base}, {candidate}, {len(names)} sets ({word}): mean loss "
            line += f"{ours:+.4f}, {PEER} {peers:+.4f}, {ours / peers:.2f} of it"
            if (base, candidate) == (arguments.base[0], DEFAULT):
                met = "met" if ours <= TARGET * peers else "MISSED"
                line += f" (target {TARGET}: {met})"
            print(line)


if __name__ == "__main__":
    main()
