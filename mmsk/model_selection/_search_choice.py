"""Candidates' answers of all folds, and the choice among them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.ensemble._answers import Classes, Target
from mmsk.ensemble._greedy import greedy_weights
from mmsk.ensemble._metric import score_of
from mmsk.model_selection._pair_results import PairResult


def joined_answers(
    row: Sequence[PairResult | None], tests: Sequence[NDArray], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the mean of what a candidate says of each row; NaN where it failed.

    Parameters
    ----------
    row : sequence of PairResult or None
        Its results by fold.
    tests : sequence of int ndarray
        The test rows by fold.
    shape : tuple of int
        Number of rows and of outputs.
    """
    total, counts = np.zeros(shape), np.zeros(shape[0])
    for result, test in zip(row, tests, strict=True):
        total[test] += np.nan if result is None else result.answers
        counts[test] += 1
    counts[counts == 0] = np.nan
    return total / counts[:, None]


def chosen_candidates(
    answers: NDArray[np.float64],
    splits: Sequence[tuple[NDArray, NDArray]],
    target: Target,
    y: NDArray,
    weights: NDArray | None,
    metric: Any,
    **options: Any,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Choose by `greedy_weights` among the candidates that no fold failed.

    Parameters
    ----------
    answers : ndarray of shape (n_candidates, n_samples, n_outputs)
    splits : sequence of (train, test)
    target : Target
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    weights : ndarray of shape (n_samples,) or None
    metric : str, scorer, callable or None
        As `score_of` takes it.
    **options : object
        For `greedy_weights`.

    Returns
    -------
    chosen : int ndarray
        Positions of those that have a weight.
    weights : ndarray
        Their weights, sum 1.

    Raises
    ------
    ValueError
        If every candidate failed.
    """
    judged = np.unique(np.concatenate([test for _, test in splits]))
    answers = answers[:, judged]
    able = np.flatnonzero(~np.isnan(answers).any(axis=(1, 2)))
    if not len(able):
        raise ValueError(
            "No candidate has predictions of all folds: each failed in one. Pass "
            "error_score='raise' to see why."
        )
    if weights is not None:
        weights = weights[judged]
    classes = target.classes if isinstance(target, Classes) else None
    found = greedy_weights(
        answers[able],
        np.ones((len(judged), len(able)), dtype=bool),
        target.prior,
        score_of(metric, y[judged], weights, classes),
        **options,
    )
    return able[found > 0], found[found > 0]
