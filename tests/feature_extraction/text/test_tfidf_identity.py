"""The counts and weights are scikit-learn's to the last bit."""

import sys
from itertools import pairwise, product

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from mmsk.datasets import load_clipart
from mmsk.feature_extraction.text import (
    _portions,
    _tfidf_column,
    _tfidf_counter,
    _tfidf_runs,
    _tfidf_symbols,
)
from mmsk.feature_extraction.text._text_extractor import present_texts
from tests._ids import stable

# what lower-casing, blanks and word boundaries trip over
ODD = (
    "\u0130I\u0131\u017f\u212a\u03a3\u03c3\u03c2 ß'\u2019_-\t\n\r\x0b\x0c\x1c\x1f\x85"
    "\xa0\u2003\u3000\u200b\u0301\0\ufffd"
)


def unicode_texts(n=150, seed=0):
    """Return texts of a few words of one script each, with odd characters between."""
    rng = np.random.default_rng(seed)
    starts = [0x61, 0x41, 0xE0, 0x3B1, 0x410, 0x5D0, 0x627, 0x905, 0xE01, 0xAC00]
    starts += [0x4E00, 0x3042, 0x1F600, 0x10400, 0x20000, 0x660, 0x2160]
    texts = []
    for _ in range(n):
        words = []
        for _ in range(rng.integers(0, 9)):
            start = rng.choice(starts)
            letters = start + rng.integers(0, 6, rng.integers(1, 14))
            words.append("".join(map(chr, letters)))
            words.append(ODD[rng.integers(len(ODD))] * rng.integers(1, 3))
            words.append(" " * rng.integers(0, 3))
        texts.append("".join(words))
    return [*texts, "", " ", "a", "\u0391\u03a3", "\u0391\u03a3 \u03a3"]


def long_words():
    """Return words that differ in their last bytes only, of every length."""
    stem = "abcdefgh" * 6
    words = [stem[:size] + end for size in range(1, 45) for end in ("", "x", "é")]
    return [" ".join(words[start::7]) for start in range(7)] + [" ".join(words)] * 2


CORPORA = {
    "titles": load_clipart().data["title"].tolist(),
    "unicode": unicode_texts(),
    "long": long_words(),
}
WAYS = [
    *(
        {"analyzer": analyzer, "ngram_range": ngrams, "lowercase": lowercase}
        for analyzer, ngrams, lowercase in product(
            ["word", "char", "char_wb"],
            [(1, 1), (1, 2), (2, 2), (1, 4), (4, 5)],
            [True, False],
        )
    ),
    *(
        {"ngram_range": (1, 2), **params}
        for params in (
            {"min_df": 2},
            {"min_df": 0.01, "max_df": 0.2},
            {"max_df": 3},
            {"max_features": 25},
            {"max_features": 3, "min_df": 2, "analyzer": "char"},
            {"vocabulary": {"b c": 2, "the": 0, "a": 1, "αβ": 3}},
            {"vocabulary": ["the", "of the", "of"]},
            {"stop_words": "english"},
            {"stop_words": ["the", "of", "αβ"]},
            {"binary": True},
            {"strip_accents": "unicode"},
            {"strip_accents": "ascii", "analyzer": "char"},
            {"norm": "l1", "sublinear_tf": True},
            {"norm": None, "smooth_idf": False},
            {"use_idf": False},
            {"token_pattern": r"(?u)\b\w+\b"},
            {"token_pattern": r"(\w)\w*"},
            {"tokenizer": str.split, "token_pattern": None},
            {"preprocessor": str.swapcase},
            {"strip_accents": str.title},
        )
    ),
    {"analyzer": str.split},
    {"analyzer": pairwise},
]


def assert_identical(ours, theirs):
    theirs.sort_indices()
    assert ours.dtype == theirs.dtype == np.float64
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_array_equal(ours.data, theirs.data)


