"""Digits of unknown speakers: stacks and selected ensembles against one modality.

Six folds leave one speaker out each. On each, all candidates are fixed configurations
on the same matrix (HOG of the picture, MFCC statistics of the sound), with logistic
regression in the single modalities, in early fusion and as final estimator. "stack"
combines the two modalities, "stack + early" early fusion too; the inner folds of
"ungrouped" do not know the speakers. The ensemble is selected among the same three.

    OMP_NUM_THREADS=1 python benchmarks/table_stacking.py [--data DIR] [--seeds 0 1 2]

Prints accuracy by fold (mean over seeds of the inner folds), mean and sd over folds,
errors as a share of those of the better modality, and the paired difference to early
fusion with its standard error. The targets, for the grouped stack on logits: at most
half the errors of the better modality, whose pictures are at least .95, and at least
.985.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from mmsk.compose import ModalityTransformer
from mmsk.ensemble import EnsembleSelectionClassifier, ModalityStackingClassifier
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.fusion import EarlyFusionClassifier

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = {"sample_rate": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 40}
UNGROUPED = "stack, logit, ungrouped"
STACK = "stack, logit"


def candidates(seed):
    """Return the estimators by name, not fitted and without blocks."""
    linear = LogisticRegression(max_iter=1000)
    one = {
        name: EarlyFusionClassifier(linear, modalities=[name])
        for name in ("image", "audio")
    }
    early = EarlyFusionClassifier(linear)
    two = list(one.items())
    three = [*two, ("early", early)]
    logit = {"stack_method": "logit", "random_state": seed}
    return {
        **one,
        "early": early,
        "stack, probabilities": ModalityStackingClassifier(two, random_state=seed),
        UNGROUPED: ModalityStackingClassifier(two, **logit),
        STACK: ModalityStackingClassifier(two, **logit),
        "stack + early, logit": ModalityStackingClassifier(three, **logit),
        "selection": EnsembleSelectionClassifier(three, random_state=seed),
    }


def score_folds(table, root, memory, seeds):
    """Return accuracies by candidate, each of shape (n_folds,), and seconds."""
    accuracies, seconds = {}, {}
    for _, test in table.groupby("fold"):
        train = table.drop(index=test.index)
        features = ModalityTransformer(
            [
                ("image", HOGExtractor(root=root), ["image"]),
                ("audio", MFCCExtractor(root=root, **SPEECH), ["audio"]),
            ],
            memory=memory,
        )
        X = features.fit_transform(train[["image", "audio"]])
        new = features.transform(test[["image", "audio"]])
        y, speakers = train["label"].to_numpy(), train["speaker"].to_numpy()
        for name in candidates(0):
            began = time.perf_counter()
            scores = []
            for seed in seeds:
                model = clone(candidates(seed)[name])
                model.set_params(blocks=features.blocks_)
                groups = None if name == UNGROUPED else speakers
                model.fit(X, y, groups=groups)
                scores.append(model.score(new, test["label"]))
            accuracies.setdefault(name, []).append(np.mean(scores))
            spent = (time.perf_counter() - began) / len(seeds)
            seconds[name] = seconds.get(name, 0.0) + spent
    return {name: np.array(each) for name, each in accuracies.items()}, seconds


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    root = arguments.data / "av_digits"
    if not root.exists():
        parser.exit(1, f"No data in {root}: name their folder by --data.\n")
    table = pd.read_csv(root / "data.csv")
    print(f"load {os.getloadavg()[0]:.1f}, seeds {arguments.seeds}")
    with tempfile.TemporaryDirectory() as memory:
        accuracies, seconds = score_folds(table, root, memory, arguments.seeds)
    best = max(accuracies["image"].mean(), accuracies["audio"].mean())
    print(f"{'':24}{'folds':>42}   mean     sd  errors  to early (se)   seconds")
    for name, scores in accuracies.items():
        difference = scores - accuracies["early"]
        error = difference.std(ddof=1) / len(scores) ** 0.5
        share = (1 - scores.mean()) / (1 - best)
        folds = " ".join(f"{score:.3f}" for score in scores)
        print(
            f"{name:24}{folds:>42}  {scores.mean():.4f}  {scores.std(ddof=1):.3f}  "
            f"{share:6.2f}  {difference.mean():+.4f} ({error:.4f})  "
            f"{seconds[name]:6.1f}"
        )
    stack = accuracies[STACK].mean()
    for what, met in (
        (f"pictures alone {accuracies['image'].mean():.4f} >= .95", best >= 0.95),
        (f"grouped stack {stack:.4f} >= .985", stack >= 0.985),
        (
            f"its errors {(1 - stack) / (1 - best):.2f} <= .5 of the better modality's",
            1 - stack <= 0.5 * (1 - best),
        ),
    ):
        print(f"{what}: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
