"""Which text features help to tell a recommended product from its review?

Logistic regression on each text extractor of mmsk and on each pair of them (early
fusion) over title and review of review_prediction. The regression's C is chosen for
each of them by the macro-F1 of stratified folds inside train.csv; it is then fitted on
all of train.csv, and val.csv is scored once.

    OMP_NUM_THREADS=1 python benchmarks/table_text.py [--data DIR] [--store DIR]
        [--rows N] [--choice-rows N] [--without NAME ...]

--rows takes the first N rows of train.csv only. The folds are made of --choice-rows of
its rows, drawn at random. Embeddings of the pretrained model (the first 128 tokens of a
text) are kept in --store, else in a temporary folder; 21,000 reviews take minutes.

Prints F1 of the recommended, macro-F1 and PR-AUC (average precision) on val.csv, each
with the 95 % interval of a bootstrap over its rows, and the CPU seconds of the
extractors' fit_transform and of the head's fit on the training rows. Seconds with * are
those of 200 rows without a store, scaled to all. Last, the best pair by the folds
against the best single extractor by the folds, paired by rows.
"""

import argparse
import os
import tempfile
import time
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from mmsk.compose import Block, Blocks
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.feature_extraction.pretrained import TransformersEncoder
from mmsk.feature_extraction.text import (
    TextStatisticsExtractor,
    TfidfExtractor,
    WordEmbeddingEncoder,
)
from mmsk.fusion import EarlyFusionClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXTS = ["title", "review_text"]
PENALTIES = (0.01, 0.1, 1.0, 10.0)
N_FOLDS = 3
N_RESAMPLES = 2000
SAMPLE = 200
SCORES = ("F1", "macro-F1", "PR-AUC")


def extractors(memory):
    """Return the extractors of the table, not fitted."""
    common = {"sublinear_tf": True, "min_df": 3}
    return {
        "tfidf words": TfidfExtractor(ngram_range=(1, 2), **common),
        "tfidf chars": TfidfExtractor(analyzer="char_wb", ngram_range=(2, 4), **common),
        "tfidf svd": TfidfExtractor(n_components=200, random_state=0, **common),
        "statistics": TextStatisticsExtractor(),
        "own vectors": WordEmbeddingEncoder("corpus", pooling="sif"),
        "wordllama": WordEmbeddingEncoder("wordllama"),
        "MiniLM": TransformersEncoder(max_length=128, memory=memory),
    }


def features_of(extractor, train, *others):
    """Fit on the training rows; return the rows of all tables, and CPU seconds."""
    extractor = clone(extractor)
    began = time.process_time()
    fitted = extractor.fit_transform(train[TEXTS])
    spent = time.process_time() - began
    return [fitted, *(extractor.transform(other[TEXTS]) for other in others)], spent


def sampled_seconds(extractor, train):
    """Return the CPU seconds that rows would take without a store."""
    fresh = clone(extractor).set_params(memory=None)
    fresh.fit(train[TEXTS].iloc[:2])  # the model is loaded
    part = train[TEXTS].sample(min(SAMPLE, len(train)), random_state=0)
    began = time.process_time()
    fresh.transform(part)
    return (time.process_time() - began) * len(train) / len(part)


def together(parts):
    """Return blocks side by side and their layout; a block ends with its flag."""
    blocks, start = [], 0
    for name, rows in parts.items():
        stop = start + rows.shape[1] - 1
        blocks.append(Block(name, start, stop, indicator=stop))
        start = stop + 1
    rows = list(parts.values())
    if any(map(sp.issparse, rows)):
        rows = sp.hstack([sp.csr_array(part) for part in rows], format="csr")
        return rows, Blocks(blocks)
    return np.hstack(rows), Blocks(blocks)


def head(blocks, C):
    """Return the head, not fitted."""
    regression = LogisticRegression(C=C, max_iter=1000)
    return EarlyFusionClassifier(regression, blocks=blocks)


def fold_scores(models, candidates, table):
    """Return macro-F1 of shape (n_candidates, n_penalties, n_folds)."""
    scores = np.zeros((len(candidates), len(PENALTIES), N_FOLDS))
    cut = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    for fold, (train, test) in enumerate(cut.split(table, table["label"])):
        train, test = table.iloc[train], table.iloc[test]
        rows = {
            name: features_of(model, train, test)[0] for name, model in models.items()
        }
        for position, names in enumerate(candidates):
            fitted, blocks = together({name: rows[name][0] for name in names})
            held_out, _ = together({name: rows[name][1] for name in names})
            for place, C in enumerate(PENALTIES):
                model = head(blocks, C).fit(fitted, train["label"])
                predicted = model.predict(held_out)
                scores[position, place, fold] = f1_score(
                    test["label"], predicted, average="macro"
                )
    return scores


