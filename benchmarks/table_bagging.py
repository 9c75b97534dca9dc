"""What a missing modality costs: bagging over modalities against bagging of columns.

Folds keep authors, products or speakers apart; all candidates see the same matrices
(table_fusion.py). Both kinds of bagging have the same base estimator and number of
members; BaggingClassifier gets the whole matrix. Then each modality in turn is taken
from 30 % of the test rows, drawn once with a seed: the training mean stands in its
columns, as ModalityTransformer fills dense blocks, and 0 in its presence column.
The base estimators are plain trees, which are BaggingClassifier's
default; the trees of a forest, which try a draw of the columns at each split; and early
fusion of logistic regression. The default, half of the modalities a member, was chosen
on the folds of emodb and clipart. Plain trees take minutes on each of the larger sets:
run set by set.

    OMP_NUM_THREADS=1 python benchmarks/table_bagging.py
        [--sets clipart emodb ...] [--members 30] [--base tree forest early] [--seeds 0]

Prints the accuracy on full rows and what is lost of it, mean over modalities and folds.
The target, for the default and the first of the bases: a mean loss over the sets of at
most half of BaggingClassifier's.
"""

import argparse

import numpy as np
from _folds import add_arguments, each_set
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


def main():
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, list(tasks(DATA)))
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--base", nargs="+", default=["tree"], choices=list(BASES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    losses = {}
    for set_name, folds in each_set(arguments):
        names = folds[0][-1].names
        for base in arguments.base:
            print(f"  {arguments.members} members, {base}, seeds {arguments.seeds}")
            print(f"  {'':18} full rows   loss  of it: " + " ".join(names))
            scores = compare(folds, BASES[base], arguments.members, arguments.seeds)
            for name, each in scores.items():
                full, less = each[:, 0].mean(), each[:, 1:].mean(axis=0)
                losses.setdefault((base, name), {})[set_name] = full - less.mean()
                each_loss = " ".join(f"{full - value:+.4f}" for value in less)
                print(
                    f"  {name:18}    {full:.4f} {full - less.mean():+.4f}  {each_loss}",
                    flush=True,
                )
    for (base, name), by_set in losses.items():
        mean = np.mean(list(by_set.values()))
        peer = np.mean(list(losses[base, PEER].values()))
        line = f"{base}, {name}: mean loss {mean:+.4f} over {len(by_set)} sets"
        if name != PEER:
            line += f", {mean / peer:.2f} of {PEER}'s"
        if name == DEFAULT and base == arguments.base[0]:
            line += f" (target .5: {'met' if mean <= peer / 2 else 'MISSED'})"
        print(line)


if __name__ == "__main__":
    main()
