"""Texts as sequences of tokens, for encoders that are trained."""

import re
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Block
from mmsk._utils._param_validation import Interval, StrOptions, fit_context
from mmsk.feature_extraction._cells import CellExtractor
from mmsk.feature_extraction.text._text_extractor import TextExtractor
from mmsk.feature_extraction.text._word_embedding_corpus import most_frequent

PADDING, UNKNOWN, FIRST = 0, 1, 2


class TokenSequencer(TextExtractor):
    r"""Number the words of texts, in their order: the raw block of a text.

    The features of a row are the numbers of its first words, one a column of the
    output, and 0 (padding) behind the last one. A word that is not in the
    vocabulary has number 1; the words of the vocabulary count from 2, the most
    frequent ones first. The texts of several columns are read one behind the other.

    Such a block is of kind ``"tokens"`` and shape ``(length_,)``: only encoders that
    are trained can read it, those of `mmsk.modules` whose names begin with ``Token``
    or one of your own.

    A cell is a str or UTF-8 bytes. Lone surrogates become U+FFFD and are counted.
    None, NaN and NA are missing cells; numbers and lists are refused: convert such a
    column with ``astype(str)``. The last column of the output is 1 where a row has
    at least one text, else 0; a missing or empty text is all padding.

    Parameters
    ----------
    analyzer : {"word", "char"}, default="word"
        Whether tokens are words or characters. Scripts without spaces between
        words, such as Chinese, need characters.
    lowercase : bool, default=True
        Whether texts are converted to lower case first.
    token_pattern : str, default=r"(?u)\b\w+\b"
        What a word is.
    min_count : int, default=2
        Rarer words are unknown: training needs to see some.
    max_tokens : int, default=20_000
        The number of the most frequent words that get a number of their own.
    max_length : int, default=None
        How many words of a row are kept. ``None``: what `quantile` says.
    quantile : float, default=0.95
        The share of training rows that keep all their words, in (0, 1].
    on_error : {"raise", "missing"}, default="raise"
        Whether a cell that is no text stops with a `MediaError` that names its
        column and row, or is treated as missing, with one warning.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable cells above which `fit`
        raises all the same.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The numbers of the known words, from 2.
    n_tokens_ : int
        Number of tokens, padding and the unknown one included.
    length_ : int
        Number of tokens of a row.
    n_unknown_ : int
        How many of the tokens that the last `fit` or `transform` returned are
        unknown.
    n_truncated_ : int
        How many of its rows had more tokens than `length_`.
    n_replaced_ : int
        How many lone surrogates it replaced.
    failures_ : list of (row, column, path, code)
        The cells that it treated as missing because they could not be used.
    block_ : Block
        Where the tokens stand.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame with string names.

    Raises
    ------
    MediaError
        If a cell is no text and ``on_error="raise"``, or too many are not.

    See Also
    --------
    mmsk.modules.TokenMean : The mean of the tokens' embeddings.
    mmsk.modules.TokenRNN : A recurrent net.
    mmsk.modules.TokenTransformer : A small transformer.

    Examples
    --------
    >>> from mmsk.feature_extraction.text import TokenSequencer
    >>> sequencer = TokenSequencer(min_count=1)
    >>> sequencer.fit_transform([["a red car"], ["a car"], [None]])
    array([[2., 4., 3., 1.],
           [2., 3., 0., 1.],
           [0., 0., 0., 0.]], dtype=float32)
    >>> sequencer.vocabulary_
    {'a': 2, 'car': 3, 'red': 4}
    >>> sequencer.block_
    Block('', 0:3, indicator=3, tokens (3,))
    """

    _store_id = "mmsk.TokenSequencer"
    _reads_y = False

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: constraint
            for name, constraint in CellExtractor._parameter_constraints.items()
            if name != "missing"
        },
        "analyzer": [StrOptions({"word", "char"})],
        "lowercase": ["boolean"],
        "token_pattern": [str],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_tokens": [Interval(Integral, 1, 2**24 - FIRST, closed="both")],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "quantile": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        *,
        analyzer="word",
        lowercase=True,
        token_pattern=r"(?u)\b\w+\b",
        min_count=2,
        max_tokens=20_000,
        max_length=None,
        quantile=0.95,
        on_error="raise",
        max_error_rate=0.1,
    ):
        self.analyzer = analyzer
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.max_length = max_length
        self.quantile = quantile
        self.on_error = on_error
        self.max_error_rate = max_error_rate

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary and the length.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The texts; one column may be 1-D.
        y : ignored
            For the sake of scikit-learn.

        Returns
        -------
        self : TokenSequencer
            The fitted sequencer.
        """
        self._fit(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Fit and return the tokens of the same rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : ignored

        Returns
        -------
        tokens : float32 ndarray of shape (n_samples, length_ + 1)
        """
        return self._fit(X)

    def transform(self, X):
        """Return the tokens of rows, the presence column last.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        tokens : float32 ndarray of shape (n_samples, length_ + 1)
        """
        check_is_fitted(self)
        cells, labels = self._check_cells(X, reset=False)
        texts = self._texts(cells, labels, max_error_rate=1.0)
        return self._numbered(self._rows(texts), texts)

    @property
    def block_(self) -> Block:
        """Where the tokens and the presence column stand, a nameless block."""
        block = super().block_
        return replace(block, kind="tokens", shape=(self.length_,), parts=())

    def _fit(self, X: Any) -> NDArray[np.float32]:
        cells, labels = self._check_cells(X, reset=True)
        texts = self._texts(cells, labels, max_error_rate=self.max_error_rate)
        rows = self._rows(texts)
        ranks = most_frequent(rows, self.min_count, self.max_tokens)
        self.vocabulary_ = {word: rank + FIRST for word, rank in ranks.items()}
        self.n_tokens_ = len(self.vocabulary_) + FIRST
        self.length_ = self.max_length
        if self.max_length is None:
            lengths = [len(row) for row in rows if row] or [1]
            self.length_ = int(np.ceil(np.quantile(lengths, self.quantile)))
        self._warn_if_unseen(cells, labels.columns)
        return self._numbered(rows, texts)

    def _rows(self, texts: list[list[str | None]]) -> list[list[str]]:
        """Return the tokens of each row."""
        cut = self._cut()
        return [
            [token for text in row if text is not None for token in cut(text)]
            for row in zip(*texts, strict=True)
        ]

    def _cut(self) -> Callable[[str], list[str]]:
        find = (
            list if self.analyzer == "char" else re.compile(self.token_pattern).findall
        )
        return (lambda text: find(text.lower())) if self.lowercase else find

    def _numbered(
        self, rows: list[list[str]], texts: list[list[str | None]]
    ) -> NDArray[np.float32]:
        output = np.full((len(rows), self.length_ + 1), PADDING, dtype=np.float32)
        find = self.vocabulary_.get
        for numbers, row in zip(output, rows, strict=True):
            kept = row[: self.length_]
            numbers[: len(kept)] = [find(token, UNKNOWN) for token in kept]
        self.n_unknown_ = int((output[:, :-1] == UNKNOWN).sum())
        self.n_truncated_ = sum(len(row) > self.length_ for row in rows)
        columns = zip(*texts, strict=True)
        output[:, -1] = [any(text is not None for text in row) for row in columns]
        return output

    def _feature_lists(self) -> list[list[str]]:
        return [[f"token_{position}" for position in range(self.length_)]]