def scores_of(y, proba, weights):
    """Return F1, macro-F1 and average precision for each weighting of the rows.

    Parameters
    ----------
    y : ndarray of shape (n,)
    proba : ndarray of shape (n,)
    weights : ndarray of shape (n_weightings, n)
        How often each row counts.
    """
    order = np.argsort(-proba, kind="stable")
    y, proba, weights = y[order], proba[order], weights[:, order]
    hits, taken = np.cumsum(weights * y, axis=1), np.cumsum(weights, axis=1)
    ends = np.flatnonzero(np.append(np.diff(proba) != 0, True))
    recall = hits[:, ends] / hits[:, -1:]
    steps = np.diff(recall, axis=1, prepend=0)
    precision = (steps * hits[:, ends] / np.maximum(taken[:, ends], 1)).sum(axis=1)
    n_yes = (proba > 0.5).sum()  # they come first
    both, said = hits[:, n_yes - 1], taken[:, n_yes - 1]
    true, n = hits[:, -1], taken[:, -1]
    f1 = 2 * both / (said + true)
    f0 = 2 * (n - said - true + both) / (2 * n - said - true)
    return np.stack([f1, (f1 + f0) / 2, precision], axis=1)


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--store", default=None)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--choice-rows", type=int, default=6000)
    parser.add_argument("--without", nargs="*", default=[])
    arguments = parser.parse_args()
    root = arguments.data / "review_prediction"
    if not (root / "train.csv").exists():
        print(f"skipped: no review_prediction in {arguments.data}; pass --data DIR")
        return
    train = pd.read_csv(root / "train.csv", nrows=arguments.rows)
    test = pd.read_csv(root / "val.csv")
    # rows without any text get the prior, and one extractor has nothing to fuse with
    for category in (MissingModalityWarning, SingleBlockWarning):
        warnings.simplefilter("ignore", category)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run(train, test, arguments, arguments.store or folder)
    spent = time.process_time() - began
    print(f"{spent:.0f} CPU seconds in all, load {os.getloadavg()[0]:.1f}")


def run(train, test, arguments, memory):
    """Choose on folds, score once, print."""
    models = extractors(memory)
    models = {n: m for n, m in models.items() if n not in arguments.without}
    candidates = [(name,) for name in models] + list(combinations(models, 2))
    chosen_on = train
    if arguments.choice_rows < len(train):
        chosen_on = train.sample(arguments.choice_rows, random_state=0)
    by_fold = fold_scores(models, candidates, chosen_on).mean(axis=2)
    penalties = [PENALTIES[place] for place in by_fold.argmax(axis=1)]
    by_fold = by_fold.max(axis=1)

    rows, seconds = {}, {}
    for name, model in models.items():
        rows[name], seconds[name] = features_of(model, train, test)
        if "memory" in model.get_params():
            seconds[name] = sampled_seconds(model, train)
    y = test["label"].to_numpy()
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=N_RESAMPLES)
    draws = np.vstack([np.ones(len(y), dtype=int), draws])  # as they are, and drawn
    print(
        f"{len(train)} rows of train.csv ({len(chosen_on)} in the {N_FOLDS} folds), "
        f"{len(test)} of val.csv; always 1: F1 {f1_score(y, y * 0 + 1):.3f}, "
        f"PR-AUC {y.mean():.3f}"
    )
    titles = "".join(f"{score:^22}" for score in SCORES)
    print(f"{'extractors':<26}{'C':>6} {'folds':>6} {titles}{'seconds':>16}")
    drawn = []
    for names, C, inner in zip(candidates, penalties, by_fold, strict=True):
        fitted, blocks = together({name: rows[name][0] for name in names})
        held_out, _ = together({name: rows[name][1] for name in names})
        start = time.process_time()
        model = head(blocks, C).fit(fitted, train["label"])
        spent = time.process_time() - start
        proba = model.predict_proba(held_out)[:, 1]
        every = scores_of(y, proba, draws)
        drawn.append(every)
        low, high = np.percentile(every[1:], [2.5, 97.5], axis=0)
        cells = "".join(
            f" {value:.4f} [{a:.3f}, {b:.3f}]"
            for value, a, b in zip(every[0], low, high, strict=True)
        )
        known = sum(seconds[name] for name in names)
        star = "*" if "MiniLM" in names else " "
        print(
            f"{' + '.join(names):<26}{C:6g} {inner:6.4f}{cells}"
            f" {known:7.1f}{star}+ {spent:4.1f}",
            flush=True,
        )
    single = int(by_fold[: len(models)].argmax())
    pair = len(models) + int(by_fold[len(models) :].argmax())
    gain = drawn[pair] - drawn[single]
    low, high = np.percentile(gain[1:], [2.5, 97.5], axis=0)
    print(f"chosen by folds: {' + '.join(candidates[pair])} - {candidates[single][0]}:")
    for position, score in enumerate(SCORES):
        print(
            f"  {score:<9}{gain[0, position]:+.4f} "
            f"[{low[position]:+.4f}, {high[position]:+.4f}]"
        )


if __name__ == "__main__":
    main()
