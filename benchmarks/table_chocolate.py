"""Ratings of chocolate bars from a table and tasting notes: does fusing pay?

On each of the set's five folds these configurations are fitted, all fixed:

- table: LightGBM on TableExtractor's features, `company` (580 levels) by its mean
  rating out of fold, other categories one-hot;
- notes: ridge regression on TF-IDF;
- early: ridge regression on both, blocks scaled to equal norm;
- trees: LightGBM on the table, the words and the out-of-fold prediction of notes;
- mean: the mean of early and trees;
- chosen: whichever of the last three is best on three inner folds of the training
  rows. This is the score that is quoted.

    OMP_NUM_THREADS=1 python benchmarks/table_chocolate.py [--data DIR] [--speed]

Prints R2 by fold, the means, the paired differences to the better single modality
with their standard errors, LightGBM on the table by encoding of `company`, seconds.
The target: .49 for both modalities. --speed compares TableExtractor with a
ColumnTransformer of scikit-learn's parts on 100,000 rows of 20 columns instead.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)

from mmsk.compose import ModalityTransformer, MultimodalRegressor
from mmsk.ensemble import LightGBMRegressor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionRegressor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NOT_TABLE = ["id", "label", "fold", "text", "bar_name"]
TARGET = 0.49
CHOICES = ["early", "trees", "mean"]


def make_features(columns, encoding):
    """Return the features of the table and the notes, not fitted."""
    table = TableExtractor(encoding={"company": encoding}, smooth=5.0, random_state=0)
    return ModalityTransformer(
        [("table", table, columns), ("notes", TfidfExtractor(), ["text"])]
    )


def make_trees():
    """Return the booster, the same wherever one is used."""
    return LightGBMRegressor(
        200,
        learning_rate=0.05,
        num_leaves=7,
        min_child_samples=10,
        subsample=0.7,
        colsample_bytree=0.5,
        reg_lambda=5.0,
        random_state=0,
    )


def make_heads():
    """Return the estimators behind the features by name, not fitted."""
    notes = EarlyFusionRegressor(Ridge(3.0), modalities=["notes"], scale=False)
    early = EarlyFusionRegressor(Ridge(10.0), block_norm=3.0)
    trees = StackingRegressor(
        [("notes", notes)],
        make_trees(),
        cv=KFold(5, shuffle=True, random_state=0),
        passthrough=True,
    )
    return {
        "table": EarlyFusionRegressor(make_trees(), modalities=["table"], scale=False),
        "notes": notes,
        "early": early,
        "trees": trees,
        "mean": VotingRegressor([("early", early), ("trees", trees)]),
    }


def make_candidates(columns):
    """Return the models of the table that is printed, not fitted."""
    heads = make_heads()
    models = {
        name: MultimodalRegressor(make_features(columns, "target"), head)
        for name, head in heads.items()
    }
    models["chosen"] = GridSearchCV(
        models["early"],
        {"estimator": [heads[name] for name in CHOICES]},
        cv=KFold(3, shuffle=True, random_state=1),
        error_score="raise",
    )
    for encoding in ("onehot", "ordinal"):
        features = make_features(columns, encoding)
        models[encoding] = MultimodalRegressor(features, heads["table"])
    return models


def score_folds(table, models):
    """Return R2 and seconds of shape (n_folds, n_models), printed, and choices."""
    scores, seconds, choices = [], [], []
    for fold, test in table.groupby("fold"):
        train = table.drop(index=test.index)
        row, spent = [], []
        for model in models.values():
            began = time.process_time()
            model.fit(train, train["label"])
            row.append(model.score(test, test["label"]))
            spent.append(time.process_time() - began)
        choices.append(CHOICES[models["chosen"].best_index_])
        scores.append(row)
        seconds.append(spent)
        cells = " ".join(f"{value:8.4f}" for value in row)
        print(f"{fold:<8} {cells}  {choices[-1]}", flush=True)
    return np.array(scores), np.array(seconds)


def run_folds(path):
    """Print the table of scores."""
    began = time.perf_counter()
    table = pd.read_csv(path, dtype={"id": str})
    columns = [name for name in table if name not in NOT_TABLE]
    models = make_candidates(columns)
    names = list(models)
    print(f"{len(table)} bars, R2 by fold; onehot and ordinal: table, company so coded")
    print("fold     " + " ".join(f"{name:>8}" for name in names))
    scores, seconds = score_folds(table, models)
    means = scores.mean(axis=0)
    for title, values in (
        ("mean", means),
        ("sd", scores.std(axis=0, ddof=1)),
        ("CPU s", seconds.sum(axis=0)),
    ):
        print(f"{title:<8} " + " ".join(f"{value:8.4f}" for value in values))
    single = names[int(means[:2].argmax())]
    for name in [*CHOICES, "chosen"]:
        print_difference(scores, names, name, single)
    for encoding in ("onehot", "ordinal"):
        print_difference(scores, names, "table", encoding)
    for name in CHOICES:
        print_difference(scores, names, "chosen", name)
    quoted = means[names.index("chosen")]
    verdict = "met" if quoted >= TARGET else "MISSED"
    print(f"table + notes, chosen: {quoted:.4f} (target {TARGET}: {verdict})")
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


def print_difference(scores, names, one, other):
    """Print the paired difference of two columns of scores."""
    gain = scores[:, names.index(one)] - scores[:, names.index(other)]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"{one} - {other}: {gain.mean():+.4f}, standard error {error:.4f}")


def mixed_table(n_samples=100_000):
    """Return 10 columns of numbers, 2 of booleans, 8 of 3 to 1000 levels."""
    random = np.random.default_rng(0)
    cells = {}
    for i in range(10):
        cells[f"n{i}"] = random.normal(size=n_samples)
        cells[f"n{i}"][random.random(n_samples) < 0.05] = np.nan
    for i in range(2):
        cells[f"b{i}"] = random.random(n_samples) < 0.5
    for i, n_levels in enumerate((3, 5, 10, 20, 50, 100, 300, 1000)):
        levels = [f"level {level}" for level in range(n_levels)]
        cells[f"c{i}"] = random.choice(levels, n_samples)
    return pd.DataFrame(cells), random.normal(size=n_samples)


def peers():
    """Return pairs of TableExtractor and a ColumnTransformer of the same parts."""

    def columns_of(kind, X):
        return [name for name in X if name.startswith(kind)]

    def parts(categories, scaler=None):
        numbers = make_pipeline(
            SimpleImputer(strategy="median"), scaler or StandardScaler()
        )
        return ColumnTransformer(
            [
                ("numbers", numbers, lambda X: columns_of("n", X)),
                ("booleans", "passthrough", lambda X: columns_of("b", X)),
                ("categories", categories, lambda X: columns_of("c", X)),
            ]
        )

    one_hot = OneHotEncoder(
        min_frequency=0.01,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
        dtype=np.float32,
    )
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    ranks = QuantileTransformer(output_distribution="normal", subsample=None)
    return {
        "default": (TableExtractor(), parts(one_hot)),
        "quantile": (TableExtractor(scale="quantile"), parts(one_hot, ranks)),
        "ordinal": (TableExtractor(encoding="ordinal"), parts(codes)),
        "target": (
            TableExtractor(encoding="target", random_state=0),
            parts(TargetEncoder()),
        ),
    }


def run_speed(repetitions=5):
    """Print CPU seconds and ratios."""
    X, y = mixed_table()
    print(f"{X.shape[0]} rows, {X.shape[1]} columns, best CPU s of {repetitions}")
    print(f"{'':24} {'mmsk':>7} {'sklearn':>7} {'ratio':>6}  target 1.00")
    for name, pair in peers().items():
        for method in ("fit_transform", "transform"):
            best = [np.inf, np.inf]
            for _ in range(repetitions):
                for i, each in enumerate(pair):
                    data = (X, y) if method == "fit_transform" else (X,)
                    began = time.process_time()
                    getattr(each, method)(*data)
                    best[i] = min(best[i], time.process_time() - began)
            ratio = best[0] / best[1]
            verdict = "met" if ratio <= 1 else "MISSED"
            print(
                f"{name + ' ' + method:<24} {best[0]:7.3f} {best[1]:7.3f} "
                f"{ratio:6.2f}  {verdict}"
            )
    print(f"load {os.getloadavg()[0]:.1f}")


def main():
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    path = arguments.data / "chocolate_ratings" / "data.csv"
    if arguments.speed:
        run_speed()
    elif not path.exists():
        print(f"skipped: no chocolate_ratings in {arguments.data}; pass --data DIR")
    else:
        run_folds(path)


if __name__ == "__main__":
    main()
