"""What clipping scaled values is worth to early fusion, on every set's own folds.

Features are those that make_multimodal_classifier and make_multimodal_regressor choose,
the estimators the defaults of EarlyFusionClassifier and EarlyFusionRegressor. Nothing
is chosen: each `clip` is fitted on the training rows of each fold and scored once on
its test rows, and compared with no clipping in pairs.

    OMP_NUM_THREADS=1 python benchmarks/table_clip.py [--sets houses] [--clips 10 5]
        [--store DIR]

Prints accuracy (for numbers R2), the worst fold's, the log loss (for numbers the root
mean squared error in standard deviations of the target), their mean differences to no
clipping, and standard errors over folds.
"""

import argparse
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import is_regressor
from sklearn.metrics import log_loss
from table_defaults import DATA, SETS, made, read

from mmsk.fusion import EarlyFusionClassifier, EarlyFusionRegressor


def score(model, X, y):
    """Return score and loss of a fitted model."""
    if not is_regressor(model):
        found = model.predict_proba(X)
        return model.score(X, y), log_loss(y, found, labels=model.classes_)
    error = np.sqrt(np.mean((model.predict(X) - y) ** 2))
    return model.score(X, y), error / np.std(y)


def run_set(name, data, clips, store):
    """Return scores and losses of shape (n_folds, n_clips, 2)."""
    X, y, folds = read(name, data)
    model = made(name, X, data / name, store)
    fusion = EarlyFusionRegressor if is_regressor(model) else EarlyFusionClassifier
    features, rows = model.features, []
    for fold in np.unique(folds[folds >= 0]):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        seen = features.fit_transform(X.iloc[train], y.iloc[train])
        new = features.transform(X.iloc[test])
        models = [fusion(clip=clip, blocks=features.blocks_) for clip in clips]
        models = [model.fit(seen, y.iloc[train]) for model in models]
        rows.append([score(model, new, y.iloc[test].to_numpy()) for model in models])
    return np.array(rows)


def report(name, clips, scores):
    """Print a line for each clip."""
    for position, clip in enumerate(clips):
        found, losses = scores[:, position].T
        line = f"{name:<18} {clip!s:>5} {found.mean():7.3f} {found.min():7.3f} "
        line += f"{losses.mean():7.3f}"
        if position:
            difference = scores[:, position] - scores[:, 0]
            errors = difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
            for mean, error in zip(difference.mean(axis=0), errors, strict=True):
                line += f"  {mean:+.3f} +- {error:.3f}"
        print(line, flush=True)


def main():
    """Score all sets."""
    names = [name for name in SETS if name != "review_prediction"]  # no folds
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=names, choices=names)
    parser.add_argument("--clips", nargs="+", type=float, default=[10.0, 5.0])
    parser.add_argument("--store", help="folder of a feature store to keep")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    print(f"load {os.getloadavg()[0]:.1f}")
    print(
        "set                 clip   score   worst    loss  difference        of losses"
    )
    clips = [None, *arguments.clips]
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            if not (arguments.data / name).exists():
                print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
                continue
            store = arguments.store or folder
            report(name, clips, run_set(name, arguments.data, clips, store))


if __name__ == "__main__":
    main()
