"""The one-line estimators as they are, on every data set: does fusing pay?

For each set of ../shared/data, on its own folds: what make_multimodal_classifier or
make_multimodal_regressor makes of the table (paths under root=, the columns that the
set's README says never to feed given as roles="drop", and nothing else said), beside
the best single modality, which is chosen on three inner folds of the training rows and
then scored once. The single modalities use the same estimator. Score: accuracy, for
numbers R2; review_prediction comes as one split: standard error by bootstrap.

    OMP_NUM_THREADS=1 python benchmarks/table_defaults.py [--sets clipart houses]

Every set runs in a process of its own, so that the peak memory is its own. Fit seconds
are of one fold with the features of pictures and clips in the store; filling it is
printed apart.

    ... --estimators [--folds 2]     compares what could be the default

fits other estimators on the matrices of the first folds instead; the defaults of the
package were chosen from its output.
"""

import argparse
import os
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GroupKFold, KFold, cross_val_score

from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.exceptions import GroupsWarning, MissingModalityWarning, SingleBlockWarning
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.pipeline import make_multimodal_classifier, make_multimodal_regressor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
N_BOOTSTRAP = 1000


@dataclass(frozen=True)
class Set:
    """A data set: its folds, and what every column of it is."""

    roles: dict  # role -> columns
    fold: str = "fold"
    groups: str | None = None
    make: object = make_multimodal_classifier
    never: list = field(default_factory=list)  # to be fed; says its README


SETS = {
    "clipart": Set(
        {
            "identifier": ["id"],
            "text": ["title", "description"],
            "image": ["image"],
            "number": ["width", "height", "aspect", "png_bytes"],
            "category": ["mode"],
        },
        fold="fold_author",
        groups="author",
        never=["fold"],
    ),
    "fashion_season": Set(
        {
            "text": ["text"],
            "image": ["image"],
            "category": [
                "gender",
                "master_category",
                "sub_category",
                "article_type",
                "base_colour",
                "usage",
            ],
            "number": ["year"],
        },
        groups="group",
        never=["id"],
    ),
    "av_digits": Set(
        {
            "identifier": ["id", "mnist_index"],
            "image": ["image"],
            "audio": ["audio"],
            "category": ["accent", "official_split"],
            "number": ["take", "duration"],
        },
        groups="speaker",
        never=["source_name"],
    ),
    "emodb": Set(
        {
            "identifier": ["id"],
            "audio": ["audio"],
            "text": ["text"],
            "category": ["sex", "sentence_code"],
            "number": ["age"],
        },
        groups="speaker",
        never=["source_name"],
    ),
    "houses": Set(
        {
            "identifier": ["id"],
            "image": [
                "image_frontal",
                "image_bedroom",
                "image_bathroom",
                "image_kitchen",
            ],
            "number": ["bedrooms", "bathrooms", "area"],
            "category": ["zipcode"],
        },
        make=make_multimodal_regressor,
        never=["price"],
    ),
    "chocolate_ratings": Set(
        {
            "identifier": ["id"],
            "text": ["bar_name", "text"],
            "number": [
                "review_year",
                "cocoa_percent",
                "n_ingredients",
                "has_beans",
                "has_sugar",
                "has_other_sweetener",
                "has_cocoa_butter",
                "has_vanilla",
                "has_lecithin",
                "has_salt",
            ],
            "category": ["company", "company_location", "bean_origin"],
        },
        make=make_multimodal_regressor,
    ),
    "review_prediction": Set(
        {
            "identifier": ["id"],
            "text": ["title", "review_text"],
            "category": [
                "clothing_id",
                "division_name",
                "department_name",
                "class_name",
            ],
            "number": ["age", "rating", "positive_feedback_count"],
        },
    ),
}


