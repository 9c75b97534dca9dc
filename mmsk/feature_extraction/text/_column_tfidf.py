"""TF-IDF of one column of texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

# how scikit-learn says that no word is left
_EMPTY = (
    "empty vocabulary",
    "no terms remain",
    "max_df corresponds to < documents than min_df",
)
_WEIGHTING = ("norm", "use_idf", "smooth_idf", "sublinear_tf")


class EmptyVocabularyError(ValueError):
    """No word of a column's training texts is left."""


class ColumnTfidf:
    """TfidfVectorizer in its two halves.

    Its own ``fit_transform`` adds the squares of a row in another order than its
    ``transform``, so that the last bits differ; between the halves the order can be
    made the same.

    Parameters
    ----------
    params : mapping of str to object
        Parameters of TfidfVectorizer.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        params = dict(params)
        weighting = {name: params.pop(name) for name in _WEIGHTING}
        self._counter = CountVectorizer(dtype=np.float64, **params)
        self._weigher = TfidfTransformer(**weighting)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Column of each term."""
        return self._counter.vocabulary_

    @property
    def idf(self) -> np.ndarray | None:
        """Inverse document frequencies of shape (n_terms,), if they are used."""
        return self._weigher.idf_ if self._weigher.use_idf else None

    def fit_transform(self, texts: Sequence[str | None]) -> sp.csr_array:
        """Learn from the texts that are there; return rows of (len(texts), n_terms).

        Raises
        ------
        EmptyVocabularyError
            If no term is left.
        """
        there = [text for text in texts if text is not None]
        try:
            # a given vocabulary needs no text
            counts = self._counter.fit_transform(there or [""])
        except ValueError as error:
            if any(sign in str(error) for sign in _EMPTY):
                raise EmptyVocabularyError(str(error)) from error
            raise
        counts.sort_indices()
        self._weigher.fit(counts)
        return self._weighed(counts, texts)

    def transform(self, texts: Sequence[str | None]) -> sp.csr_array:
        """Return rows of shape (len(texts), n_terms)."""
        there = [text for text in texts if text is not None]
        return self._weighed(self._counter.transform(there or [""]), texts)

    def _weighed(self, counts: Any, texts: Sequence[str | None]) -> sp.csr_array:
        """Weigh the counts of the texts that are there; the others get empty rows."""
        rows = self._weigher.transform(counts, copy=False)
        present = np.array([text is not None for text in texts])
        lengths = np.zeros(len(texts) + 1, dtype=rows.indices.dtype)
        if present.any():
            lengths[1:][present] = np.diff(rows.indptr)
        starts = lengths.cumsum(dtype=lengths.dtype)
        shape = (len(texts), len(self.vocabulary))
        return sp.csr_array((rows.data, rows.indices, starts), shape)
