"""Emotions and digits of unknown speakers: what does sound alone say, what fused?

On the folds of the sets, which leave speakers out, logistic regression is fitted on

- emodb: MFCC, MFCC with spectral measures and pitch ("audio"), the same with the
  speaker's sex (early fusion), and sex alone;
- av_digits: MFCC ("audio"), HOG of the pictures, and both (early fusion).

Everything else is chosen anew for each fold, among few candidates, by the accuracy on
inner folds of its training rows, each of which leaves out one of their speakers:

- the frames: librosa's, those of `speech_frames` with 40 mels, or these of clips
  without the silence at their ends;
- the penalty of the regression: C of 0.03, 0.3 or 3;
- with several blocks, whether each weighs as much as any other (block_norm=10) or each
  column (None).

A fusion keeps the frames that audio alone chose. Each fold is scored once with what
was chosen for it.

    OMP_NUM_THREADS=1 python benchmarks/table_audio.py [--data DIR] [--only SET]
        [--store DIR] [--results FILE]

Prints accuracy by fold, what was chosen, means, standard deviations, the worst speaker
and the paired difference of fusion to the best single modality with its standard
error. --store keeps the features, --results the folds as they come, and takes from
there what it finds. The targets: emodb .72 by audio, with sex not below it (a mean
difference of at least -1 standard error); av_digits .74 by audio, .985 fused.

The candidates were settled on inner folds of fold 0's training rows. Earlier versions
of this table printed accuracies on the outer folds: of librosa's and of speech frames
with C=1, and of the statistics that became the extractors' defaults.
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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.exceptions import SingleBlockWarning
from mmsk.feature_extraction.audio import (
    MFCCExtractor,
    SpectralExtractor,
    speech_frames,
)
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import EarlyFusionClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PENALTIES = [0.03, 0.3, 3.0]
SPEECH_TRIM_DB = 40.0


def frame_settings(sample_rate):
    """Return frames, in samples at this rate, by name."""
    speech = speech_frames(sample_rate)
    return {
        "librosa": {"sample_rate": sample_rate},
        "speech": speech,
        "trimmed": {**speech, "trim_db": SPEECH_TRIM_DB},
    }


def mfcc_branch(root, frames):
    """Return the branch of MFCC."""
    n_mels = {} if "n_fft" not in frames else {"n_mels": 40}
    return "mfcc", MFCCExtractor(root=root, **frames, **n_mels), ["audio"]


def spectral_branch(root, frames):
    """Return the branch of spectral measures and pitch, in frames twice as long."""
    length = 2 * frames.get("n_fft", 1024)
    pitch = {"fmin": 60.0, "fmax": 500.0, "frame_length": length, "deltas": 1}
    return "spectral", SpectralExtractor(root=root, **frames, **pitch), ["audio"]


def emodb(root):
    """Return branches by name of the frames, candidates and targets.

    Candidates are lists of modalities by name; the first is audio alone, the last the
    fusion.
    """
    branches = {
        name: [
            mfcc_branch(root, frames),
            spectral_branch(root, frames),
            ("table", TableExtractor(), ["sex"]),
        ]
        for name, frames in frame_settings(16000).items()
    }
    candidates = {
        "audio": ["mfcc", "spectral"],
        "MFCC": ["mfcc"],
        "sex": ["table"],
        "audio + sex": ["mfcc", "spectral", "table"],
    }
    return branches, candidates, {"audio": 0.72}


def av_digits(root):
    """Return the same for the spoken and written digits."""
    branches = {
        name: [
            mfcc_branch(root, frames),
            ("image", HOGExtractor(root=root), ["image"]),
        ]
        for name, frames in frame_settings(8000).items()
    }
    candidates = {
        "audio": ["mfcc"],
        "HOG": ["image"],
        "audio + HOG": ["mfcc", "image"],
    }
    return branches, candidates, {"audio": 0.74, "audio + HOG": 0.985}


SETS = {"emodb": emodb, "av_digits": av_digits}


def make_search(branches, frames, modalities, store):
    """Return the search for frames, of these names, penalty and norm, not fitted."""
    features = {}
    for name in frames:
        chosen = [branch for branch in branches[name] if branch[0] in modalities]
        features[name] = ModalityTransformer(chosen, memory=store)
    head = EarlyFusionClassifier(LogisticRegression(max_iter=2000))
    grid = {
        "features": list(features.values()),
        "estimator__block_norm": [10.0, None] if len(modalities) > 1 else [10.0],
        "estimator__estimator__C": PENALTIES,
    }
    return GridSearchCV(
        MultimodalClassifier(features[frames[0]], head),
        grid,
        cv=LeaveOneGroupOut(),
        error_score="raise",
    )


def run_candidate(train, test, search, frames):
    """Return what was chosen on the training rows, and which test rows are right."""
    began = time.process_time()
    search.fit(train, train["label"], groups=train["speaker"])
    chosen = search.best_params_
    return {
        "frames": frames[search.param_grid["features"].index(chosen["features"])],
        "C": chosen["estimator__estimator__C"],
        "norm": chosen["estimator__block_norm"],
        "inner": float(search.best_score_),
        "right": (search.predict(test) == test["label"]).astype(int).tolist(),
        "seconds": time.process_time() - began,
    }


def run_fold(name, table, fold, branches, candidates, store, results):
    """Return the results of all candidates on one fold by name."""
    test = table[table["fold"] == fold]
    train = table.drop(index=test.index)
    row = {}
    for candidate, modalities in candidates.items():
        alone = len(row) == 0 or candidate == "MFCC"
        frames = list(branches) if alone else [row["audio"]["frames"]]
        search = make_search(branches, frames, modalities, store)
        row[candidate] = results.get(
            f"{name}, fold {fold}, {candidate}",
            lambda search=search, frames=frames: run_candidate(
                train, test, search, frames
            ),
        )
    return row


def words(result, modalities):
    """Return what was chosen, briefly."""
    frames = f"{result['frames']} " if "mfcc" in modalities else ""
    norm = " by column" if result["norm"] is None else " by block"
    return f"{frames}C={result['C']:g}{norm if len(modalities) > 1 else ''}"


def cells(values):
    """Return numbers as the columns of the table."""
    return "".join(f"{value:14.4f}" for value in values)


def worst_speaker(table, rows, candidate):
    """Return the speaker with the lowest accuracy, and it."""
    right = pd.Series(dtype=float)
    for fold, row in rows.items():
        index = table.index[table["fold"] == fold]
        right = pd.concat([right, pd.Series(row[candidate]["right"], index)])
    by_speaker = right.groupby(table["speaker"]).mean()
    return by_speaker.idxmin(), by_speaker.min()


def judge(what, met):
    """Print a target's verdict."""
    print(f"{what}: {'met' if met else 'MISSED'})")


