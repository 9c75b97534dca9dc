"""What weights, losses, augmentation, dropout and early stopping do to macro-F1.

On folds that keep authors (clipart) or speakers (emodb) apart, one small net is trained
plainly, and then with one thing changed at a time. clipart: the mean of learned word
vectors and a convolutional net on pictures of 32 pixels, fused; emodb: a convolutional
net on mel spectrograms. Sizes, rates and epochs are fixed and were not chosen by these
scores.

    OMP_NUM_THREADS=1 python benchmarks/table_imbalance.py [--data DIR]
        [--sets clipart emodb] [--seeds 0] [--results FILE] [--write FILE]

Prints macro-F1 (over the classes that a fold's test rows have) and accuracy, and their
paired differences to the plain net with standard errors over folds, of the means over
seeds. --results keeps scores as they come and takes from there what it finds, so that
a run can be cut and go on. --write makes docs/imbalance.md.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from mmsk.compose import ModalityTransformer
from mmsk.exceptions import SingleBlockWarning
from mmsk.feature_extraction.audio import MelSpectrogramExtractor
from mmsk.feature_extraction.image import ImageTensorizer
from mmsk.feature_extraction.text import TokenSequencer
from mmsk.fusion import IntermediateFusionClassifier
from mmsk.modules import ImageAugmenter, ImageCNN, SoundAugmenter, SpectrogramCNN

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDS = {"clipart": ("fold_author", "author"), "emodb": ("fold", "speaker")}
NET = {"max_epochs": 15, "batch_size": 64, "lr": 3e-3}
PICTURE = {"flip": 0.5, "rotation_deg": 10, "crop": 0.2, "color": 0.2}
SOUND = {
    "stretch": 0.15,
    "warp": 0.1,
    "shift": 0.1,
    "noise": 0.3,
    "n_time_masks": 1,
    "n_feature_masks": 1,
}
PLAIN = "plain"
VARIANTS = {
    PLAIN: {},
    "`class_weight`": {"class_weight": "balanced"},
    "focal loss": {"loss": "focal"},
    "logit-adjusted loss": {"loss": "logit_adjusted"},
    "augmentation": {"augmented": True},
    "dropout": {"dropout": 0.3},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 5},
}
PAGE = """# Rare classes and few rows: what helps?

A net can be told to mind rare classes, and kept from learning its rows by heart. What
that does to the macro-F1, the mean of the F1 of each class whatever its frequency:

- `class_weight="balanced"`: a row counts inversely to the frequency of its class.
- `loss="focal"`: rows that are right already count less.
- `loss="logit_adjusted"`: the net is trained as if its outputs were shifted by the
  logarithms of the classes' shares, and predicts without the shift.
- augmentation: pictures and sounds are changed at random in training
  (`augment=ImageAugmenter(...)` and `SoundAugmenter(...)` of `mmsk.modules`).
- `dropout=0.3`: so many hidden units are left out at random in training.
- `early_stopping=True`: a tenth of the rows, whole groups, tells when to stop.

