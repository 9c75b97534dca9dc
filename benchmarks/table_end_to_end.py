"""Digits of unknown speakers from pixels and spectrograms, trained end to end.

Each fold leaves one speaker out. A convolutional net on the pictures and a
convolutional recurrent one on mel spectrograms are trained together, with gated fusion,
and apart, with their probabilities multiplied. Fixed configurations.

    OMP_NUM_THREADS=1 python benchmarks/table_end_to_end.py [--data DIR]
        [--folds 0 1 ...] [--store DIR]

Prints accuracy and CPU seconds by fold. The targets: a mean of .99 fused, at most ten
minutes of CPU a fold, and not below the product of the nets trained apart.
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mmsk.compose import ModalityTransformer
from mmsk.feature_extraction.audio import MelSpectrogramExtractor
from mmsk.feature_extraction.image import ImageTensorizer
from mmsk.fusion import IntermediateFusionClassifier
from mmsk.modules import ImageCNN, SpectrogramCRNN

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CANDIDATES = ("picture", "sound", "product", "gated")
NET = {"max_epochs": 12, "batch_size": 64, "schedule": "one_cycle", "lr": 4e-3}


def make_features(root, store):
    """Return features that leave pictures and spectrograms what they are."""
    spectrogram = MelSpectrogramExtractor(
        sample_rate=8000,
        n_fft=256,
        hop_length=80,
        n_mels=40,
        n_frames=64,
        output="sequence",
        root=root,
    )
    return ModalityTransformer(
        [
            ("image", ImageTensorizer(size=28, root=root), ["image"]),
            ("audio", spectrogram, ["audio"]),
        ],
        memory=store,
    )


def make_net(blocks, modalities=None):
    """Return the net of some modalities."""
    encoders = {
        "image": partial(ImageCNN, widths=(16, 32), out_size=64),
        "audio": partial(SpectrogramCRNN, widths=(16, 32), out_size=64, dropout=0.2),
    }
    return IntermediateFusionClassifier(
        "gated",
        encoders=encoders,
        modalities=modalities,
        blocks=blocks,
        random_state=0,
        **NET,
    )


def score_fold(X, y, new, truth, blocks):
    """Return accuracies and CPU seconds of the candidates."""
    said, seconds = {}, {}
    for name, modalities in (
        ("picture", ["image"]),
        ("sound", ["audio"]),
        ("gated", None),
    ):
        began = time.process_time()
        model = make_net(blocks, modalities).fit(X, y)
        said[name] = model.predict_proba(new)
        seconds[name] = time.process_time() - began
    # the digits are equally frequent
    said["product"] = said["picture"] * said["sound"]
    seconds["product"] = seconds["picture"] + seconds["sound"]
    classes = model.classes_
    accuracies = [
        np.mean(classes[said[name].argmax(axis=1)] == truth) for name in CANDIDATES
    ]
    return accuracies, [seconds[name] for name in CANDIDATES]


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(6)))
    parser.add_argument("--store", help="folder of a feature store to keep")
    arguments = parser.parse_args()
    root = arguments.data / "av_digits"
    if not (root / "data.csv").exists():
        print(f"skipped: no av_digits in {arguments.data}; pass --data DIR")
        return
    table = pd.read_csv(root / "data.csv", dtype={"id": str})
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        features = make_features(root, arguments.store or folder)
        X = features.fit_transform(table[["image", "audio"]])
    blocks, y = features.blocks_, table["label"].to_numpy()
    print(f"{blocks!r}: {time.perf_counter() - began:.1f} s")
    print("fold speaker    " + "".join(f"{name:>9}      s" for name in CANDIDATES))
    scores, seconds = [], []
    for fold in arguments.folds:
        test = (table["fold"] == fold).to_numpy()
        row, spent = score_fold(X[~test], y[~test], X[test], y[test], blocks)
        scores.append(row)
        seconds.append(spent)
        (speaker,) = table.loc[test, "speaker"].unique()
        cells = "".join(f"{a:9.4f} {s:6.0f}" for a, s in zip(row, spent, strict=True))
        print(f"{fold:4} {speaker:<10} {cells}", flush=True)
    means = np.mean(scores, axis=0)
    slowest = np.max(seconds, axis=0)[-1]
    print("mean            " + "".join(f"{mean:9.4f}       " for mean in means))
    gain = means[-1] - means[-2]
    for title, value, met in (
        ("gated (target .99)", f"{means[-1]:.4f}", means[-1] >= 0.99),
        (
            "CPU seconds of the slowest fold (target 600)",
            f"{slowest:.0f}",
            slowest <= 600,
        ),
        ("gated - product (target 0)", f"{gain:+.4f}", gain >= 0),
    ):
        print(f"{title}: {value}: {'met' if met else 'MISSED'}")
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
