"""A round of boosting in which learners may abstain and may cooperate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_ERROR = 1e-10
"""A learner without errors, beside which others remain, gets the weight of this."""


@dataclass(frozen=True)
class Step:
    """What a learner would change.

    Parameters
    ----------
    weight : float
        Of its vote, before the learning rate; not positive where it is no better
        than chance on the samples that it answers.
    error : float
        Weighted share of its errors among the samples that it answers.
    loss : float
        What its vote multiplies the exponential loss by.
    """

    weight: float
    error: float
    loss: float


def step_of(
    right: NDArray[np.bool_],
    answers: NDArray[np.bool_],
    weights: NDArray[np.float64],
    n_classes: int,
) -> Step:
    r"""Weigh a learner by SAMME, samples without its modality apart.

    .. math:: \alpha = \log \frac{W_+}{W_-} + \log (K - 1), \qquad
              Z = W_0 + W_+ e^{-\alpha (K - 1) / K} + W_- e^{\alpha / K}

    with the weights :math:`W_+, W_-, W_0` of the samples that it gets right and
    wrong and of those that it does not answer.

    Parameters
    ----------
    right : bool ndarray of shape (n_samples,)
        False where it does not answer.
    answers : bool ndarray of shape (n_samples,)
    weights : ndarray of shape (n_samples,)
        Sum 1.
    n_classes : int
    """
    answered = weights[answers].sum()
    if answered <= 0:
        return Step(0.0, 1.0, 1.0)
    error = max(float(weights[answers & ~right].sum() / answered), 0.0)
    if n_classes == 1:
        return Step(1.0, error, 0.0)
    held = min(max(error, SMALLEST_ERROR), 1 - SMALLEST_ERROR)
    weight = np.log((1 - held) / held) + np.log(n_classes - 1)
    loss = (1 - answered) + answered * (
        (1 - held) * np.exp(-weight * (n_classes - 1) / n_classes)
        + held * np.exp(weight / n_classes)
    )
    return Step(float(weight), error, float(loss))


def reweighted(
    weights: NDArray[np.float64],
    right: NDArray[np.bool_],
    moved: NDArray[np.bool_],
    weight: float,
    n_classes: int,
) -> NDArray[np.float64]:
    """Return the weights of the samples after a vote, of sum 1.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
    right : bool ndarray of shape (n_samples,)
    moved : bool ndarray of shape (n_samples,)
        The samples whose weights change.
    weight : float
        Of the vote, with the learning rate.
    n_classes : int
    """
    exponent = np.where(right, weight / n_classes - weight, weight / n_classes)
    changed = weights * np.exp(np.where(moved, exponent, 0.0))
    changed /= changed.sum()
    # no sample vanishes, except one that had no weight
    return np.maximum(changed, np.finfo(np.float64).eps * (weights > 0))


def cooperating(
    right: NDArray[np.bool_], answers: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell which samples each modality should go on trying to learn.

    Those that it gets right (their weight falls), and those that all modalities
    get wrong: what it gets wrong and another one right is left to the other.

    Parameters
    ----------
    right : bool ndarray of shape (n_modalities, n_samples)
    answers : bool ndarray of shape (n_modalities, n_samples)
    """
    return answers & (right | ~right.any(axis=0))
