"""From the words of texts to one vector a text."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mmsk.feature_extraction.text._word_embedding_vectors import WordVectors


def count_vectors(
    texts: Sequence[Sequence[str]], source: WordVectors
) -> tuple[sp.csr_array, int, int]:
    """Count how often each text needs each vector.

    Parameters
    ----------
    texts : sequence of sequences of str
        The words of each text.
    source : WordVectors

    Returns
    -------
    counts : float64 CSR array of shape (n_texts, n_vectors)
    n_words : int
    n_unknown : int
        How many of the words have no vector.
    """
    n_words = n_unknown = 0
    rows = []
    for text in texts:
        row: Counter[int] = Counter()
        for word, count in Counter(text).items():
            found = source.find(word)
            n_words += count
            n_unknown += 0 if found else count
            for number in found:
                row[number] += count
        rows.append(sorted(row.items()))
    starts = np.cumsum([0, *map(len, rows)])
    pairs = np.array([pair for row in rows for pair in row], dtype=np.int64)
    pairs = pairs.reshape(-1, 2)
    counts = sp.csr_array(
        (pairs[:, 1].astype(np.float64), pairs[:, 0], starts),
        (len(rows), len(source.vectors)),
    )
    return counts, n_words, n_unknown


def mean_vectors(
    counts: sp.csr_array,
    vectors: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
) -> NDArray[np.float64]:
    """Return the mean of each text's vectors, zeros where it has none.

    Parameters
    ----------
    counts : CSR array of shape (n_texts, n_vectors)
    vectors : float32 ndarray of shape (n_vectors, size)
    weights : float32 ndarray of shape (n_vectors,) or None
        Factors of the vectors; the mean is divided by the number of vectors
        whatever they weigh.

    Returns
    -------
    means : float64 ndarray of shape (n_texts, size)
    """
    used = np.unique(counts.indices)
    taken = vectors[used].astype(np.float64)
    if weights is not None:
        taken *= weights[used, None]
    lengths = counts.sum(axis=1)[:, None]
    return (counts[:, used] @ taken) / np.maximum(lengths, 1)


def inverse_frequency(
    counts: Sequence[sp.csr_array], smoothing: float
) -> NDArray[np.float32]:
    """Return weights a / (a + p) of vectors from counts of shape (n, n_vectors)."""
    total = sum(part.sum(axis=0) for part in counts)
    share = total / max(1.0, total.sum())
    return (smoothing / (smoothing + share)).astype(np.float32)


def common_direction(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first right singular vector of (n, size) rows, zeros without any."""
    if not rows.any():
        return np.zeros(rows.shape[1])
    return np.linalg.eigh(rows.T @ rows)[1][:, -1]
