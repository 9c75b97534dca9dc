"""Word vectors from the company that words keep."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

_SMOOTHING = 0.75
_SEED = 0  # the decomposition starts from random directions, and forgets them
_ITERATIONS = 7


def most_frequent(
    texts: Sequence[Sequence[str]], min_count: int, max_words: int
) -> dict[str, int]:
    """Give numbers to the words of texts, the most frequent ones first.

    Parameters
    ----------
    texts : sequence of sequences of str
    min_count : int
        Rarer words are left out.
    max_words : int

    Returns
    -------
    vocabulary : dict of str to int
        Words of the same frequency stand in their own order.
    """
    counts = Counter(word for words in texts for word in words)
    kept = [word for word, count in counts.items() if count >= min_count]
    kept.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(kept[:max_words])}


def train_vectors(
    texts: Sequence[Sequence[int]], n_words: int, window: int, n_components: int
) -> NDArray[np.float32]:
    """Learn vectors of words by decomposing what they have in common.

    Parameters
    ----------
    texts : sequence of sequences of int
        Numbers of the words in [0, n_words), negative for words without one.
    n_words : int
    window : int
        Largest distance of two words that are seen together.
    n_components : int

    Returns
    -------
    vectors : float32 ndarray of shape (n_words, min(n_components, n_words))
        The left singular vectors of `positive_pmi`, times the roots of the singular
        values.
    """
    counts = cooccurrences(texts, n_words, window)
    n_components = min(n_components, n_words)
    if not counts.nnz:
        return np.zeros((n_words, n_components), dtype=np.float32)
    left, values, _ = randomized_svd(
        positive_pmi(counts), n_components, n_iter=_ITERATIONS, random_state=_SEED
    )
    return (left * np.sqrt(values)).astype(np.float32)


def cooccurrences(
    texts: Sequence[Sequence[int]], n_words: int, window: int
) -> sp.csr_array:
    """Count how often two words stand in a text at most `window` words apart.

    Returns
    -------
    counts : CSR array of shape (n_words, n_words)
        Symmetric.
    """
    apart = [-1] * window
    parts = chain.from_iterable((text, apart) for text in texts)
    numbers = np.fromiter(chain.from_iterable(parts), dtype=np.int32)
    counts = sp.csr_array((n_words, n_words), dtype=np.float64)
    for distance in range(1, window + 1):
        first, second = numbers[:-distance], numbers[distance:]
        pair = (first >= 0) & (second >= 0)
        ones = np.ones(int(pair.sum()))
        counts += sp.csr_array((ones, (first[pair], second[pair])), (n_words, n_words))
    return sp.csr_array(counts + counts.T)


def positive_pmi(counts: sp.csr_array) -> sp.csr_array:
    r"""Return how much more often words meet than by chance, never less than 0.

    .. math:: \max\Bigl(0, \log \frac{n_{wc}}{n_w P(c)}\Bigr), \qquad
              P(c) \propto n_c^{3/4}

    Parameters
    ----------
    counts : CSR array of shape (n_words, n_words)

    Returns
    -------
    information : CSR array of shape (n_words, n_words)
    """
    counts = counts.tocoo()
    totals = np.bincount(counts.row, counts.data, minlength=counts.shape[0])
    share = totals**_SMOOTHING
    share /= share.sum()
    data = np.log(counts.data / (totals[counts.row] * share[counts.col]))
    data = np.maximum(data, 0)
    information = sp.csr_array((data, (counts.row, counts.col)), counts.shape)
    information.eliminate_zeros()
    return information