def run(name, root, store, results):
    """Print the table of one set."""
    branches, candidates, targets = SETS[name](root)
    table = pd.read_csv(root / "data.csv", dtype={"id": str})
    print(f"{name}, {len(table)} rows, {table['speaker'].nunique()} speakers")
    print(f"{'fold speaker':<17} test" + "".join(f"{c:>14}" for c in candidates))
    rows = {}
    for fold in sorted(table["fold"].unique().tolist()):
        rows[fold] = run_fold(name, table, fold, branches, candidates, store, results)
        score = [np.mean(rows[fold][each]["right"]) for each in candidates]
        test = table[table["fold"] == fold]
        speakers = ", ".join(map(str, sorted(test["speaker"].unique())))
        print(f"{fold} {speakers:<15}{len(test):4d}" + cells(score), flush=True)
    accuracies = np.array(
        [[np.mean(row[each]["right"]) for each in candidates] for row in rows.values()]
    )
    inner = [[row[each]["inner"] for each in candidates] for row in rows.values()]
    seconds = [[row[each]["seconds"] for each in candidates] for row in rows.values()]
    means = accuracies.mean(axis=0)
    print(f"{'mean':<21}" + cells(means))
    print(f"{'standard deviation':<21}" + cells(accuracies.std(axis=0, ddof=1)))
    print(f"{'mean, inner folds':<21}" + cells(np.mean(inner, axis=0)))
    print(f"{'CPU s':<21}" + cells(np.sum(seconds, axis=0)))
    for candidate, modalities in candidates.items():
        speaker, lowest = worst_speaker(table, rows, candidate)
        chosen = "; ".join(words(row[candidate], modalities) for row in rows.values())
        print(f"{candidate}: worst speaker {speaker}, {lowest:.4f}; chosen: {chosen}")
    names = list(candidates)
    best = int(means[:-1].argmax())
    gain = accuracies[:, -1] - accuracies[:, best]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    judge(
        f"{names[-1]} - {names[best]}: {gain.mean():+.4f}, standard error {error:.4f} "
        "(target: not below",
        gain.mean() >= -error,
    )
    for candidate, target in targets.items():
        mean = means[names.index(candidate)]
        judge(f"{candidate}: {mean:.4f} (target {target}", mean >= target)


def main():
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--store", help="folder of a feature store to keep")
    parser.add_argument("--results", type=Path, help="a file of folds to go on with")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SingleBlockWarning)  # one modality on purpose
    began = time.perf_counter()
    results = Results(arguments.results)
    for name in [arguments.only] if arguments.only else SETS:
        root = arguments.data / name
        if not (root / "data.csv").exists():
            print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
            continue
        with tempfile.TemporaryDirectory() as folder:
            run(name, root, arguments.store or folder, results)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
