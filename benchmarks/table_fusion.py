"""Every fusion against every other, on the sets' own folds; and with modalities absent.

Folds keep authors (clipart), products (fashion_season), speakers (av_digits, emodb)
apart. Features are extracted once into a store and fitted on each fold's training
rows; all candidates see the same matrices. They are fixed configurations: logistic
regression in the single modalities and in early and late fusion, nets of 64 units a
modality, 64 units of fusion, dropout .3 and 30 epochs in the others. Two rows choose:
"best single" takes the modality, and "best mechanism" (with --choose) the mechanism of
intermediate fusion, with the best accuracy over three inner folds of the training rows,
grouped like the outer ones.

    OMP_NUM_THREADS=1 python benchmarks/table_fusion.py
        [--sets clipart emodb ...] [--seeds 0 1 2] [--store DIR] [--choose] [--absent]

Prints accuracy (mean and sd over folds of the mean over seeds), and paired differences
to the best single modality and to early fusion with their standard errors over folds.

--absent hides each modality of 30 % of the test rows (at least one is kept; one draw a
seed) and compares nets with and without modality dropout .3 with nets trained
separately for each pattern of presence. The targets: with dropout not more than .02
below the separate nets on such rows, not more than .01 below no dropout on full rows.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from mmsk.compose import Block, Blocks, ModalityTransformer
from mmsk.feature_extraction.audio import MFCCExtractor, SpectralExtractor
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from mmsk.neural_network import NeuralClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = {"sample_rate": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 40}
RULES = ("mean", "product", "confidence", "weighted", "stack")
MECHANISMS = (
    "concat",
    "sum",
    "mean",
    "max",
    "weighted_sum",
    "gated",
    "attention",
    "cross_modal",
    "bilinear",
    "tensor",
)
ABSENT = ("concat", "gated", "attention", "tensor")
TRAINING = {"dropout": 0.3, "max_epochs": 30}
SHARE = 0.3


@dataclass
class Task:
    """A data set: its branches, its folds, and what they keep together."""

    branches: list
    fold: str
    group: str


def tasks(root: Path) -> dict[str, Task]:
    """Return the sets by name; media are in `root` / name."""
    text = TfidfExtractor(n_components=100, random_state=0)
    table = TableExtractor()
    items = ["gender", "master_category", "sub_category", "article_type"]
    items += ["base_colour", "usage", "year"]
    return {
        "clipart": Task(
            [
                ("text", text, ["title", "description"]),
                ("image", HOGExtractor(root=root / "clipart"), ["image"]),
                ("table", table, ["width", "height", "aspect", "png_bytes", "mode"]),
            ],
            "fold_author",
            "author",
        ),
        "fashion_season": Task(
            [
                ("text", text, ["text"]),
                ("image", HOGExtractor(root=root / "fashion_season"), ["image"]),
                ("table", table, items),
            ],
            "fold",
            "group",
        ),
        "av_digits": Task(
            [
                ("image", HOGExtractor(root=root / "av_digits"), ["image"]),
                ("audio", MFCCExtractor(root=root / "av_digits", **SPEECH), ["audio"]),
            ],
            "fold",
            "speaker",
        ),
        "emodb": Task(
            [
                ("mfcc", MFCCExtractor(root=root / "emodb"), ["audio"]),
                ("voice", SpectralExtractor(root=root / "emodb"), ["audio"]),
                ("table", table, ["sex", "age"]),
                ("text", text, ["text"]),
            ],
            "fold",
            "speaker",
        ),
    }


def with_presence(X, blocks):
    """Give every block a presence column, so that it can be taken away."""
    parts, named = [], []
    for block in blocks:
        own = X[:, block.start : block.stop]
        there = np.ones(len(X)) if block.indicator is None else X[:, block.indicator]
        parts += [own, there[:, None]]
        named.append(Block(block.name, 0, block.width, block.width))
    return np.hstack(parts).astype(np.float32), Blocks.stacked(named)


def hide(X, blocks, seed):
    """Take each modality of a share of the rows away; keep at least one a row."""
    random = np.random.default_rng(seed)
    present = blocks.present(X)
    kept = present & (random.random(present.shape) >= SHARE)
    lost = ~kept.any(axis=1)
    kept[lost] = False
    for row in np.flatnonzero(lost):
        kept[row, random.choice(np.flatnonzero(present[row]))] = True
    X = X.copy()
    for position, block in enumerate(blocks):
        gone = ~kept[:, position]
        X[gone, block.start : block.stop] = 0
        X[gone, block.indicator] = 0
    return X, kept


def linear():
    """Return the classifier of the single modalities, of early and late fusion."""
    return LogisticRegression(max_iter=1000)


def net(mechanism, seed, blocks, **params):
    """Return an intermediate fusion."""
    return IntermediateFusionClassifier(
        mechanism, random_state=seed, blocks=blocks, **TRAINING, **params
    )


def candidates(blocks, seed, *, fixed):
    """Return the estimators by name; `fixed` are those that no seed changes."""
    if fixed:
        early = {
            f"{name} alone": EarlyFusionClassifier(linear(), modalities=[name])
            for name in blocks.names
        }
        early["early"] = EarlyFusionClassifier(linear())
        late = {
            f"late {rule}": LateFusionClassifier(linear(), combine=rule)
            for rule in RULES
        }
        chosen = early | late
    else:
        chosen = {"early net": EarlyFusionClassifier(NeuralClassifier(**TRAINING))}
        chosen["early net"].set_params(estimator__random_state=seed)
        chosen |= {
            f"intermediate {mechanism}": net(mechanism, seed, None)
            for mechanism in MECHANISMS
        }
    return {name: each.set_params(blocks=blocks) for name, each in chosen.items()}


def chosen_on_inner_folds(named, X, y, groups):
    """Return the name whose mean accuracy over three inner folds is highest."""
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    scores = dict.fromkeys(named, 0.0)
    for train, test in folds.split(X, y, groups):
        for name, estimator in named.items():
            model = clone(estimator).fit(X[train], y[train])
            scores[name] += model.score(X[test], y[test]) / 3
    return max(scores, key=scores.get)


def fold_matrices(task, table, store):
    """Yield training and test matrices of each fold, with layout and groups."""
    columns = [name for _, _, names in task.branches for name in names]
    X = table[list(dict.fromkeys(columns))]
    y = table["label"].to_numpy()
    for fold in sorted(table[task.fold].unique()):
        test = (table[task.fold] == fold).to_numpy()
        features = ModalityTransformer(task.branches, sparse_output=False, memory=store)
        seen, blocks = with_presence(
            features.fit_transform(X[~test], y[~test]), features.blocks_
        )
        new, _ = with_presence(features.transform(X[test]), features.blocks_)
        groups = table[task.group].astype(str).to_numpy()[~test]
        yield seen, y[~test], groups, new, y[test], blocks


def compare(folds, seeds, *, choose):
    """Return accuracies by name, one array (n_folds,) each, and mean seconds."""
    scores, seconds, choices = {}, {}, {"best single": [], "best mechanism": []}

    def note(name, fold, value, spent):
        scores.setdefault(name, {}).setdefault(fold, []).append(value)
        seconds.setdefault(name, []).append(spent)

    for fold, (X, y, groups, new, truth, blocks) in enumerate(folds):
        fitted = {}
        for seed in [None, *seeds]:
            named = candidates(blocks, seed, fixed=seed is None)
            for name, estimator in named.items():
                began = time.process_time()
                params = {"groups": groups} if name.startswith("late") else {}
                model = estimator.fit(X, y, **params)
                fitted[name, seed] = model.score(new, truth)
                note(name, fold, fitted[name, seed], time.process_time() - began)
            if seed is None:
                title = "best single"
                named = {n: e for n, e in named.items() if n.endswith("alone")}
            elif choose:
                title = "best mechanism"
                named = {n: e for n, e in named.items() if n.startswith("inter")}
            else:
                continue
            began = time.process_time()
            best = chosen_on_inner_folds(named, X, y, groups)
            choices[title].append(best)
            note(title, fold, fitted[best, seed], time.process_time() - began)
    means = {
        name: np.array([np.mean(by_fold[fold]) for fold in sorted(by_fold)])
        for name, by_fold in scores.items()
    }
    for title, names in choices.items():
        if names:
            counted = pd.Series(names).value_counts()
            print(f"  {title}: " + ", ".join(f"{n} x {c}" for n, c in counted.items()))
    return means, {name: np.mean(each) for name, each in seconds.items()}


def paired(one, other):
    """Return mean and standard error of a difference over folds."""
    difference = one - other
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def print_comparison(means, seconds):
    """Print a line for each candidate."""
    print(f"  {'':24} accuracy    sd   - best single      - early          s/fit")
    for name, values in means.items():
        single = "{:+.4f} ({:.4f})".format(*paired(values, means["best single"]))
        early = "{:+.4f} ({:.4f})".format(*paired(values, means["early"]))
        print(
            f"  {name:24}   {values.mean():.4f} {values.std(ddof=1):.4f}  {single}"
            f"  {early} {seconds[name]:6.2f}"
        )
    titles = [name for name in means if name.startswith("intermediate")]
    best = max(titles, key=lambda name: means[name].mean())
    for name in ["best mechanism"] * ("best mechanism" in means) + [best]:
        gain, error = paired(means[name], means["early"])
        verdict = "met" if gain >= -error else "MISSED"
        chosen = "on inner folds" if name == "best mechanism" else "after the fact"
        print(
            f"  {name} (chosen {chosen}) - early: {gain:+.4f}, standard error "
            f"{error:.4f} (target at least -1 standard error: {verdict})"
        )


def separate(mechanism, seed, X, y, new, kept, blocks):
    """Predict each row by a net trained on the modalities that the row has."""
    said = np.empty(len(new), dtype=y.dtype)
    for pattern in np.unique(kept, axis=0):
        names = [n for n, has in zip(blocks.names, pattern, strict=True) if has]
        model = net(mechanism, seed, blocks, modalities=names).fit(X, y)
        rows = (kept == pattern).all(axis=1)
        said[rows] = model.predict(new[rows])
    return said


def compare_absent(folds, seeds):
    """Print what absent modalities do to the fusions, and verdicts."""
    columns = ("full", "full, dropout", "absent", "absent, dropout", "separate")
    scores = {}
    for X, y, groups, new, truth, blocks in folds:
        for seed in seeds:
            less, kept = hide(new, blocks, seed)
            for title, model in (
                ("early", EarlyFusionClassifier(linear(), blocks=blocks)),
                ("late stack", LateFusionClassifier(linear(), combine="stack")),
                ("late product", LateFusionClassifier(linear(), combine="product")),
            ):
                model.set_params(blocks=blocks).fit(X, y, groups=groups)
                row = [model.score(new, truth), np.nan, model.score(less, truth)]
                scores.setdefault(title, []).append([*row, np.nan, np.nan])
            for mechanism in ABSENT:
                plain = net(mechanism, seed, blocks).fit(X, y)
                hidden = net(mechanism, seed, blocks, modality_dropout=SHARE).fit(X, y)
                apart = separate(mechanism, seed, X, y, less, kept, blocks)
                scores.setdefault(mechanism, []).append(
                    [
                        plain.score(new, truth),
                        hidden.score(new, truth),
                        plain.score(less, truth),
                        hidden.score(less, truth),
                        np.mean(apart == truth),
                    ]
                )
    print(f"  {'':14}" + "".join(f"{name:>17}" for name in columns))
    for name, rows in scores.items():
        means = np.mean(rows, axis=0)
        cells = "".join(f"{value:17.4f}" for value in means)
        print(f"  {name:14}{cells.replace('nan', '   ')}")
        if name in ABSENT:
            full, absent = means[1] - means[0], means[3] - means[4]
            print(
                f"  {'':14}full rows {full:+.4f} (target -.01: "
                f"{'met' if full >= -0.01 else 'MISSED'}), absent - separate "
                f"{absent:+.4f} (target -.02: {'met' if absent >= -0.02 else 'MISSED'})"
            )


def main():
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(tasks(DATA)))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--store", help="folder of a feature store to keep")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--absent", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or folder
        for name in arguments.sets:
            file = arguments.data / name / "data.csv"
            if not file.exists():
                print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
                continue
            began = time.perf_counter()
            task = tasks(arguments.data)[name]
            table = pd.read_csv(file, dtype={"id": str})
            folds = list(fold_matrices(task, table, store))
            blocks = folds[0][-1]
            print(
                f"{name}: {len(table)} rows, {len(folds)} folds by {task.group}, "
                f"{blocks!r}, seeds {arguments.seeds}"
            )
            if arguments.absent:
                compare_absent(folds, arguments.seeds)
            else:
                print_comparison(
                    *compare(folds, arguments.seeds, choose=arguments.choose)
                )
            seconds = time.perf_counter() - began
            print(f"  {seconds:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
