"""Rules that combine the predictions of the modalities."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

TINY = np.finfo(np.float64).tiny


def mean_rule(
    proba: NDArray, present: NDArray, weights: NDArray | None = None
) -> NDArray:
    r"""Average probabilities over the present modalities.

    .. math:: p = \sum_m a_m w_m p_m / \sum_m a_m w_m

    where :math:`a_m` tells whether modality m is present.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)
        At least one a row.
    weights : ndarray of shape (n_modalities,), default=None
        Not negative; equal weights where ``None``, and for samples whose
        present modalities all have weight 0.

    Returns
    -------
    fused : ndarray of shape (n_samples, n_classes)
    """
    share = present.astype(np.float64)
    if weights is not None:
        weighted = share * weights
        share = np.where(weighted.sum(axis=1, keepdims=True) > 0, weighted, share)
    share = share / share.sum(axis=1, keepdims=True)
    return np.einsum("nm,mnc->nc", share, proba)


def product_rule(proba: NDArray, present: NDArray, prior: NDArray) -> NDArray:
    r"""Multiply what the present modalities say (Kittler et al. 1998).

    .. math:: p(c) \propto \pi_c \prod_{m\ present} p_m(c) / \pi_c

    which is Bayes' rule for modalities that are independent given the class.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)
    prior : ndarray of shape (n_classes,)

    Returns
    -------
    fused : ndarray of shape (n_samples, n_classes)
    """
    log_prior = np.log(np.maximum(prior, TINY))
    evidence = evidence_of(proba, present, prior).sum(axis=0)
    logits = log_prior + evidence
    logits -= logits.max(axis=1, keepdims=True)
    fused = np.exp(logits)
    return fused / fused.sum(axis=1, keepdims=True)


def vote_rule(proba: NDArray, present: NDArray) -> NDArray:
    """Return the share of the present modalities that choose each class.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)

    Returns
    -------
    fused : ndarray of shape (n_samples, n_classes)
    """
    votes = np.eye(proba.shape[2])[proba.argmax(axis=2)]
    return mean_rule(votes, present)


def evidence_of(proba: NDArray, present: NDArray, prior: NDArray) -> NDArray:
    """Return log-probabilities over the prior's, 0 for absent modalities.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)
    prior : ndarray of shape (n_classes,)

    Returns
    -------
    evidence : ndarray of shape (n_modalities, n_samples, n_classes)
        Probabilities are held above 1e-6, so that one wrong certainty of one
        modality does not decide alone.
    """
    log_ratio = np.log(np.maximum(proba, 1e-6)) - np.log(np.maximum(prior, 1e-6))
    return np.where(present.T[:, :, None], log_ratio, 0.0)


def learn_weights(
    proba: NDArray,
    present: NDArray,
    codes: NDArray,
    sample_weight: NDArray | None = None,
) -> NDArray:
    """Find the weights of the mean rule that make the log-loss smallest.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
        Out-of-fold probabilities.
    present : bool ndarray of shape (n_samples, n_modalities)
    codes : int ndarray of shape (n_samples,)
        Positions of the true classes.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    weights : ndarray of shape (n_modalities,)
        Not negative, sum 1.
    """
    n_modalities = len(proba)
    true = proba[:, np.arange(len(codes)), codes].T  # (n, M)

    def loss(theta):
        weights = np.exp(theta - theta.max())
        share = present * weights
        mass = np.maximum((share * true).sum(axis=1), 1e-12)
        total = share.sum(axis=1)
        value = np.average(np.log(total) - np.log(mass), weights=sample_weight)
        slope = share / total[:, None] - share * true / mass[:, None]
        return value, np.average(slope, axis=0, weights=sample_weight)

    start = np.zeros(n_modalities)
    # +-12 is a weight of 4e-11: the simplex' edge without infinities
    found = minimize(loss, start, jac=True, bounds=[(-12, 12)] * n_modalities)
    weights = np.exp(found.x - found.x.max())
    return weights / weights.sum()
