"""TF-IDF of several columns, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from mmsk.feature_extraction.text._scripts import is_unsegmented
from mmsk.feature_extraction.text._text_extractor import PresentTexts
from mmsk.feature_extraction.text._tfidf_column import ColumnTfidf
from mmsk.feature_extraction.text._tfidf_counter import (
    WORD_PATTERN,
    EmptyVocabularyError,
)


class TfidfColumns:
    """A vectorizer for each column that has any term.

    Parameters
    ----------
    params : mapping of str to object
        Parameters of TfidfVectorizer; ``analyzer`` may be ``"auto"``.

    Attributes
    ----------
    analyzers : list of str or callable
    vocabularies : list of dict of str to int
    idfs : list of (ndarray of shape (n_terms,) or None)
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = dict(params)

    def fit_transform(
        self, texts: Sequence[PresentTexts], names: Sequence[str | int]
    ) -> list[sp.csr_array]:
        """Learn from each column; return its rows of shape (n_samples, n_terms).

        Raises
        ------
        ValueError
            If no term is left in any of the columns of these names.
        """
        self._columns: list[ColumnTfidf | None] = []
        self.analyzers = []
        parts, reason = [], None
        for column in texts:
            params = self._resolved(column.texts)
            self.analyzers.append(params["analyzer"])
            tfidf = ColumnTfidf(params)
            try:
                parts.append(tfidf.fit_transform(column))
            except EmptyVocabularyError as error:
                tfidf, reason = None, error
                parts.append(_empty(column))
            self._columns.append(tfidf)
        if not any(self._columns):
            raise ValueError(
                f"No word is left in the columns {names} ({reason}). Leave them out "
                "if they hold no text, or count more: a lower min_df, fewer "
                'stop_words, analyzer="char_wb".'
            ) from reason
        self.vocabularies = [each.vocabulary if each else {} for each in self._columns]
        self.idfs = [each.idf if each else None for each in self._columns]
        return parts

    def transform(self, texts: Sequence[PresentTexts]) -> list[sp.csr_array]:
        """Return the rows of each column, of shape (n_samples, n_terms)."""
        return [
            tfidf.transform(column) if tfidf else _empty(column)
            for tfidf, column in zip(self._columns, texts, strict=True)
        ]

    def _resolved(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the parameters for one column."""
        params = self._params
        if params["analyzer"] != "auto":
            return params
        about_words = ("tokenizer", "stop_words", "vocabulary")
        usual = all(params[name] is None for name in about_words)
        if usual and params["token_pattern"] == WORD_PATTERN and is_unsegmented(texts):
            smallest, largest = params["ngram_range"]
            sizes = (smallest, largest + 1)
            return {**params, "analyzer": "char", "ngram_range": sizes}
        return {**params, "analyzer": "word"}


def _empty(column: PresentTexts) -> sp.csr_array:
    return sp.csr_array((len(column.present), 0), dtype=np.float64)
