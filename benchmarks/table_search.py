"""What ensemble() is worth: it, and the candidate with the best inner score.

For each set and each of its own folds: FusionSearchCV on the training rows (five
inner folds, grouped where the set has groups) over the same candidates, fixed
beforehand: each modality alone, early fusion and three rules of late fusion, all of two
strengths. The candidate with the best inner score (accuracy, R2 for numbers), refitted
on all training rows, and `search.ensemble()`, at its defaults, which fits nothing,
score the outer rows once each. "by the score" selects for accuracy or R2 instead of
log-loss or squared error, for comparison.

    OMP_NUM_THREADS=1 python benchmarks/table_search.py [--sets clipart] [--folds 3]
        [--results FILE] [--store DIR]

With --results each fold is kept as a line of FILE once it is done and not run again;
with --store the features and finished fits too, so that a fold goes on where it was.
Seconds are those of the fits and scores of the search, and of the two selections.

Five inner folds, the default, because models of the folds see that much less than all
training rows: three were tried on one fold of houses (-.015), nothing else was looked
at. Features are those that make_multimodal_classifier chooses (TF-IDF, HOG, MFCC,
tables), the columns that a set's README says never to feed left out.

Target: the mean difference over all folds of all sets is at least 0.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from table_defaults import DATA, SETS, made, read

from mmsk.exceptions import GroupsWarning, MissingModalityWarning, SingleBlockWarning
from mmsk.model_selection import FusionSearchCV, fusion_grid
from mmsk.pipeline import make_multimodal_regressor

HERE = ("clipart", "emodb", "av_digits", "houses", "fashion_season")


def candidates(names, *, regression):
    """Return the grid of a set with these modalities."""
    if regression:
        heads = [Ridge(alpha) for alpha in (30.0, 300.0)]
        fusions = ["early", "late:mean", "late:median", "late:weighted"]
    else:
        heads = [LogisticRegression(C=C, max_iter=1000) for C in (0.1, 1.0)]
        fusions = ["early", "late:mean", "late:product", "late:confidence"]
    return fusion_grid(fusions, heads, modalities=[*names, None])


def run_fold(model, X, y, train, test, *, regression):
    """Return scores of the best candidate and of two ensembles, and what happened."""
    names = [name for name, *_ in model.features.transformers]
    grid = candidates(names, regression=regression)
    search = FusionSearchCV(model, grid, cv=5)
    known = X.iloc[train]
    search.fit(known, y.iloc[train])
    new, target = X.iloc[test], y.iloc[test]
    began = time.perf_counter()
    chosen = search.ensemble(known)
    by_score = search.ensemble(known, metric="r2" if regression else "accuracy")
    spent = time.perf_counter() - began
    results = search.cv_results_
    times = results["mean_fit_time"] + results["mean_score_time"]
    return {
        "scores": [each.score(new, target) for each in (search, chosen, by_score)],
        "candidates": len(results["params"]),
        "chosen": len(chosen.weights_),
        "search s": float(times.sum()) * search.n_splits_,
        "selection s": spent,
    }


def kept_folds(path):
    """Return what a file holds, by set and fold."""
    if path is None or not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {(each["set"], each["fold"]): each for each in lines}


def main():
    """Print a line a set, the mean over folds and sets, and whether it is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=HERE, choices=list(SETS))
    parser.add_argument("--folds", type=int, default=3, help="the first of each set")
    parser.add_argument("--results", type=Path, help="a file of finished folds")
    parser.add_argument("--store", help="a folder of features and finished fits")
    arguments = parser.parse_args()
    kept = kept_folds(arguments.results)
    if not arguments.data.exists():
        parser.exit(1, f"No data in {arguments.data}: name their folder by --data.\n")
    for category in (GroupsWarning, MissingModalityWarning, SingleBlockWarning):
        warnings.simplefilter("ignore", category)
    print(f"load {os.getloadavg()[0]:.1f}")
    print(
        f"{'set':16}{'folds':>6}{'candidates':>11}{'best':>7}{'ensemble':>9}"
        f"{'difference +- s.e.':>20}{'by the score':>13}{'chosen':>7}"
        f"{'search s':>9}{'selection s':>12}"
    )
    everything = []
    for name in arguments.sets:
        X, y, folds = read(name, arguments.data)
        regression = SETS[name].make is make_multimodal_regressor
        found = []
        with tempfile.TemporaryDirectory() as memory:
            store = arguments.store or memory
            model = made(name, X, arguments.data / name, store)
            for fold in np.unique(folds[folds >= 0])[: arguments.folds].tolist():
                if (name, fold) not in kept:
                    train, test = (
                        np.flatnonzero(each) for each in (folds != fold, folds == fold)
                    )
                    run = run_fold(model, X, y, train, test, regression=regression)
                    kept[name, fold] = {"set": name, "fold": fold, **run}
                    if arguments.results is not None:
                        with arguments.results.open("a") as file:
                            print(json.dumps(kept[name, fold]), file=file)
                found.append(kept[name, fold])
        scores = np.array([each["scores"] for each in found])
        difference = scores[:, 1] - scores[:, 0]
        error = (
            difference.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
        )
        other = (scores[:, 2] - scores[:, 0]).mean()
        n_chosen, seconds, spent = (
            np.mean([each[key] for each in found])
            for key in ("chosen", "search s", "selection s")
        )
        print(
            f"{name:16}{len(found):6d}{found[0]['candidates']:11d}"
            f"{scores[:, 0].mean():7.3f}{scores[:, 1].mean():9.3f}"
            f"{difference.mean():+12.4f} +- {error:.4f}"
            f"{other:+13.4f}{n_chosen:7.1f}{seconds:9.1f}{spent:12.2f}",
            flush=True,
        )
        everything.extend(difference)
    mean = np.mean(everything)
    error = np.nan
    if len(everything) > 1:
        error = np.std(everything, ddof=1) / np.sqrt(len(everything))
    print(
        f"mean difference over {len(everything)} folds {mean:+.4f} +- {error:.4f} "
        f"(target >= 0: {'met' if mean >= 0 else 'MISSED'}), "
        f"load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