def read(name, data):
    """Return the features, the target and the folds of a set, -1 where none tests."""
    if name == "review_prediction":
        parts = [pd.read_csv(data / name / f"{part}.csv") for part in ("train", "val")]
        table = pd.concat(parts, ignore_index=True)
        folds = np.repeat([-1, 0], [len(part) for part in parts])
        return table.drop(columns="label"), table["label"], folds
    table = pd.read_csv(data / name / "data.csv")
    fold = SETS[name].fold
    return table.drop(columns=["label", fold]), table["label"], table[fold].to_numpy()


def check_roles(name, roles):
    """Compare the roles that were decided with those that are right."""
    right = {col: role for role, cols in SETS[name].roles.items() for col in cols}
    right |= dict.fromkeys(SETS[name].never, "drop")
    if SETS[name].groups:
        right[SETS[name].groups] = "groups"
    wrong = {col: role for col, role in roles.items() if role != right[col]}
    said = f"WRONG: {wrong}" if wrong else "all right"
    return f"roles of {len(roles)} columns: {said}"


def made(name, X, root, memory):
    """Return what the one-line function makes of the table."""
    chosen = SETS[name]
    return chosen.make(
        X,
        roles=dict.fromkeys(chosen.never, "drop"),
        root=root,
        memory=memory,
        groups=chosen.groups,
        random_state=0,
    )


def alone(model, name):
    """Return the same model of one modality."""
    others = [other for other, *_ in model.features.transformers if other != name]
    return clone(model).set_params(**{f"features__{each}": "drop" for each in others})


def best_single(model, X, y, groups):
    """Choose a modality on inner folds of the training rows; return it, refitted."""
    folds = KFold(3, shuffle=True, random_state=0) if groups is None else GroupKFold(3)
    names = [name for name, *_ in model.features.transformers]
    singles = {name: alone(model, name) for name in names}
    means = {
        name: cross_val_score(single, X, y, groups=groups, cv=folds).mean()
        for name, single in singles.items()
    }
    name = max(means, key=means.get)
    return name, singles[name].fit(X, y)


def bootstrap(measure, y, predicted, baseline):
    """Return the standard error of a difference of scores over resampled rows."""
    y, random = np.asarray(y), np.random.default_rng(0)
    draws = (random.integers(len(y), size=len(y)) for _ in range(N_BOOTSTRAP))
    differences = [
        measure(y[d], predicted[d]) - measure(y[d], baseline[d]) for d in draws
    ]
    return np.std(differences, ddof=1)


