"""TF-IDF of one column of texts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfTransformer

from mmsk.feature_extraction.text._text_extractor import PresentTexts
from mmsk.feature_extraction.text._tfidf_counter import TermCounter

_WEIGHTING = ("norm", "use_idf", "smooth_idf", "sublinear_tf")


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
        self._counter = TermCounter(params)
        self._weigher = TfidfTransformer(**weighting)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Column of each term."""
        return self._counter.vocabulary

    @property
    def idf(self) -> np.ndarray | None:
        """Inverse document frequencies of shape (n_terms,), if they are used."""
        return self._weigher.idf_ if self._weigher.use_idf else None

    def fit_transform(self, column: PresentTexts) -> sp.csr_array:
        """Learn from the texts that are there; return (n_samples, n_terms) rows.

        Raises
        ------
        EmptyVocabularyError
            If no term is left.
        """
        # a given vocabulary needs no text
        counts = self._counter.fit_transform(column.texts or [""])
        self._weigher.fit(counts)
        return self._weighed(counts, column.present)

    def transform(self, column: PresentTexts) -> sp.csr_array:
        """Return rows of shape (n_samples, n_terms)."""
        counts = self._counter.transform(column.texts or [""])
        return self._weighed(counts, column.present)

    def _weighed(
        self, counts: sp.csr_array, present: NDArray[np.bool_]
    ) -> sp.csr_array:
        """Weigh the counts of the texts that are there; the others get empty rows."""
        rows = self._weigher.transform(counts, copy=False)
        if present.all():
            return rows
        lengths = np.zeros(len(present) + 1, dtype=rows.indices.dtype)
        if present.any():
            lengths[1:][present] = np.diff(rows.indptr)
        starts = lengths.cumsum(dtype=lengths.dtype)
        shape = (len(present), len(self.vocabulary))
        return sp.csr_array((rows.data, rows.indices, starts), shape)
