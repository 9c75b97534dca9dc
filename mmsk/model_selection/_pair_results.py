"""What a search keeps of a candidate on a fold, in memory and in a feature store."""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from mmsk.store import FeatureStore

Scores = float | dict[str, float]


@dataclass
class PairResult:
    """What became of a candidate on a fold.

    Parameters
    ----------
    scores : float or dict of str to float
        On the test rows.
    fit_seconds, score_seconds : float
    answers : ndarray of shape (n_test, n_outputs), or None
        What the model says of the test rows.
    model : fitted estimator, str or None
        It, the file that holds it, or None if it was not kept.
    model_digest : str or None
        The fingerprint of the file, if it was written now.
    was_found : bool
        Whether all this is from an earlier search.
    """

    scores: Scores
    fit_seconds: float
    score_seconds: float
    answers: NDArray[np.float64] | None = None
    model: Any = None
    model_digest: str | None = None
    was_found: bool = False


class CarriedScore(float):
    """A score that brings the result of its pair home, from whatever process."""

    result: PairResult


class CarriedScores(dict):
    """Scores by name that bring the result of their pair home."""

    result: PairResult


def carry(result: PairResult) -> CarriedScore | CarriedScores:
    """Return the scores of a result, which hold it."""
    kind = CarriedScores if isinstance(result.scores, dict) else CarriedScore
    carried = kind(result.scores)
    carried.result = result
    return carried


def store_result(store: FeatureStore, key: bytes, result: PairResult) -> None:
    """Keep scores, seconds and answers, as JSON and an array; the model is not kept."""
    text = json.dumps([result.scores, result.fit_seconds, result.score_seconds])
    arrays = [np.frombuffer(text.encode(), dtype=np.uint8)]
    store.put_arrays(
        key, arrays if result.answers is None else [*arrays, result.answers]
    )


def stored_result(store: FeatureStore, key: bytes) -> PairResult | None:
    """Return what was kept under a key, or None."""
    found = store.get_arrays(key)
    if not found:
        return None
    scores, fit_seconds, score_seconds = json.loads(found[0].tobytes())
    answers = found[1] if len(found) > 1 else None
    return PairResult(scores, fit_seconds, score_seconds, answers, was_found=True)


def write_model(model: Any, path: Path) -> str:
    """Write a model aside and put it in its place, so that no file is ever torn.

    Returns
    -------
    digest : str
        Fingerprint of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{secrets.token_hex(8)}")
    try:
        joblib.dump(model, aside)
        digest = _digest(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return digest


def read_model(model: Any, digest: str | None) -> Any:
    """Return a model that may be in a file.

    Parameters
    ----------
    model : fitted estimator or str
    digest : str or None
        Fingerprint of the file; None if any content will do.

    Raises
    ------
    ValueError
        If the file holds another model by now.
    """
    if not isinstance(model, str):
        return model
    if digest is not None and _digest(Path(model)) != digest:
        raise ValueError(
            f"The model in {model!r} is not the one that this search has written: "
            "another search of the same candidates, whose fits cannot be told from "
            "those of this one, has replaced it. Give each search a folder of its own."
        )
    return joblib.load(model)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
