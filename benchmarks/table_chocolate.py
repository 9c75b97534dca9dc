"""Ratings of chocolate bars from a table and tasting notes: does fusing pay?

Three models on each of the set's five folds. All that is chosen is chosen anew for each
fold, by R2 on five inner folds of its training rows; the fold is scored once.

- notes: ridge regression on TF-IDF, of words or of words and pairs of them (alpha 1, 3
  or 10);
- table: LightGBM on TableExtractor's features, `company` (580 levels) by its mean
  rating out of fold, one-hot or as a code, other categories one-hot (7 or 15 leaves);
- table + notes, with the words and the coding that these two chose: ridge regression on
  both ("early"; alpha 3, 10 or 30, blocks of norm 3 or 10), LightGBM on the table, the
  words and the out-of-fold prediction of the notes ("trees"; 7 or 15 leaves), or the
  mean of the chosen two ("mean").

    OMP_NUM_THREADS=1 python benchmarks/table_chocolate.py [--data DIR] [--speed]
        [--store DIR] [--results FILE]

Prints R2 by fold and what was chosen, means, the paired difference of both to the
better single modality with its standard error, and on the inner folds each coding of
`company` and each fusion. --store keeps the features, --results the folds as they come,
and takes from there what it finds. The target: .49 for both modalities. Earlier
versions printed outer scores of one setting each of notes, table, early, trees and
mean; the candidates here are these and their neighbours.

--speed compares TableExtractor with a ColumnTransformer of scikit-learn's parts on
100,000 rows of 20 columns instead.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _results import Results
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
from mmsk.exceptions import SingleBlockWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionRegressor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NOT_TABLE = ["id", "label", "fold", "text", "bar_name"]
TARGET = 0.49
ENCODINGS = ["target", "onehot", "ordinal"]
NGRAMS = [(1, 1), (1, 2)]
LEAVES = [7, 15]


def make_features(columns=None, encoding=None, ngrams=None, memory=None):
    """Return the features of the table and the notes, or of one, not fitted."""
    branches = []
    if encoding is not None:
        table = TableExtractor(
            encoding={"company": encoding}, smooth=5.0, random_state=0
        )
        branches.append(("table", table, columns))
    if ngrams is not None:
        branches.append(("notes", TfidfExtractor(ngram_range=ngrams), ["text"]))
    return ModalityTransformer(branches, memory=memory)


def make_trees(num_leaves):
    """Return the booster, the same wherever one is used."""
    return LightGBMRegressor(
        200,
        learning_rate=0.05,
        num_leaves=num_leaves,
        min_child_samples=10,
        subsample=0.7,
        colsample_bytree=0.5,
        reg_lambda=5.0,
        random_state=0,
    )


def make_stack(alpha, num_leaves):
    """Return the booster that also sees what the notes predict out of fold."""
    notes = EarlyFusionRegressor(Ridge(alpha), modalities=["notes"], scale=False)
    return StackingRegressor(
        [("notes", notes)],
        make_trees(num_leaves),
        cv=KFold(5, shuffle=True, random_state=0),
        passthrough=True,
    )


class Chooser:
    """Choose on inner folds of training rows, fit on all, score the others once."""

    def __init__(self, train, test, columns, store):
        self.train, self.test = train, test
        self.columns, self.store = columns, store

    def search(self, features, heads):
        """Return the fitted search over all pairs of features and heads."""
        search = GridSearchCV(
            MultimodalRegressor(features[0], heads[0]),
            {"features": features, "estimator": heads},
            cv=KFold(5, shuffle=True, random_state=1),
            error_score="raise",
        )
        return search.fit(self.train, self.train["label"])

    def notes(self):
        """Choose words and penalty."""
        features = [make_features(ngrams=n, memory=self.store) for n in NGRAMS]
        alphas = [1.0, 3.0, 10.0]
        heads = [EarlyFusionRegressor(Ridge(a), scale=False) for a in alphas]
        search = self.search(features, heads)
        branch = search.best_params_["features"].transformers[0][1]
        alpha = search.best_params_["estimator"].estimator.alpha
        words = f"{'pairs' if branch.ngram_range[1] == 2 else 'words'} alpha={alpha:g}"
        return self.result(search, words, ngrams=branch.ngram_range, alpha=alpha)

    def table(self):
        """Choose the coding of companies and the size of trees."""
        features = [
            make_features(self.columns, encoding, memory=self.store)
            for encoding in ENCODINGS
        ]
        heads = [EarlyFusionRegressor(make_trees(n), scale=False) for n in LEAVES]
        search = self.search(features, heads)
        position = features.index(search.best_params_["features"])
        num_leaves = search.best_params_["estimator"].estimator.num_leaves
        means = search.cv_results_["mean_test_score"]
        by_encoding = {
            encoding: max(
                mean
                for mean, params in zip(
                    means, search.cv_results_["params"], strict=True
                )
                if params["features"] is features[i]
            )
            for i, encoding in enumerate(ENCODINGS)
        }
        words = f"{ENCODINGS[position]} {num_leaves} leaves"
        return self.result(
            search, words, encoding=ENCODINGS[position], inner_scores=by_encoding
        )

    def both(self, notes, table):
        """Choose early fusion, trees, and then them or their mean."""
        features = make_features(
            self.columns, table["encoding"], tuple(notes["ngrams"]), self.store
        )
        early = self.search(
            [features],
            [
                EarlyFusionRegressor(Ridge(alpha), block_norm=norm)
                for alpha in (3.0, 10.0, 30.0)
                for norm in (3.0, 10.0)
            ],
        ).best_params_["estimator"]
        trees = self.search(
            [features], [make_stack(notes["alpha"], n) for n in LEAVES]
        ).best_params_["estimator"]
        mean = VotingRegressor([("early", early), ("trees", trees)])
        search = self.search([features], [early, trees, mean])
        names = ["early", "trees", "mean"]
        inner = dict(zip(names, search.cv_results_["mean_test_score"], strict=True))
        words = (
            f"{names[search.best_index_]}: alpha={early.estimator.alpha:g} "
            f"norm={early.block_norm:g}, {trees.final_estimator.num_leaves} leaves"
        )
        return self.result(search, words, inner_scores=inner)

    def result(self, search, words, **values):
        """Return what is kept of a model."""
        return {
            "score": search.score(self.test, self.test["label"]),
            "inner": search.best_score_,
            "words": words,
            **values,
        }


def run_fold(chooser, fold, results):
    """Return the results of the three models on one fold."""
    row = {}

    def timed(choose):
        began = time.process_time()
        result = choose()
        return {**result, "seconds": time.process_time() - began}

    for name, choose in (
        ("notes", chooser.notes),
        ("table", chooser.table),
        ("table + notes", lambda: chooser.both(row["notes"], row["table"])),
    ):
        row[name] = results.get(
            f"fold {fold}, {name}", lambda choose=choose: timed(choose)
        )
    return row


def run_folds(path, store, results):
    """Print the table of scores."""
    began = time.perf_counter()
    table = pd.read_csv(path, dtype={"id": str})
    columns = [name for name in table if name not in NOT_TABLE]
    print(f"{len(table)} bars, R2")
    rows = []
    for fold, test in table.groupby("fold"):
        train = table.drop(index=test.index)
        row = run_fold(Chooser(train, test, columns, store), fold, results)
        if not rows:
            print(f"{'fold':<19}" + "".join(f"{name:>15}" for name in row))
        rows.append(row)
        scores = "".join(f"{result['score']:15.4f}" for result in row.values())
        print(f"{fold:<19}{scores}", flush=True)
    names = list(rows[0])
    values = {
        what: np.array([[row[name][what] for name in names] for row in rows])
        for what in ("score", "inner", "seconds")
    }
    scores = values["score"]
    means = scores.mean(axis=0)
    for title, numbers in (
        ("mean", means),
        ("standard deviation", scores.std(axis=0, ddof=1)),
        ("mean, inner folds", values["inner"].mean(axis=0)),
        ("CPU s", values["seconds"].sum(axis=0)),
    ):
        print(f"{title:<19}" + "".join(f"{number:15.4f}" for number in numbers))
    for name in names:
        print(f"{name}, chosen: " + "; ".join(row[name]["words"] for row in rows))
        if "inner_scores" in rows[0][name]:
            inner = pd.DataFrame([row[name]["inner_scores"] for row in rows]).mean()
            print(
                "    inner folds: "
                + ", ".join(f"{k} {v:.4f}" for k, v in inner.items())
            )
    best = int(means[:2].argmax())
    gain = scores[:, 2] - scores[:, best]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"{names[2]} - {names[best]}: {gain.mean():+.4f}, standard error {error:.4f}")
    verdict = "met" if means[2] >= TARGET else "MISSED"
    print(f"{names[2]}: {means[2]:.4f} (target {TARGET}: {verdict})")
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


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
    parser.add_argument("--store", help="folder of a feature store to keep")
    parser.add_argument("--results", type=Path, help="a file of folds to go on with")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SingleBlockWarning)  # one modality on purpose
    path = arguments.data / "chocolate_ratings" / "data.csv"
    if arguments.speed:
        run_speed()
    elif not path.exists():
        print(f"skipped: no chocolate_ratings in {arguments.data}; pass --data DIR")
    else:
        with tempfile.TemporaryDirectory() as folder:
            store = arguments.store or folder
            run_folds(path, store, Results(arguments.results))


if __name__ == "__main__":
    main()
