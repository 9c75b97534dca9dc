"""Spoken and written digits of unknown speakers: does fusing pay?

Six folds leave one speaker out each. On each, logistic regression is fitted on HOG
alone, on MFCC statistics alone and on both (early fusion), three fixed configurations.

    OMP_NUM_THREADS=1 python benchmarks/table_av_digits.py [--data DIR]

Frames of 32 ms every 10 ms and 40 filters are what is usual for speech; --defaults
takes the extractor's own defaults, librosa's, instead. Prints accuracy by fold, the
means, seconds, and the paired difference of fusion to the better modality with its
standard error. The targets: .98 fused, .74 audio alone.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.fusion import EarlyFusionClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = {"sample_rate": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 40}
CANDIDATES = {
    "HOG": ["image"],
    "MFCC": ["audio"],
    "early fusion": None,
}
TARGETS = {"MFCC": 0.74, "early fusion": 0.98}


def make_classifier(modalities, root, memory, mfcc):
    """Return the classifier of some modalities, not fitted."""
    features = ModalityTransformer(
        [
            ("image", HOGExtractor(root=root), ["image"]),
            ("audio", MFCCExtractor(root=root, **mfcc), ["audio"]),
        ],
        memory=memory,
    )
    head = EarlyFusionClassifier(
        LogisticRegression(max_iter=1000), modalities=modalities
    )
    return MultimodalClassifier(features, head)


def score_folds(table, root, memory, mfcc):
    """Return accuracies and seconds of shape (n_folds, n_candidates), printed."""
    accuracies, seconds = [], []
    for fold, test in table.groupby("fold"):
        train = table.drop(index=test.index)
        row, spent = [], []
        for modalities in CANDIDATES.values():
            began = time.perf_counter()
            model = make_classifier(modalities, root, memory, mfcc)
            model.fit(train[["image", "audio"]], train["label"])
            row.append(model.score(test[["image", "audio"]], test["label"]))
            spent.append(time.perf_counter() - began)
        accuracies.append(row)
        seconds.append(spent)
        (speaker,) = test["speaker"].unique()
        cells = "  ".join(f"{value:12.4f}" for value in row)
        print(f"{fold} {speaker:<10} {len(test):5d}  {cells}  {sum(spent):7.1f}")
    return np.array(accuracies), np.array(seconds)


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--defaults", action="store_true")
    arguments = parser.parse_args()
    root = arguments.data / "av_digits"
    if not (root / "data.csv").exists():
        print(f"skipped: no av_digits in {arguments.data}; pass --data DIR")
        return
    mfcc = {} if arguments.defaults else SPEECH
    table = pd.read_csv(root / "data.csv", dtype={"id": str})
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as memory:
        warmed = make_classifier(None, root, memory, mfcc)
        warmed.features.warm(table[["image", "audio"]], verbose=False)
        print(f"features of {len(table)} rows: {time.perf_counter() - began:.1f} s")
        names = "  ".join(f"{name:>12}" for name in CANDIDATES)
        print(f"fold speaker   test  {names}  seconds")
        accuracies, seconds = score_folds(table, root, memory, mfcc)
    means, worst = accuracies.mean(axis=0), accuracies.min(axis=0)
    for title, values in (
        ("mean", means),
        ("worst", worst),
        ("seconds", seconds.sum(0)),
    ):
        cells = "  ".join(f"{value:12.4f}" for value in values)
        print(f"{title:<19} {cells}")
    best = int(means[:-1].argmax())
    gain = accuracies[:, -1] - accuracies[:, best]
    print(
        f"early fusion - {list(CANDIDATES)[best]}: {gain.mean():+.4f}, standard error "
        f"{gain.std(ddof=1) / np.sqrt(len(gain)):.4f}"
    )
    for name, mean in zip(CANDIDATES, means, strict=True):
        if name in TARGETS:
            verdict = "met" if mean >= TARGETS[name] else "MISSED"
            print(f"{name}: {mean:.4f} (target {TARGETS[name]}: {verdict})")
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
