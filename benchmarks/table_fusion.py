"""Every fusion against every other, on the sets' own folds; and with modalities absent.

Folds keep authors (clipart), products (fashion_season), speakers (av_digits, emodb)
apart. Features are extracted once into a store and fitted on each fold's training
rows; all candidates see the same matrices. They are fixed configurations: logistic
regression in the single modalities, in early and in late fusion; a net of 64 units on
all blocks ("early net"); nets of 64 units a modality and 64 units of fusion in the
others. The rows "best ..." choose: of the single modalities, of the two early fusions,
of the late rules and of the mechanisms the one with the best accuracy over three inner
folds of the training rows, grouped like the outer ones, with the first seed.

    OMP_NUM_THREADS=1 python benchmarks/table_fusion.py
        [--sets clipart emodb ...] [--seeds 0 1 2] [--folds 0 1 ...] [--absent]
        [--store DIR] [--results FILE] [--write FILE]

Prints accuracy (mean and sd over folds of the mean over seeds), and paired differences
to the best single modality, early fusion and late fusion with their standard errors
over folds. The target: the best mechanism is level with the best early fusion, both
chosen on inner folds: a mean difference of at least -1 standard error, on two sets.

--absent hides each modality of 30 % of the test rows (at least one is kept; one draw a
seed) and compares nets with and without modality dropout .3 with nets trained
separately for each pattern of presence. The targets: with dropout not more than .02
below the separate nets on such rows, not more than .01 below no dropout on full rows,
a set and in the mean over the sets.

--results keeps the scores of a fold as they come and takes from there what it finds,
so that a run can be cut and go on; --write makes docs/fusion.md of them.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _fusion_page import PAGE, absent_means, absent_section, section
from sklearn.frozen import FrozenEstimator
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
CHEAP_RULES = ("mean", "product", "vote", "confidence")
"""They learn nothing: the classifiers of the single modalities do."""
RULES = ("weighted", "stack")
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
"""Of test rows without a modality, and of modalities that training hides."""


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


def early_net(seed, blocks):
    """Return a net on all blocks."""
    inner = NeuralClassifier(random_state=seed, **TRAINING)
    return EarlyFusionClassifier(inner, blocks=blocks)


def timed(estimator, X, y, **params):
    """Fit; return the estimator and the seconds of CPU that it took."""
    began = time.process_time()
    return estimator.fit(X, y, **params), time.process_time() - began


def fit_all(X, y, groups, blocks, seeds):
    """Yield family, name, fitted estimators and seconds a fit of each candidate.

    One estimator a seed, or one alone where no seed changes it.
    """
    alone, spent_alone = [], 0.0
    for name in blocks.names:
        single = EarlyFusionClassifier(linear(), modalities=[name], blocks=blocks)
        model, spent = timed(single, X, y)
        alone.append((name, FrozenEstimator(model.estimator_)))
        spent_alone += spent
        yield "single", f"{name} alone", [model], spent
    model, spent = timed(EarlyFusionClassifier(linear(), blocks=blocks), X, y)
    yield "early", "early linear", [model], spent
    for rule in CHEAP_RULES:
        # the members scale as the single modalities did
        late = LateFusionClassifier(estimators=alone, combine=rule, blocks=blocks)
        model, spent = timed(late, X, y)
        yield "late", f"late {rule}", [model], spent_alone + spent
    for rule in RULES:
        late = LateFusionClassifier(linear(), combine=rule, blocks=blocks)
        model, spent = timed(late, X, y, groups=groups)
        yield "late", f"late {rule}", [model], spent
    nets = {"early net": partial(early_net, blocks=blocks)} | {
        f"intermediate {mechanism}": partial(net, mechanism, blocks=blocks)
        for mechanism in MECHANISMS
    }
    for name, make in nets.items():
        fits = [timed(make(seed), X, y) for seed in seeds]
        models, spent = zip(*fits, strict=True)
        yield name.split()[0], name, models, np.mean(spent)


def choose(X, y, groups, blocks, seed):
    """Return the name in each family whose accuracy on inner folds is the best."""
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    scores = {}
    for train, test in folds.split(X, y, groups):
        fits = fit_all(X[train], y[train], groups[train], blocks, [seed])
        for family, name, (model,), _ in fits:
            each = scores.setdefault(family, {})
            each[name] = each.get(name, 0.0) + model.score(X[test], y[test])
    return {family: max(each, key=each.get) for family, each in scores.items()}


def score_fold(fold, seeds):
    """Return accuracies and seconds by name, the choices, and seconds of all."""
    X, y, groups, new, truth, blocks = fold
    began = time.process_time()
    scores, seconds = {}, {}
    for _, name, models, spent in fit_all(X, y, groups, blocks, seeds):
        scores[name] = float(np.mean([model.score(new, truth) for model in models]))
        seconds[name] = float(spent)
    chosen = choose(X, y, groups, blocks, seeds[0])
    spent = time.process_time() - began
    return {"scores": scores, "seconds": seconds, "chosen": chosen, "spent": spent}


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


def separate(mechanism, seed, X, y, new, kept, blocks):
    """Predict each row by a net trained on the modalities that the row has."""
    said = np.empty(len(new), dtype=y.dtype)
    for pattern in np.unique(kept, axis=0):
        names = [n for n, has in zip(blocks.names, pattern, strict=True) if has]
        model = net(mechanism, seed, blocks, modalities=names).fit(X, y)
        rows = (kept == pattern).all(axis=1)
        said[rows] = model.predict(new[rows])
    return said


def score_absent(fold, seeds):
    """Return accuracies by name and column of the table, and seconds of all."""
    X, y, groups, new, truth, blocks = fold
    began = time.process_time()
    fixed = {
        "early linear": EarlyFusionClassifier(linear(), blocks=blocks),
        "late product": LateFusionClassifier(linear(), combine="product"),
        "late stack": LateFusionClassifier(linear(), combine="stack"),
    }
    for model in fixed.values():
        model.set_params(blocks=blocks).fit(X, y, groups=groups)
    scores = {}
    for seed in seeds:
        less, kept = hide(new, blocks, seed)
        for name, model in fixed.items():
            row = {"full": model.score(new, truth), "absent": model.score(less, truth)}
            scores.setdefault(name, []).append(row)
        for mechanism in ABSENT:
            plain = net(mechanism, seed, blocks).fit(X, y)
            hidden = net(mechanism, seed, blocks, modality_dropout=SHARE).fit(X, y)
            apart = separate(mechanism, seed, X, y, less, kept, blocks)
            row = {
                "full": plain.score(new, truth),
                "full, dropout": hidden.score(new, truth),
                "absent": plain.score(less, truth),
                "absent, dropout": hidden.score(less, truth),
                "separate": np.mean(apart == truth),
            }
            scores.setdefault(mechanism, []).append(row)
    means = {name: pd.DataFrame(rows).mean().to_dict() for name, rows in scores.items()}
    return {"scores": means, "spent": time.process_time() - began}


def main():
    """Score what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(tasks(DATA)))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folds", nargs="+", type=int, help="their positions")
    parser.add_argument("--store", help="folder of a feature store to keep")
    parser.add_argument("--results", type=Path, help="a file of scores to go on with")
    parser.add_argument("--write", type=Path, help="the page to make")
    parser.add_argument("--absent", action="store_true")
    arguments = parser.parse_args()
    kept = arguments.results
    done = json.loads(kept.read_text()) if kept and kept.exists() else {}
    sections, absent, spent = [], [], 0.0
    kinds = {"full": (score_fold, section)}
    if arguments.absent:
        kinds["absent"] = score_absent, absent_section
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            file = arguments.data / name / "data.csv"
            if not file.exists():
                print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
                continue
            task = tasks(arguments.data)[name]
            table = pd.read_csv(file, dtype={"id": str})
            folds = list(fold_matrices(task, table, arguments.store or folder))
            wanted = arguments.folds or range(len(folds))
            text = (
                f"\n## {name}\n\n{len(table)} rows, {len(wanted)} folds that keep "
                f"every {task.group} together, modalities "
                f"{', '.join(folds[0][-1].names)}; seeds "
                f"{', '.join(map(str, arguments.seeds))}.\n"
            )
            for kind, (score, show) in kinds.items():
                rows = []
                for fold in wanted:
                    key = json.dumps([name, fold, arguments.seeds, kind])
                    if key not in done:
                        done[key] = score(folds[fold], arguments.seeds)
                        if kept:
                            kept.write_text(json.dumps(done))
                    rows.append(done[key])
                text += show(rows)
                if kind == "absent":
                    absent.append(rows)
                spent += sum(row["spent"] for row in rows)
            print(text, flush=True)
            sections.append(text)
    if absent:
        sections.append(absent_means(absent))
        print(sections[-1])
    print(f"{spent:.0f} s of CPU in fits, load {os.getloadavg()[0]:.1f}")
    if arguments.write and sections:
        command = f"python benchmarks/table_fusion.py {chosen(arguments)}"
        page = PAGE.format(sets="".join(sections), command=command, seconds=spent)
        arguments.write.write_text(page, "utf-8")


def chosen(arguments):
    """Return the arguments that a run with the same numbers needs."""
    words = ["--absent"] * arguments.absent
    for name in ("sets", "folds", "seeds"):
        if getattr(arguments, name):
            words += [f"--{name}", *map(str, getattr(arguments, name))]
    return " ".join([*words, "--write docs/fusion.md"])


if __name__ == "__main__":
    main()
