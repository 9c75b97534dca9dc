"""Texts as means of word vectors."""

import os
import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._param_validation import (
    Interval,
    StrOptions,
    fit_context,
)
from mmsk.feature_extraction.text._text_extractor import TextExtractor
from mmsk.feature_extraction.text._word_embedding_corpus import (
    most_frequent,
    train_vectors,
)
from mmsk.feature_extraction.text._word_embedding_missing import (
    fill_missing,
    learn_fill,
    texts_there,
)
from mmsk.feature_extraction.text._word_embedding_pooling import (
    common_direction,
    count_vectors,
    inverse_frequency,
    mean_vectors,
)
from mmsk.feature_extraction.text._word_embedding_vectors import (
    WordVectors,
    from_mapping,
    from_table,
    load_vectors,
    source_digest,
)

CORPUS = "corpus"
_SPACES = r"\S+"


class WordEmbeddingEncoder(TextExtractor):
    r"""Embed texts by the mean of their words' vectors.

    Plain, or weighted by smooth inverse frequency (SIF) [1]_,

    .. math:: v = \frac{1}{n} \sum_w \frac{a}{a + p(w)} x_w, \qquad
              v \leftarrow v - u u^\top v

    where :math:`p(w)` is a word's share in the training texts (all columns
    together) and :math:`u` the direction that the training rows of a column have
    most in common. Words without a vector are left out, and counted.

    ``source="corpus"`` learns the vectors from the training texts themselves, by a
    singular value decomposition of the positive pointwise mutual information of
    words that stand near each other, which is what word2vec does implicitly [2]_;
    contexts are smoothed and singular values halved in weight as [3]_ advises. This
    needs some thousand texts; for fewer take vectors that were trained elsewhere.

    A cell is a str or UTF-8 bytes. Lone surrogates become U+FFFD and are counted.
    None, NaN and NA are missing cells; numbers and lists are refused: convert such a
    column with ``astype(str)``. The last column of the output is 1 where a row has
    at least one text, else 0. A text without any known word has zeros, and a 1
    behind them.

    Parameters
    ----------
    source : str, os.PathLike or mapping of str to array-like, default="corpus"
        ``"corpus"``; a file of GloVe or word2vec (text or binary, or compressed by
        gzip); ``"wordllama"``, the vectors of the installed package of that name,
        which are of parts of words, so that none is unknown; or the vectors
        themselves by word.
    pooling : {"mean", "sif"}, default="mean"
        The mean, plain or weighted.
    sif_a : float, default=1e-3
        The constant :math:`a`: how frequent a word must be to lose half its weight.
    n_components : int, default=100
        Size of the vectors of a corpus; fewer where it has fewer words. Only with
        ``source="corpus"``, like the next three.
    window : int, default=5
        Largest distance of two words that are seen together.
    min_count : int, default=2
        Rarer words get no vector.
    max_words : int, default=50_000
        The number of the most frequent words that get one.
    lowercase : bool, default=True
        Whether texts are converted to lower case first.
    token_pattern : str, default=r"(?u)\b\w+\b"
        What a word is; for ``"wordllama"`` it is anything between spaces.
    on_error : {"raise", "missing"}, default="raise"
        Whether a cell that is no text stops with a `MediaError` that names its
        column and row, or is treated as missing, with one warning.
    missing : {"auto", "zero", "nan"}, default="auto"
        What stands in the features of a missing cell: the mean over the training
        rows that have one, 0 or NaN. Without any such row the mean is 0.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable cells above which `fit`
        raises all the same.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The row of each word in `vectors_`. Not for files and packages.
    vectors_ : float32 ndarray of shape (n_words, n_components)
        The vectors. Not for files and packages: they are not in a pickle, and must
        be found under `source` where it is loaded.
    source_digest_ : str or None
        Fingerprint of the file or package.
    embedding_size_ : int
        Number of features of a column.
    word_weights_ : float32 ndarray of shape (n_words,)
        Weights of the words. Only with ``pooling="sif"``.
    common_ : float64 ndarray of shape (n_features_in_, embedding_size_)
        The directions that are taken out. Only with ``pooling="sif"``.
    fill_ : float32 ndarray of shape (n_features_out - 1,)
        What stands in the features of missing cells.
    n_words_, n_unknown_ : int
        How many words the last `fit` or `transform` has seen, and how many of them
        without a vector.
    n_replaced_ : int
        How many lone surrogates it replaced.
    failures_ : list of (row, column, path, code)
        The cells that it treated as missing because they could not be used.
    block_ : Block
        Where the features stand.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame with string names.

    Raises
    ------
    MediaError
        If a cell is no text and ``on_error="raise"``, or too many are not.
    ValueError
        If no word of a corpus is left, or `source` is no source of vectors or
        another one than in `fit`.
    ImportError
        If a package is not installed.

    See Also
    --------
    TfidfExtractor : Words as features of their own.
    mmsk.feature_extraction.pretrained.TransformersEncoder : Words in their context.

    References
    ----------
    .. [1] S. Arora, Y. Liang and T. Ma, "A Simple but Tough-to-Beat Baseline for
           Sentence Embeddings", ICLR, 2017.
    .. [2] O. Levy and Y. Goldberg, "Neural Word Embedding as Implicit Matrix
           Factorization", NeurIPS, 2014.
    .. [3] O. Levy, Y. Goldberg and I. Dagan, "Improving Distributional Similarity
           with Lessons Learned from Word Embeddings", TACL 3, 2015.

    Examples
    --------
    >>> from mmsk.feature_extraction.text import WordEmbeddingEncoder
    >>> vectors = {"red": [1.0, 0.0], "car": [0.0, 2.0]}
    >>> encoder = WordEmbeddingEncoder(vectors)
    >>> encoder.fit_transform([["Red car"], ["a car"], [None]])
    array([[0.5 , 1.  , 1.  ],
           [0.  , 2.  , 1.  ],
           [0.25, 1.5 , 0.  ]], dtype=float32)
    >>> encoder.n_unknown_
    1
    """

    _store_id = "mmsk.WordEmbeddingEncoder"
    _reads_y = False

    _parameter_constraints: ClassVar[dict] = {
        **TextExtractor._parameter_constraints,
        "source": [str, os.PathLike, Mapping],
        "pooling": [StrOptions({"mean", "sif"})],
        "sif_a": [Interval(Real, 0, None, closed="neither")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_words": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
        "token_pattern": [str],
    }

    def __init__(
        self,
        source=CORPUS,
        *,
        pooling="mean",
        sif_a=1e-3,
        n_components=100,
        window=5,
        min_count=2,
        max_words=50_000,
        lowercase=True,
        token_pattern=r"(?u)\b\w+\b",
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
    ):
        self.source = source
        self.pooling = pooling
        self.sif_a = sif_a
        self.n_components = n_components
        self.window = window
        self.min_count = min_count
        self.max_words = max_words
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vectors, the weights and what stands in for missing cells.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The texts; one column may be 1-D.
        y : ignored
            For the sake of scikit-learn.

        Returns
        -------
        self : WordEmbeddingEncoder
            The fitted encoder.
        """
        self._fit(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Fit and return the features of the same rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : ignored

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features_out)
        """
        return self._fit(X)

    def transform(self, X):
        """Return the features of rows, the presence column last.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        cells, labels = self._check_cells(X, reset=False)
        texts = self._texts(cells, labels, max_error_rate=1.0)
        source = self._source()
        counts = self._counts([self._words(column, source) for column in texts], source)
        there = texts_there(texts)
        features = self._features(counts, source, there)
        fill_missing(features, there, self.fill_)
        return features

    def _versions(self) -> Mapping[str, object]:
        """Return what else changes the features: the content of files."""
        return {"source_digest": self._digest()}

    def _digest(self) -> str | None:
        if isinstance(self.source, Mapping) or self.source == CORPUS:
            return None
        return source_digest(self.source)

    def _fit(self, X: Any) -> NDArray[np.float32]:
        cells, labels = self._check_cells(X, reset=True)
        texts = self._texts(cells, labels, max_error_rate=self.max_error_rate)
        source, words = self._learn_source(texts, labels.columns)
        self._warn_if_unseen(cells, labels.columns)
        self.embedding_size_ = source.vectors.shape[1]
        counts = self._counts(words, source)
        there = texts_there(texts)
        if self.pooling == "sif":
            self.word_weights_ = inverse_frequency(counts, self.sif_a)
            means = (
                mean_vectors(part, source.vectors, self.word_weights_)
                for part in counts
            )
            self.common_ = np.stack([common_direction(mean) for mean in means])
        features = self._features(counts, source, there)
        self.fill_ = learn_fill(features, there, self.missing)
        fill_missing(features, there, self.fill_)
        return features

    def _learn_source(
        self, texts: list[list[str | None]], columns: list
    ) -> tuple[WordVectors, list[list[list[str]]]]:
        """Return the vectors, and the words of each text of each column."""
        for name in ("vocabulary_", "vectors_"):
            vars(self).pop(name, None)  # of an earlier fit from another source
        self.source_digest_ = self._digest()
        if self.source_digest_ is not None:
            source = load_vectors(self.source)
            return source, [self._words(column, source) for column in texts]
        if isinstance(self.source, Mapping):
            self.vocabulary_, self.vectors_ = from_mapping(self.source)
        words = [self._words(column, None) for column in texts]
        if not isinstance(self.source, Mapping):
            told = [text for column in words for text in column]
            self.vocabulary_ = most_frequent(told, self.min_count, self.max_words)
            if not self.vocabulary_:
                raise ValueError(
                    f"No word is left in the columns {columns}. Leave them out if they "
                    "hold no text, lower min_count, or take a source of vectors."
                )
            find = self.vocabulary_.get
            self.vectors_ = train_vectors(
                [[find(word, -1) for word in text] for text in told],
                len(self.vocabulary_),
                self.window,
                self.n_components,
            )
        return self._source(), words

    def _source(self) -> WordVectors:
        """Return the vectors of a fitted encoder."""
        if self.source_digest_ is None:
            return from_table(self.vocabulary_, self.vectors_)
        if self._digest() != self.source_digest_:
            raise ValueError(
                f"The vectors in {str(self.source)!r} are not those of fit. Put these "
                "back, or fit again."
            )
        return load_vectors(self.source)

    def _words(
        self, texts: list[str | None], source: WordVectors | None
    ) -> list[list[str]]:
        whole = source is not None and source.cuts_words
        find = re.compile(_SPACES if whole else self.token_pattern).findall
        lower = str.lower if self.lowercase and not whole else str
        return [[] if text is None else find(lower(text)) for text in texts]

    def _counts(
        self, words: list[list[list[str]]], source: WordVectors
    ) -> list[sp.csr_array]:
        """Return how often the texts of each column need each vector."""
        counted = [count_vectors(column, source) for column in words]
        self.n_words_ = sum(n_words for _, n_words, _ in counted)
        self.n_unknown_ = sum(n_unknown for *_, n_unknown in counted)
        return [counts for counts, *_ in counted]

    def _features(
        self,
        counts: list[sp.csr_array],
        source: WordVectors,
        there: list[NDArray[np.bool_]],
    ) -> NDArray[np.float32]:
        """Return the features of all columns, those of missing cells not filled."""
        sif = self.pooling == "sif"
        weights = self.word_weights_ if sif else None
        parts = [mean_vectors(part, source.vectors, weights) for part in counts]
        if sif:
            for mean, common in zip(parts, self.common_, strict=True):
                mean -= (mean @ common)[:, None] * common
        present = np.logical_or.reduce(there)
        return np.hstack([*parts, present[:, None]]).astype(np.float32)

    def _feature_lists(self) -> list[list[str]]:
        names = [f"embedding_{position}" for position in range(self.embedding_size_)]
        return [names] * self.n_features_in_
