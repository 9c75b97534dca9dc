"""The counts that TfidfVectorizer makes, by faster ways where there are any."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from mmsk.feature_extraction.text._portions import portions
from mmsk.feature_extraction.text._tfidf_ngrams import count_ngrams
from mmsk.feature_extraction.text._tfidf_symbols import (
    analyzed_symbols,
    character_symbols,
    padded_word_symbols,
    word_symbols,
)

WORD_PATTERN = r"(?u)\b\w\w+\b"


class EmptyVocabularyError(ValueError):
    """No term of a column's training texts is left."""


class TermCounter:
    """CountVectorizer, with terms counted in arrays.

    Usual words and characters are also cut in arrays. Where the user replaces this
    by a callable or a pattern the texts are cut by scikit-learn's analyzer.

    Parameters
    ----------
    params : mapping of str to object
        Parameters of CountVectorizer.

    Attributes
    ----------
    vocabulary : dict of str to int
        Column of each term, after `fit_transform`.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._vectorizer = CountVectorizer(**params)
        self.vocabulary: dict[str, int] = {}

    def fit_transform(self, texts: Sequence[str]) -> sp.csr_array:
        """Learn the terms; return counts of shape (n_texts, n_terms), sorted.

        Raises
        ------
        EmptyVocabularyError
            If no term is left.
        """
        given = self._vectorizer.vocabulary
        # scikit-learn checks the parameters, and warns of those without effect
        checked = clone(self._vectorizer)
        checked.set_params(vocabulary=["a"] if given is None else given).fit([])
        if given is None:
            return self._learn(texts)
        self.vocabulary = checked.vocabulary_
        return self.transform(texts)

    def transform(self, texts: Sequence[str]) -> sp.csr_array:
        """Return counts of shape (n_texts, n_terms), sorted."""
        unknown = len(self.vocabulary)
        parts = []
        for names, counts in self._chunks(texts):
            known = map(self.vocabulary.get, names, repeat(unknown))
            columns = np.fromiter(known, np.int64, len(names))
            order = columns.argsort(kind="stable")
            order = order[: np.searchsorted(columns, unknown, sorter=order)]
            parts.append(_rows(counts[:, order], columns[order], unknown))
        return _stacked(parts)

    def _learn(self, texts: Sequence[str]) -> sp.csr_array:
        chunks = list(self._chunks(texts))
        if len(chunks) == 1:
            terms = chunks[0][0]
            columns = [np.arange(len(terms))]
        else:
            terms = sorted({name for names, _ in chunks for name in names})
            place = {term: position for position, term in enumerate(terms)}
            columns = [
                np.array([place[name] for name in names], dtype=np.intp)
                for names, _ in chunks
            ]
        if not terms:
            raise EmptyVocabularyError("there is none in the texts")
        kept = self._kept([counts for _, counts in chunks], columns, len(terms))
        place = np.cumsum(kept) - 1
        parts = []
        while chunks:  # let go of each as soon as it is not needed
            own = columns.pop(0)
            stays = kept[own]
            counts = chunks.pop(0)[1]
            counts = counts if stays.all() else counts[:, stays]
            parts.append(_rows(counts, place[own[stays]], int(kept.sum())))
        names = [terms[position] for position in np.flatnonzero(kept)]
        self.vocabulary = {name: position for position, name in enumerate(names)}
        return _stacked(parts)

    def _kept(
        self, parts: list[sp.csc_array], columns: list[NDArray], n_terms: int
    ) -> NDArray[np.bool_]:
        """Tell which terms min_df, max_df and max_features leave."""
        vectorizer = self._vectorizer
        n_texts = sum(part.shape[0] for part in parts)
        most, least = (
            limit if isinstance(limit, Integral) else limit * n_texts
            for limit in (vectorizer.max_df, vectorizer.min_df)
        )
        if most < least:
            raise EmptyVocabularyError("max_df is fewer texts than min_df")
        n_with = np.zeros(n_terms, dtype=np.int64)
        totals = np.zeros(n_terms)
        for part, own in zip(parts, columns, strict=True):
            n_with[own] += np.diff(part.indptr)
            totals[own] += part.sum(axis=0)
        kept = (n_with <= most) & (n_with >= least)
        limit = vectorizer.max_features
        if limit is not None and kept.sum() > limit:
            # among equals, what scikit-learn's unstable sort takes
            best = (-totals[kept]).argsort()[:limit]
            chosen = np.flatnonzero(kept)[best]
            kept = np.zeros(n_terms, dtype=bool)
            kept[chosen] = True
        if not kept.any():
            raise EmptyVocabularyError("min_df and max_df leave none")
        return kept

    def _chunks(self, texts: Sequence[str]) -> Iterator[tuple[list[str], sp.csc_array]]:
        return map(self._count, portions(texts))

    def _count(self, texts: Sequence[str]) -> tuple[list[str], sp.csc_array]:
        """Return the terms of texts, sorted, and how often each text has them."""
        vectorizer = self._vectorizer
        ngram_range = vectorizer.ngram_range
        kind = vectorizer.analyzer if self._usual else None
        joint = " " if kind == "word" else ""
        lowercase = vectorizer.lowercase
        if kind is not None and vectorizer.strip_accents is not None:
            preprocess = vectorizer.build_preprocessor()
            texts, lowercase = [preprocess(text) for text in texts], False
        if kind == "word":
            stop_words = vectorizer.get_stop_words() or ()
            symbols = word_symbols(texts, lowercase=lowercase, stop_words=stop_words)
        elif kind == "char":
            symbols = character_symbols(texts, lowercase=lowercase)
        elif kind == "char_wb":
            symbols = padded_word_symbols(texts, lowercase=lowercase)
        else:
            symbols = analyzed_symbols(texts, vectorizer.build_analyzer())
            ngram_range = (1, 1)
        names, counts = count_ngrams(
            symbols, ngram_range, joint=joint, short_segments=kind == "char_wb"
        )
        if vectorizer.binary:
            counts.data[:] = 1
        return names, counts

    @property
    def _usual(self) -> bool:
        """Whether texts are cut in one of the ways that are known here."""
        vectorizer = self._vectorizer
        ngram_range = vectorizer.ngram_range
        return (
            vectorizer.analyzer in ("word", "char", "char_wb")
            and vectorizer.preprocessor is None
            and not callable(vectorizer.strip_accents)
            and vectorizer.tokenizer is None
            and vectorizer.token_pattern == WORD_PATTERN
            and all(isinstance(size, Integral) for size in ngram_range)
            and 1 <= ngram_range[0] <= ngram_range[1]
        )


def _stacked(parts: list[sp.csr_array]) -> sp.csr_array:
    rows = parts[0] if len(parts) == 1 else sp.vstack(parts, format="csr")
    rows.has_canonical_format = True
    return rows


def _rows(
    counts: sp.csc_array, columns: NDArray[np.integer], n_terms: int
) -> sp.csr_array:
    """Return counts as sorted rows, at other columns of the same order."""
    rows = counts.tocsr()
    indices = columns.astype(rows.indices.dtype)[rows.indices]
    shape = (counts.shape[0], n_terms)
    return sp.csr_array((rows.data.astype(np.float64), indices, rows.indptr), shape)
