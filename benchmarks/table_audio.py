"""Emotions and digits of unknown speakers: what does sound alone say, what fused?

On the folds of the sets, which leave speakers out, logistic regression is fitted on

- emodb: MFCC, MFCC with spectral measures and pitch ("audio"), the same with the
  speaker's sex (early fusion), and sex alone;
- av_digits: MFCC, HOG of the pictures, and both (early fusion).

One fixed configuration of features for both sets: the frames of `speech_frames` (32 ms
every 10 ms), 40 mels, the extractors' own statistics, pitch from 60 to 500 Hz in frames
twice as long, derivatives of the spectral measures. Of the head one thing is chosen, on
three inner folds of the training speakers: whether each block weighs as much as any
other (block_norm=10) or each column (None); with one block it is fixed.

    OMP_NUM_THREADS=1 python benchmarks/table_audio.py [--data DIR] [--only SET]

Prints accuracy by fold, means, the worst fold and the paired difference of fusion to
the best single modality with its standard error. --defaults takes librosa's frames
instead of those of speech. The targets: emodb .72 by audio, with sex not below it
(a mean difference of at least -1 standard error); av_digits .74 by audio, .985 fused.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.feature_extraction.audio import (
    MFCCExtractor,
    SpectralExtractor,
    speech_frames,
)
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import EarlyFusionClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def emodb(root, defaults):
    """Return branches, candidates, their audio and fused one, and targets."""
    mfcc = {} if defaults else {**speech_frames(16000), "n_mels": 40}
    frames = {} if defaults else {**speech_frames(16000), "frame_length": 1024}
    pitch = {"fmin": 60.0, "fmax": 500.0, "deltas": 1}
    branches = [
        ("mfcc", MFCCExtractor(root=root, **mfcc), ["audio"]),
        ("spectral", SpectralExtractor(root=root, **frames, **pitch), ["audio"]),
        ("table", TableExtractor(), ["sex"]),
    ]
    candidates = {
        "sex": ["table"],
        "MFCC": ["mfcc"],
        "audio": ["mfcc", "spectral"],
        "audio + sex": ["mfcc", "spectral", "table"],
    }
    return branches, candidates, {"audio": 0.72}


def av_digits(root, defaults):
    """Return the same for the spoken and written digits."""
    mfcc = {} if defaults else {**speech_frames(8000), "n_mels": 40}
    branches = [
        ("image", HOGExtractor(root=root), ["image"]),
        ("audio", MFCCExtractor(root=root, **mfcc), ["audio"]),
    ]
    candidates = {
        "HOG": ["image"],
        "audio": ["audio"],
        "audio + HOG": ["image", "audio"],
    }
    return branches, candidates, {"audio": 0.74, "audio + HOG": 0.985}


SETS = {"emodb": emodb, "av_digits": av_digits}


def make_model(features, modalities, memory):
    """Return the search over the one thing that is chosen, not fitted."""
    head = EarlyFusionClassifier(
        LogisticRegression(max_iter=2000), modalities=modalities
    )
    model = MultimodalClassifier(ModalityTransformer(features, memory=memory), head)
    norms = [10.0, None] if len(modalities) > 1 else [10.0]
    return GridSearchCV(
        model, {"estimator__block_norm": norms}, cv=GroupKFold(3), error_score="raise"
    )


def score_folds(table, features, candidates):
    """Return accuracies of shape (n_folds, n_candidates), printed."""
    X = table[sorted({column for _, _, names in features for column in names})]
    accuracies = []
    with tempfile.TemporaryDirectory() as memory:
        for fold, test in table.groupby("fold"):
            train = table.drop(index=test.index)
            row, chosen = [], []
            for modalities in candidates.values():
                model = make_model(features, modalities, memory)
                model.fit(X.loc[train.index], train["label"], groups=train["speaker"])
                row.append(model.score(X.loc[test.index], test["label"]))
                chosen.append(model.best_params_["estimator__block_norm"])
            accuracies.append(row)
            speakers = ", ".join(map(str, sorted(test["speaker"].unique())))
            print(f"{fold} {speakers:<12} {len(test):5d}" + cells(row), chosen)
    return np.array(accuracies)


def cells(values):
    """Return numbers as the columns of the table."""
    return "".join(f"{value:14.4f}" for value in values)


def run(name, root, defaults):
    """Print the table of one set."""
    branches, candidates, targets = SETS[name](root, defaults)
    table = pd.read_csv(root / "data.csv", dtype={"id": str})
    print(f"{name}, {len(table)} rows")
    print(
        f"{'fold speaker':<14} {'test':>5}" + "".join(f"{c:>14}" for c in candidates),
        "chosen",
    )
    accuracies = score_folds(table, branches, candidates)
    means = accuracies.mean(axis=0)
    print(f"{'mean':<20}" + cells(means))
    print(f"{'worst':<20}" + cells(accuracies.min(axis=0)))
    names = list(candidates)
    best = int(means[:-1].argmax())
    gain = accuracies[:, -1] - accuracies[:, best]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    word = "met" if gain.mean() >= -error else "MISSED"
    print(
        f"{names[-1]} - {names[best]}: {gain.mean():+.4f}, standard error {error:.4f} "
        f"(not below: {word})"
    )
    for candidate, target in targets.items():
        mean = means[names.index(candidate)]
        word = "met" if mean >= target else "MISSED"
        print(f"{candidate}: {mean:.4f} (target {target}: {word})")


def main():
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--defaults", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    for name in [arguments.only] if arguments.only else SETS:
        root = arguments.data / name
        if not (root / "data.csv").exists():
            print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
            continue
        run(name, root, arguments.defaults)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
