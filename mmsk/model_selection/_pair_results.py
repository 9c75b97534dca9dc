"""What a search keeps of a candidate on a fold, in memory and in a feature store."""

import json
from dataclasses import dataclass
from typing import Any

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
    model_problem : str or None
        Why the model could not be written.
    was_found : bool
        Whether all this is from an earlier search.
    """

    scores: Scores
    fit_seconds: float
    score_seconds: float
    answers: NDArray[np.float64] | None = None
    model: Any = None
    model_digest: str | None = None
    model_problem: str | None = None
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
