"""``python -m mmsk demo``: one search over fusion and ensembles on clip art."""

import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import (
    GridSearchCV,
    GroupShuffleSplit,
    StratifiedGroupKFold,
)
from threadpoolctl import threadpool_limits

from mmsk.cli._candidates import (
    CHEAPENED,
    CHEAPENED_QUICK,
    MODALITIES,
    Candidate,
    candidates,
)
from mmsk.cli._leaderboard import (
    Entry,
    check_matplotlib,
    format_table,
    leaderboard,
    write_leaderboard,
)
from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.datasets import load_clipart
from mmsk.exceptions import GroupsWarning
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.store import FeatureStore


@dataclass(frozen=True)
class DemoResult:
    """What the demo found.

    Parameters
    ----------
    search : GridSearchCV
        The fitted search.
    candidates : list of Candidate
        Its candidates, in the order of ``search.cv_results_``.
    board : list of Entry
        The leaderboard, best first.
    n_train, n_test : int
        Numbers of pictures.
    extractions : float
        Feature extractions a distinct picture in the whole run.
    test_scores : dict of str to dict of str to float
        Accuracy, macro precision, recall and F1 on the held-out authors of the
        winner (``"winner"``) and of its refits without a modality.
    seconds : float
        Wall time.
    """

    search: GridSearchCV
    candidates: list[Candidate]
    board: list[Entry]
    n_train: int
    n_test: int
    extractions: float
    test_scores: dict[str, dict[str, float]]
    seconds: float


def run_demo(
    *,
    quick: bool = False,
    n_jobs: int = 1,
    memory: str | Path | None = None,
    output: str | Path | None = None,
    seed: int = 0,
    verbose: bool = True,
) -> DemoResult:
    """Compare single modalities, fusions and ensembles by one search.

    Parameters
    ----------
    quick : bool, default=False
        2 folds and one candidate of each family.
    n_jobs : int, default=1
        Processes.
    memory : path, default=None
        Folder of the feature store. ``None``: a temporary one.
    output : path, default=None
        Folder for the leaderboard as CSV and PNG.
    seed : int, default=0
        Chooses the authors that are held out, and the folds.
    verbose : bool, default=True
        Print what happens.

    Returns
    -------
    result : DemoResult
    """
    began = time.perf_counter()
    if output is not None:
        check_matplotlib()
    say = print if verbose else _silent
    data = load_clipart()
    train, test = split_by_author(data, seed)
    say(
        f"Open Clip Art: {len(data.target)} pictures, {len(data.target_names)} classes;"
        f" {len(train)} to learn from, {len(test)} of other authors held out."
    )
    X, y = data.data.iloc[train], data.target.iloc[train]
    X_test, y_test = data.data.iloc[test], data.target.iloc[test]
    entrants = candidates(quick=quick)
    with _folder(memory) as folder:
        store = FeatureStore(folder)
        before = store.info().misses
        features = clipart_features(data.image_root, store)
        features.warm(data.data, verbose=verbose)
        if not store.info().entries:
            raise ValueError(f"No features can be kept in {folder!s}: use another DIR.")
        n_folds = 2 if quick else 5
        say(f"One search: {len(entrants)} candidates x {n_folds} folds by author.")
        say(CHEAPENED if not quick else CHEAPENED_QUICK)
        search = GridSearchCV(
            MultimodalClassifier(features, entrants[0].estimator, groups="author"),
            {"estimator": [entrant.estimator for entrant in entrants]},
            scoring={"accuracy": "accuracy", "f1_macro": "f1_macro"},
            refit="f1_macro",
            cv=StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed),
            n_jobs=n_jobs,
            error_score="raise",
        )
        # one thread a process: with more, small fits mostly wait for each other
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupsWarning)  # said in the notes below
            search.fit(X, y, groups=X["author"])
            board = leaderboard(search, entrants)
            say(f"\n{format_table(board)}")
            say(
                "\nscikit-learn's StackingClassifier cannot be given groups: its inner "
                "folds are not by author; those of late fusion are."
            )
            test_scores = _test_scores(search.best_estimator_, X, y, X_test, y_test)
        extracted = store.info().misses - before
    distinct = len({picture.read_bytes() for picture in _pictures(data)})
    extractions = extracted / distinct
    say(
        f"Extractions a picture: {extractions:.1f} ({extracted} for the {distinct} "
        f"distinct ones of {len(data.target)})"
    )
    say(f"\nHeld-out authors ({len(test)} pictures), {board[0].name}:")
    if len(test_scores) == 1:
        say("  it uses one modality: there is none to leave out")
    for name, scores in test_scores.items():
        numbers = ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
        say(f"  {name:<16} {numbers}")
    seconds = time.perf_counter() - began
    if output is not None:
        for path in write_leaderboard(board, Path(output)):
            say(f"Wrote {path}")
    say(f"{seconds:.0f} s")
    return DemoResult(
        search,
        entrants,
        board,
        len(train),
        len(test),
        extractions,
        test_scores,
        seconds,
    )


def split_by_author(data: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold a quarter of the authors out; return the rows of both parts."""
    splitter = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
    return next(splitter.split(data.data, data.target, data.groups))


def clipart_features(image_root: str, store: Any) -> ModalityTransformer:
    """Return the demo's features: TF-IDF, HOG and colours, and numbers."""
    numbers = ["width", "height", "aspect", "png_bytes", "mode"]
    return ModalityTransformer(
        [
            ("text", TfidfExtractor(), ["title", "description"]),
            ("image", HOGExtractor(root=image_root), ["image"]),
            ("table", TableExtractor(), numbers),
        ],
        memory=store,
    )


def _pictures(data: Any) -> list[Path]:
    return [Path(data.image_root, name) for name in data.data["image"]]


def _test_scores(best: Any, X: Any, y: Any, X_test: Any, y_test: Any) -> dict:
    """Score the winner, and refit it without each modality it can do without."""
    found = {"winner": _scores(y_test, best.predict(X_test))}
    used = getattr(best.estimator, "modalities", None) or MODALITIES
    if len(used) == 1:
        return found
    for name in used:
        without = clone(best).set_params(**{f"features__{name}": "drop"})
        without.fit(X, y)
        found[f"without {name}"] = _scores(y_test, without.predict(X_test))
    return found


def _scores(y: Any, predicted: Any) -> dict[str, float]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, predicted, labels=np.unique(y), average="macro", zero_division=0
    )
    return {
        "accuracy": accuracy_score(y, predicted),
        "precision": precision,
        "recall": recall,
        "F1": f1,
    }


@contextmanager
def _folder(memory: str | Path | None):
    if memory is not None:
        yield memory
        return
    with tempfile.TemporaryDirectory(prefix="mmsk-") as folder:
        yield folder


def _silent(*_: Any) -> None:
    """Say nothing."""
