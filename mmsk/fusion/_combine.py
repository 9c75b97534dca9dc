"""Rules that combine the predictions of the modalities."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import rel_entr

TINY = np.finfo(np.float64).tiny


def mean_rule(
    proba: NDArray, present: NDArray, weights: NDArray | None = None
) -> NDArray:
    r"""Average what the present modalities predict.

    .. math:: p = \sum_m a_m w_m p_m / \sum_m a_m w_m

    where :math:`a_m` tells whether modality m is present.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)
        At least one a row.
    weights : ndarray of shape (n_modalities,) or (n_samples, n_modalities), \
            default=None
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


def median_rule(values: NDArray, present: NDArray) -> NDArray:
    """Return the median of what the present modalities predict.

    Parameters
    ----------
    values : ndarray of shape (n_modalities, n_samples, n_targets)
    present : bool ndarray of shape (n_samples, n_modalities)
        At least one a row.

    Returns
    -------
    fused : ndarray of shape (n_samples, n_targets)
    """
    return np.nanmedian(np.where(present.T[:, :, None], values, np.nan), axis=0)


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


def confidence_rule(proba: NDArray, present: NDArray, prior: NDArray) -> NDArray:
    r"""Let every sample weigh its modalities by how much they say.

    .. math:: p = \frac{\sum_m a_m d_m p_m}{\sum_m a_m d_m}, \qquad
              d_m = \sum_c p_m(c) \log \frac{p_m(c)}{\pi_c}

    where :math:`a_m` tells whether modality m is present and :math:`d_m` is the
    information (Kullback-Leibler) that its probabilities hold beyond the prior:
    who repeats the prior has no say.

    Parameters
    ----------
    proba : ndarray of shape (n_modalities, n_samples, n_classes)
    present : bool ndarray of shape (n_samples, n_modalities)
        At least one a row.
    prior : ndarray of shape (n_classes,)

    Returns
    -------
    fused : ndarray of shape (n_samples, n_classes)
    """
    information = rel_entr(proba, np.maximum(prior, TINY)).sum(axis=2)
    return mean_rule(proba, present, np.maximum(information, 0.0).T)


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
    true = proba[:, np.arange(len(codes)), codes].T  # (n, M)

    def loss(weights):
        share = present * weights
        mass = np.maximum((share * true).sum(axis=1), 1e-12)
        total = share.sum(axis=1)
        value = np.average(np.log(total) - np.log(mass), weights=sample_weight)
        slope = share / total[:, None] - share * true / mass[:, None]
        return value, np.average(slope, axis=0, weights=sample_weight)

    return _on_the_simplex(loss, len(proba))


def learn_weights_of_values(
    values: NDArray,
    present: NDArray,
    y: NDArray,
    sample_weight: NDArray | None = None,
) -> NDArray:
    """Find the weights of the mean rule that make the squared error smallest.

    Parameters
    ----------
    values : ndarray of shape (n_modalities, n_samples, n_targets)
        Out-of-fold predictions, in a unit in which the targets are alike.
    present : bool ndarray of shape (n_samples, n_modalities)
        At least one a row.
    y : ndarray of shape (n_samples, n_targets)
        The targets in the same unit.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    weights : ndarray of shape (n_modalities,)
        Not negative, sum 1.
    """

    def loss(weights):
        share = present * weights
        share = share / share.sum(axis=1, keepdims=True)
        fused = np.einsum("nm,mnk->nk", share, values)
        error = fused - y  # (n, k)
        value = np.average((error**2).sum(axis=1), weights=sample_weight)
        # the derivative of a renormalised mean by a log-weight
        moves = share.T[:, :, None] * (values - fused)  # (M, n, k)
        slope = 2 * (moves * error).sum(axis=2)
        return value, np.average(slope, axis=1, weights=sample_weight)

    return _on_the_simplex(loss, len(values))


def _on_the_simplex(loss: Callable[[NDArray], tuple], n_modalities: int) -> NDArray:
    """Minimise a function of weights that returns its slope by their logarithms."""

    def of_logarithms(theta):
        return loss(np.exp(theta - theta.max()))

    start = np.zeros(n_modalities)
    # +-12 is a weight of 4e-11: the simplex' edge without infinities
    bounds = [(-12, 12)] * n_modalities
    found = minimize(of_logarithms, start, jac=True, bounds=bounds)
    weights = np.exp(found.x - found.x.max())
    return weights / weights.sum()