def assert_counts_as_the_vectorizer(texts, test, params):
    analyzer = params.get("analyzer", "word")
    usual = {**TfidfVectorizer().get_params(), **params, "analyzer": analyzer}
    for name in ("input", "encoding", "decode_error", "dtype"):
        del usual[name]
    ours = _tfidf_column.ColumnTfidf(usual)
    theirs = TfidfVectorizer(dtype=np.float64, **params)
    try:
        their_rows = theirs.fit_transform(texts)
    except ValueError:
        with pytest.raises(_tfidf_counter.EmptyVocabularyError):
            ours.fit_transform(present_texts(texts))
        return
    rows = ours.fit_transform(present_texts(texts))
    assert ours.vocabulary == theirs.vocabulary_
    assert_identical(rows, theirs.transform(texts))
    # their fit_transform adds the squares of a row in another order
    their_rows.sort_indices()
    np.testing.assert_array_equal(rows.indices, their_rows.indices)
    np.testing.assert_allclose(rows.data, their_rows.data, rtol=1e-13)
    assert_identical(ours.transform(present_texts(texts)), theirs.transform(texts))
    assert_identical(ours.transform(present_texts(test)), theirs.transform(test))
    if ours.idf is not None:
        np.testing.assert_array_equal(ours.idf, theirs.idf_)


@pytest.mark.parametrize("params", WAYS, ids=stable)
@pytest.mark.parametrize("corpus", CORPORA)
def test_vocabulary_indices_and_data_are_the_vectorizers(corpus, params):
    test = [*unicode_texts(40, seed=1), "of the sun, of THE moon"]
    assert_counts_as_the_vectorizer(CORPORA[corpus], test, params)


CUTS = [
    {"ngram_range": (1, 3)},
    {"analyzer": "char", "ngram_range": (2, 3), "min_df": 2},
    {"analyzer": "char_wb", "ngram_range": (4, 5), "max_features": 50},
    {"tokenizer": str.split, "token_pattern": None, "binary": True},
]


@pytest.mark.parametrize("params", CUTS, ids=stable)
@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("size", [1, 300])
def test_texts_counted_in_portions_give_the_same(corpus, params, size, monkeypatch):
    monkeypatch.setattr(_portions, "_CHARACTERS", size)
    test = unicode_texts(20, seed=2)
    assert_counts_as_the_vectorizer(CORPORA[corpus][:80], test, params)


@pytest.mark.parametrize("corpus", CORPORA)
def test_words_that_share_a_slot_are_told_apart(corpus, monkeypatch):
    monkeypatch.setattr(_tfidf_runs, "_MOST_BITS", 2)
    assert_counts_as_the_vectorizer(CORPORA[corpus], unicode_texts(9), {})


def test_characters_that_are_no_letters_are_cut_out_by_either_way(monkeypatch):
    assert len({char for text in CORPORA["unicode"] for char in text}) > 100
    for many in (0, sys.maxsize):
        monkeypatch.setattr(_tfidf_symbols, "_MANY", many)
        assert_counts_as_the_vectorizer(CORPORA["unicode"], ["a"], {})


def test_runs_are_those_of_split():
    text = " ".join(long_words()).encode() + b"  a  bc \xd0\x90 " + b"z" * 70
    runs, numbers, firsts = _tfidf_runs.number_runs(text)
    expected = [run for run in text.split(b" ") if len(run) > 1]
    assert [runs[number] for number in numbers] == expected
    assert len(set(runs)) == len(runs)
    assert all(
        text.startswith(run, first) for run, first in zip(expected, firsts, strict=True)
    )


@pytest.mark.parametrize("text", [b"", b" ", b"a", b"a b"])
def test_no_run_is_found_where_none_is(text):
    runs, numbers, firsts = _tfidf_runs.number_runs(text)
    assert (runs, len(numbers), len(firsts)) == ([], 0, 0)


def test_dense_ranks_are_those_of_unique():
    keys = np.random.default_rng(0).integers(0, 900, 500)
    for size in (900, 10**6):
        ranks, found = _tfidf_symbols.dense_ranks(keys, size)
        np.testing.assert_array_equal(found, np.unique(keys))
        np.testing.assert_array_equal(found[ranks], keys)


def test_the_vectorizers_errors_and_warnings_come_through():
    column = _tfidf_column.ColumnTfidf
    params = {**TfidfVectorizer().get_params(), "dtype": None}
    for name in ("input", "encoding", "decode_error", "dtype"):
        del params[name]
    with pytest.warns(UserWarning, match="inconsistent with your preprocessing"):
        column({**params, "stop_words": ["don't"]}).fit_transform(
            present_texts(["do so"])
        )
    with pytest.raises(ValueError, match="doesn't contain index"):
        column({**params, "vocabulary": {"a": 1}}).fit_transform(present_texts(["do"]))