def run_set(name, data, n_folds):
    """Score the default and the best single modality of a set; return the report."""
    warnings.simplefilter("ignore", GroupsWarning)
    warnings.simplefilter("ignore", MissingModalityWarning)
    warnings.simplefilter("ignore", SingleBlockWarning)
    began = time.perf_counter()
    X, y, folds = read(name, data)
    measure = accuracy_score
    if SETS[name].make is make_multimodal_regressor:
        measure = r2_score
    with tempfile.TemporaryDirectory() as memory:
        model = made(name, X, data / name, memory)
        lines = [check_roles(name, model.features.roles)]
        if {"image", "audio"} & set(model.features.roles.values()):
            model.features.warm(X, verbose=False)
        warm = time.perf_counter() - began
        rows, chosen, spent = [], [], []
        for fold in np.unique(folds[folds >= 0])[:n_folds]:
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            groups = SETS[name].groups and X[SETS[name].groups].iloc[train]
            single_name, single = best_single(
                model, X.iloc[train], y.iloc[train], groups
            )
            at = time.perf_counter()
            fitted = clone(model).fit(X.iloc[train], y.iloc[train])
            spent.append(time.perf_counter() - at)
            chosen.append(single_name)
            predictions = [m.predict(X.iloc[test]) for m in (single, fitted)]
            rows.append([measure(y.iloc[test], each) for each in predictions])
    rows = np.array(rows)
    difference = rows[:, 1] - rows[:, 0]
    if len(rows) > 1:
        error = difference.std(ddof=1) / np.sqrt(len(rows))
    else:
        error = bootstrap(measure, y.iloc[test], predictions[1], predictions[0])
    names = "/".join(sorted(set(chosen)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    lines.append(
        f"{names:<11} {rows[:, 0].mean():7.3f} {rows[:, 1].mean():8.3f} "
        f"{difference.mean():+7.3f} +- {error:.3f} {np.mean(spent):7.1f} {warm:7.1f} "
        f"{peak:6.0f}"
    )
    return lines


def run_estimators(name, data, n_folds):
    """Score what could be the default of a set on the same matrices."""
    warnings.simplefilter("ignore")
    X, y, folds = read(name, data)
    lines = []
    regression = SETS[name].make is make_multimodal_regressor
    candidates = REGRESSORS if regression else CLASSIFIERS
    with tempfile.TemporaryDirectory() as memory:
        model = made(name, X, data / name, memory)
        scores = {key: [] for key in candidates}
        spent = dict.fromkeys(candidates, 0.0)
        for fold in np.unique(folds[folds >= 0])[:n_folds]:
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            features = clone(model.features).fit(X.iloc[train], y.iloc[train])
            for key, estimator in candidates.items():
                whole = clone(model).set_params(estimator=estimator)
                whole.features = FrozenEstimator(features)
                at = time.perf_counter()
                whole.fit(X.iloc[train], y.iloc[train])
                spent[key] += time.perf_counter() - at
                scores[key].append(whole.score(X.iloc[test], y.iloc[test]))
    n_folds = len(next(iter(scores.values())))
    lines = [
        f"  {key:<24} {np.mean(values):7.3f}  {spent[key] / n_folds:7.1f} s"
        for key, values in scores.items()
    ]
    return lines


CLASSIFIERS = {
    "early LR": EarlyFusionClassifier(),
    "early LightGBM": EarlyFusionClassifier(
        LightGBMClassifier(num_leaves=7, max_bin=63, random_state=0),
        n_components=64,
        random_state=0,
    ),
    "late product LR": LateFusionClassifier(combine="product"),
    "late weighted LR": LateFusionClassifier(combine="weighted"),
    "late confidence LR": LateFusionClassifier(combine="confidence"),
    "early + late confidence": VotingClassifier(
        [
            ("early", EarlyFusionClassifier()),
            ("late", LateFusionClassifier(combine="confidence")),
        ],
        voting="soft",
    ),
    "gated net": IntermediateFusionClassifier("gated", dropout=0.5, random_state=0),
}
REGRESSORS = {
    "early Ridge(100)": EarlyFusionRegressor(Ridge(100)),
    "early Ridge(300)": EarlyFusionRegressor(Ridge(300)),
    "early Ridge(1000)": EarlyFusionRegressor(Ridge(1000)),
    "early LightGBM": EarlyFusionRegressor(
        LightGBMRegressor(num_leaves=7, max_bin=63, random_state=0),
        n_components=64,
        random_state=0,
    ),
    "late weighted Ridge(100)": LateFusionRegressor(Ridge(100), combine="weighted"),
    "late stack Ridge(100)": LateFusionRegressor(Ridge(100), combine="stack"),
    "late stack Ridge(300)": LateFusionRegressor(Ridge(300), combine="stack"),
    "gated net": IntermediateFusionRegressor("gated", dropout=0.5, random_state=0),
}


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--estimators", action="store_true")
    parser.add_argument("--folds", type=int, help="the first ones only")
    arguments = parser.parse_args()
    began = time.perf_counter()
    run = run_estimators if arguments.estimators else run_set
    if not arguments.estimators:
        print(
            f"{'set':<18} {'best single':<11} {'score':>7} {'default':>8} "
            f"{'difference +- s.e.':>16} {'fit s':>7} {'media s':>7} {'MiB':>6}"
        )
    for name in arguments.sets:
        if not (arguments.data / name).exists():
            print(f"{name:<18} skipped: not in {arguments.data}; pass --data DIR")
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            lines = pool.submit(run, name, arguments.data, arguments.folds).result()
        if arguments.estimators:
            print(name, *lines, sep="\n", flush=True)
        else:
            print(f"{name:<18} {lines[1]}\n{'':<18} {lines[0]}", flush=True)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
