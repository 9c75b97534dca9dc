"""``python -m mmsk demo``: one search over fusions and ensembles."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from mmsk._utils._missing import is_missing
from mmsk.cli._candidates import CHEAPENED, CHEAPENED_QUICK, Candidate, candidates
from mmsk.cli._leaderboard import (
    Entry,
    check_matplotlib,
    format_table,
    leaderboard,
    write_leaderboard,
)
from mmsk.cli._tables import Table, clipart
from mmsk.compose import ModalityTransformer, MultimodalClassifier, MultimodalRegressor
from mmsk.compose._select import NO_FEATURES
from mmsk.exceptions import GroupsWarning, SingleBlockWarning
from mmsk.store import FeatureStore, content_digest


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
        Numbers of rows.
    extractions : float or None
        Feature extractions a distinct picture or clip in the whole run, where the
        table has any.
    test_scores : dict of str to dict of str to float
        Scores on the held-out rows of the winner (``"winner"``) and of its refits
        without a modality.
    seconds : float
        Wall time.
    """

    search: GridSearchCV
    candidates: list[Candidate]
    board: list[Entry]
    n_train: int
    n_test: int
    extractions: float | None
    test_scores: dict[str, dict[str, float]]
    seconds: float


def run_demo(
    table: Table | None = None,
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
    table : Table, default=None
        ``None`` is the clip art that comes with mmsk.
    quick : bool, default=False
        2 folds and one candidate of each family.
    n_jobs : int, default=1
        Processes.
    memory : path, default=None
        Folder of the feature store. ``None``: a temporary one.
    output : path, default=None
        Folder for the leaderboard as CSV and PNG.
    seed : int, default=0
        Chooses the rows that are held out, and the folds.
    verbose : bool, default=True
        Print what happens.

    Returns
    -------
    result : DemoResult

    Raises
    ------
    ValueError
        If the table has one modality, or `memory` keeps nothing.
    """
    began = time.perf_counter()
    if output is not None:
        check_matplotlib()
    say = print if verbose else _silent
    table = clipart() if table is None else table
    task = table.task
    groups = None if table.groups is None else table.X[table.groups]
    train, test = task.split(table.X, table.y, groups, seed)
    unseen = f" with {table.groups!r} not seen before" if table.groups else ""
    say(
        f"{table.title}: {len(table.y)} {table.sample}, {task.name} of "
        f"{table.y.name!r}; {len(train)} to learn from, {len(test)}{unseen} held out."
    )
    X, y = table.X.iloc[train], table.y.iloc[train]
    X_test, y_test = table.X.iloc[test], table.y.iloc[test]
    groups = None if groups is None else groups.iloc[train]
    # one thread a process: with more, small fits mostly wait for each other
    with _folder(memory) as folder, threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupsWarning)  # said in the notes below
        warnings.simplefilter("ignore", SingleBlockWarning)  # one of two left out
        store = FeatureStore(folder)
        before = store.info().misses
        features = table.features(store)
        modalities = [name for name, *_ in features.transformers]
        _say_features(features, say)
        if len(modalities) < 2:
            raise ValueError("The table has one modality: there is nothing to fuse.")
        if table.media:
            features.warm(table.X, verbose=verbose)
            if not store.info().entries:
                raise ValueError(f"No features are kept in {folder!s}: use another.")
        entrants = candidates(modalities, task.name, quick=quick)
        cv = task.folds(2 if quick else 5, groups, seed)
        by = f" by {table.groups!r}" if table.groups else ""
        say(f"One search: {len(entrants)} candidates x {cv.get_n_splits()} folds{by}.")
        say(CHEAPENED_QUICK if quick else CHEAPENED)
        whole = _WHOLES[task.name]
        search = GridSearchCV(
            whole(features, entrants[0].estimator, groups=table.groups),
            {"estimator": [entrant.estimator for entrant in entrants]},
            scoring=list(task.titles),
            refit=task.refit,
            cv=cv,
            n_jobs=n_jobs,
            error_score="raise",
        )
        search.fit(X, y, groups=groups)
        board = leaderboard(search, entrants, task.titles)
        say(f"\n{format_table(board)}")
        if table.groups:
            say(
                "\nscikit-learn's stacking cannot be given groups: its inner folds are "
                f"not by {table.groups!r}; those of late fusion are."
            )
        test_scores = {
            name: task.scores(y_test, fitted.predict(X_test))
            for name, fitted in _with_and_without(search, modalities, X, y)
        }
        extracted = store.info().misses - before
    extractions = None
    if table.media:
        distinct = _n_distinct(table)
        extractions = extracted / distinct
        say(
            f"Extractions a picture or clip: {extractions:.1f} ({extracted} for "
            f"{distinct} distinct ones)"
        )
    say(f"\nHeld out ({len(test)} {table.sample}), {board[0].name}:")
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


_WHOLES = {"classification": MultimodalClassifier, "regression": MultimodalRegressor}


def _say_features(features: ModalityTransformer, say: Callable[..., None]) -> None:
    """Say what becomes of each column."""
    if features.roles is None:
        for name, extractor, columns in features.transformers:
            say(f"  {name:<8} {', '.join(columns)}: {extractor!r}")
        return
    for role in dict.fromkeys(features.roles.values()):
        columns = [name for name, each in features.roles.items() if each == role]
        left_out = " (left out)" if role in NO_FEATURES else ""
        say(f"  {role:<10} {', '.join(columns)}{left_out}")


def _with_and_without(
    search: GridSearchCV, modalities: Sequence[str], X: Any, y: Any
) -> Iterator[tuple[str, Any]]:
    """Yield the winner, and its refits without each modality it can do without."""
    best = search.best_estimator_
    yield "winner", best
    used = getattr(best.estimator, "modalities", None) or modalities
    if len(used) > 1:
        for name in used:
            without = clone(best).set_params(**{f"features__{name}": "drop"})
            yield f"without {name}", without.fit(X, y)


def _n_distinct(table: Table) -> int:
    """Return how many pictures and clips have different bytes."""
    paths = {
        Path(table.root, name)
        for column in table.media
        for name in table.X[column]
        if not is_missing(name)
    }
    return len({content_digest(path.read_bytes()) for path in paths if path.is_file()})


@contextmanager
def _folder(memory: str | Path | None) -> Iterator[str | Path]:
    if memory is not None:
        yield memory
        return
    with tempfile.TemporaryDirectory(prefix="mmsk-") as folder:
        yield folder


def _silent(*_: Any) -> None:
    """Say nothing."""