One is changed at a time, the rest is the plain net. A difference is the mean over the
folds of the paired differences to it; the number behind ± is its standard error. What
is not at least two standard errors from 0 may be chance.
{sets}
All numbers come from `{command}` ({seconds:.0f} s of CPU).
"""


def read_clipart(root):
    """Return the branches of a set."""
    return [
        ("text", TokenSequencer(), ["title", "description"]),
        ("image", ImageTensorizer(size=32, root=root), ["image"]),
    ]


def read_emodb(root):
    """Return the branches of a set."""
    spectrogram = MelSpectrogramExtractor(
        n_fft=1024,
        hop_length=512,
        n_mels=32,
        n_frames=63,
        output="sequence",
        root=root,
    )
    return [("audio", spectrogram, ["audio"])]


READERS = {"clipart": read_clipart, "emodb": read_emodb}


def picture_encoder(shape, generator, *, augmented, dropout):
    """Return a small net for pictures."""
    augment = ImageAugmenter(**PICTURE, generator=generator) if augmented else None
    return ImageCNN(
        shape,
        widths=(16, 32, 64),
        out_size=64,
        dropout=dropout,
        augment=augment,
        generator=generator,
    )


def sound_encoder(shape, generator, *, augmented, dropout):
    """Return a small net for spectrograms."""
    augment = SoundAugmenter(**SOUND, generator=generator) if augmented else None
    return SpectrogramCNN(
        shape,
        widths=(8, 16, 32, 64),
        normalize="sample",
        out_size=64,
        dropout=dropout,
        augment=augment,
        generator=generator,
    )


def make_net(blocks, seed, *, augmented=False, dropout=0.0, **params):
    """Return the plain net with what a variant changes."""
    raw = {"image": picture_encoder, "audio": sound_encoder}
    encoders = {
        name: partial(make, augmented=augmented, dropout=dropout)
        for name, make in raw.items()
        if name in blocks.names
    }
    if "text" in blocks.names:
        encoders["text"] = "mean"
    return IntermediateFusionClassifier(
        encoders=encoders,
        dropout=dropout,
        blocks=blocks,
        random_state=seed,
        **NET,
        **params,
    )


def score(table, name, root, seed, store, done):
    """Yield variant, fold, macro-F1, accuracy and CPU seconds of nets not `done`."""
    fold_column, group = FOLDS[name]
    branches = READERS[name](root)
    columns = [column for _, _, names in branches for column in names]
    y = table["label"].to_numpy()
    groups = table[group].astype(str).to_numpy()
    for fold in sorted(table[fold_column].unique()):
        test = (table[fold_column] == fold).to_numpy()
        features = ModalityTransformer(branches, memory=store)
        X = features.fit_transform(table.loc[~test, columns], y[~test])
        new = features.transform(table.loc[test, columns])
        for variant, params in VARIANTS.items():
            if (variant, fold) in done:
                continue
            began = time.process_time()
            model = make_net(features.blocks_, seed, **params)
            said = model.fit(X, y[~test], groups=groups[~test]).predict(new)
            spent = time.process_time() - began
            known = np.unique(y[test])
            f1 = f1_score(y[test], said, labels=known, average="macro")
            yield variant, int(fold), f1, accuracy_score(y[test], said), spent


def paired(values, base):
    """Return a mean difference and its standard error, as text."""
    gain = values - base
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return f"{gain.mean():+.3f} ± {error:.3f}"


def show(name, table, scores, seeds):
    """Return the section of a set in Markdown."""
    _, group = FOLDS[name]
    frame = pd.DataFrame(
        scores, columns=["set", "seed", "variant", "fold", "f1", "accuracy", "s"]
    )
    frame = frame[(frame["set"] == name) & frame["seed"].isin(seeds)]
    by_fold = frame.groupby(["variant", "fold"])[["f1", "accuracy"]].mean()
    seconds = frame.groupby("variant")["s"].mean()
    base = by_fold.loc[PLAIN]
    counts = table["label"].value_counts()
    lines = [
        f"\n## {name}\n",
        f"{len(table)} rows, {len(counts)} classes of {counts.min()} to "
        f"{counts.max()} rows; {len(base)} folds that keep every {group} together; "
        f"seeds {', '.join(map(str, seeds))}.\n",
        "| net | macro-F1 | difference | accuracy | difference | CPU s a fit |",
        "|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        own = by_fold.loc[variant]
        cells = []
        for metric in ("f1", "accuracy"):
            plain = variant == PLAIN
            gain = "" if plain else paired(own[metric], base[metric])
            cells += [f"{own[metric].mean():.3f}", gain]
        lines.append(f"| {variant} | {' | '.join(cells)} | {seconds[variant]:.1f} |")
    return "\n".join(lines) + "\n", frame["s"].sum()


def main():
    """Train what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(FOLDS), choices=FOLDS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, help="a file of scores to go on with")
    parser.add_argument("--write", type=Path, help="the page to make")
    arguments = parser.parse_args()
    # emodb is sound alone
    warnings.simplefilter("ignore", SingleBlockWarning)
    kept = arguments.results
    scores = json.loads(kept.read_text()) if kept and kept.exists() else []
    sections, seconds = [], 0.0
    for name in arguments.sets:
        root = arguments.data / name
        if not (root / "data.csv").exists():
            print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
            continue
        table = pd.read_csv(root / "data.csv", dtype={"id": str})
        with tempfile.TemporaryDirectory() as store:
            for seed in arguments.seeds:
                done = {(v, f) for n, s, v, f, *_ in scores if (n, s) == (name, seed)}
                for row in score(table, name, root, seed, store, done):
                    scores.append([name, seed, *row])
                    if kept:
                        kept.write_text(json.dumps(scores))
        section, spent = show(name, table, scores, arguments.seeds)
        print(section, flush=True)
        sections.append(section)
        seconds += spent
    print(f"{seconds:.0f} s of CPU in nets, load {os.getloadavg()[0]:.1f}")
    if arguments.write and sections:
        chosen = " ".join(map(str, ["--seeds", *arguments.seeds]))
        if set(arguments.sets) != set(FOLDS):
            chosen = " ".join(["--sets", *arguments.sets, chosen])
        command = f"python benchmarks/table_imbalance.py {chosen} --write"
        arguments.write.write_text(
            PAGE.format(
                sets="".join(sections),
                command=f"{command} docs/imbalance.md",
                seconds=seconds,
            ),
            "utf-8",
        )


if __name__ == "__main__":
    main()
