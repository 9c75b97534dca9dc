"""What a supervised encoder says of rows, in one system of coordinates."""

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-6
"""Probabilities nearer to 0 or 1 are moved to here: a net can be too sure."""


def log_odds(proba: NDArray[np.float64], *, multilabel: bool) -> NDArray[np.float64]:
    r"""Return what probabilities say, on a scale without ends.

    .. math:: s_c = \log p_c - \frac{1}{C} \sum_k \log p_k

    for :math:`C > 2` classes, :math:`\log (p_1 / p_0)` for two, and
    :math:`\log (p / (1 - p))` for each of several labels.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
    multilabel : bool
        Whether the columns are labels that do not exclude each other.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_scores)
        One column for two classes.
    """
    if multilabel:
        proba = np.clip(proba, FLOOR, 1 - FLOOR)
        return np.log(proba) - np.log1p(-proba)
    logs = np.log(np.maximum(proba, FLOOR))
    if logs.shape[1] == 2:
        return logs[:, 1:] - logs[:, :1]
    return logs - logs.mean(axis=1, keepdims=True)


def aligned(
    hidden: NDArray[np.float64], own: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Turn an encoder's hidden units towards those of another one.

    .. math:: h \mapsto (h - \bar a) R + \bar b, \qquad
              R = \arg\min_{R^\top R = 1} \| (A - \bar a) R - (B - \bar b) \|

    (orthogonal Procrustes [1]_) where A and B are what the two say of the same
    rows.

    Parameters
    ----------
    hidden : ndarray of shape (n_samples, out_size)
        What is to be turned.
    own, other : ndarrays of shape (n_rows, out_size)
        What its encoder and the other one say of the same rows.

    Returns
    -------
    turned : ndarray of shape (n_samples, out_size)

    References
    ----------
    .. [1] P. H. Schönemann, "A Generalized Solution of the Orthogonal Procrustes
           Problem", Psychometrika 31, 1966.
    """
    here, there = own.mean(axis=0), other.mean(axis=0)
    left, _, right = np.linalg.svd((own - here).T @ (other - there))
    return (hidden - here) @ (left @ right) + there
