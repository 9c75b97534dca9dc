"""Statistics of texts as features."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._labels import Labels
from mmsk._utils._param_validation import fit_context
from mmsk.feature_extraction.text._text_extractor import (
    PresentTexts,
    TextExtractor,
    present_texts,
)
from mmsk.feature_extraction.text._text_statistics import GROUPS, text_statistics


class TextStatisticsExtractor(TextExtractor):
    r"""Describe texts by what can be counted whatever they say.

    ======== ==========================================================================
    Group    Features
    ======== ==========================================================================
    length   characters, words (between blanks), lines, sentences (runs of end marks),
             the longest word and the mean length of words (characters)
    case     words in capitals, shares of capitals among letters and of words that
             begin with one
    signs    numbers, exclamation and question marks, emoji; shares of digits,
             punctuation, other symbols and blanks among characters
    links    web and e-mail addresses, @mentions, #hashtags
    words    different words, and their share of all words of two or more letters,
             digits or underscores
    scripts  shares among letters: Latin, Greek, Cyrillic, Hebrew, Arabic, Indic,
             Southeast Asian, Hangul, CJK, other; share of characters beyond ASCII
    ======== ==========================================================================

    Counts have long tails and become :math:`\log(1 + n)`. The columns' features stand
    side by side, and the last column of the output is 1 where a row has at least one
    text, else 0. An empty text is not a missing one: it has zeros.

    A cell is a str or UTF-8 bytes. Lone surrogates become U+FFFD and are counted.
    None, NaN and NA are missing cells. Numbers and lists are refused: convert such a
    column with ``astype(str)``.

    Parameters
    ----------
    groups : list of str, default=None
        Which groups to compute, of the table above. ``None``: all.
    log_counts : bool, default=True
        Whether counts become log(1 + count). Means and shares stay as they are.
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
    fill_ : float32 ndarray of shape (n_features_out - 1,)
        What stands in the features of missing cells.
    n_replaced_ : int
        How many lone surrogates the last `fit` or `transform` replaced.
    failures_ : list of (row, column, path, code)
        The cells that the last `fit` or `transform` treated as missing because
        they could not be used.
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
        If a group is unknown or none is given.

    See Also
    --------
    TfidfExtractor : What the texts say.

    Notes
    -----
    Letters, digits, blanks and punctuation are those of Unicode; scripts are told by
    blocks of code points.

    Examples
    --------
    >>> from mmsk.feature_extraction.text import TextStatisticsExtractor
    >>> extractor = TextStatisticsExtractor(groups=["case", "links"], log_counts=False)
    >>> X = [["SO nice, see www.example.org"], ["mail me: a@example.org"]]
    >>> extractor.fit_transform(X).round(2)
    array([[1.  , 0.09, 0.25, 1.  , 0.  , 0.  , 0.  , 1.  ],
           [0.  , 0.  , 0.  , 0.  , 1.  , 0.  , 0.  , 1.  ]], dtype=float32)
    >>> extractor.get_feature_names_out()[:3]
    array(['x0_capital_words', 'x0_capital_letter_share', 'x0_title_word_share'],
          dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        **TextExtractor._parameter_constraints,
        "groups": [list, None],
        "log_counts": ["boolean"],
    }

    def __init__(
        self,
        *,
        groups=None,
        log_counts=True,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
    ):
        self.groups = groups
        self.log_counts = log_counts
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn what stands in for missing cells.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The texts; one column may be 1-D.
        y : ignored
            For the sake of scikit-learn.

        Returns
        -------
        self : TextStatisticsExtractor
            The fitted extractor.
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
        return self._filled(self._described(cells, labels, max_error_rate=1.0))

    def _fit(self, X: Any) -> NDArray[np.float32]:
        cells, labels = self._check_cells(X, reset=True)
        parts = self._described(cells, labels, max_error_rate=self.max_error_rate)
        fill = np.zeros((len(parts), len(self._names())))
        for value, (column, rows) in zip(fill, parts, strict=True):
            if self.missing == "nan":
                value[:] = np.nan
            elif self.missing == "auto" and column.texts:
                value[:] = rows.mean(axis=0)
        self.fill_ = fill.ravel().astype(np.float32)
        self._warn_if_unseen(cells, labels.columns)
        return self._filled(parts)

    def _described(
        self, cells: NDArray[np.object_], labels: Labels, *, max_error_rate: float
    ) -> list[tuple[PresentTexts, NDArray[np.float64]]]:
        """Return the texts of each column and rows of what is counted in them."""
        names = self._names()
        counted = {name for counts, _ in GROUPS.values() for name in counts}
        parts = []
        for texts in self._texts(cells, labels, max_error_rate=max_error_rate):
            column = present_texts(texts)
            rows = np.zeros((len(column.texts), len(names)))
            if column.texts:
                statistics = text_statistics(column.texts)
                for position, name in enumerate(names):
                    value = statistics[name]
                    log = self.log_counts and name in counted
                    rows[:, position] = np.log1p(value) if log else value
            parts.append((column, rows))
        return parts

    def _filled(
        self, parts: list[tuple[PresentTexts, NDArray[np.float64]]]
    ) -> NDArray[np.float32]:
        n_samples = len(parts[0][0].present)
        features = np.empty((n_samples, len(self.fill_) + 1), dtype=np.float32)
        features[:, :-1] = self.fill_
        width = len(self._names())
        for position, (column, rows) in enumerate(parts):
            own = slice(position * width, (position + 1) * width)
            features[column.present, own] = rows
        features[:, -1] = np.any([column.present for column, _ in parts], axis=0)
        return features

    def _names(self) -> list[str]:
        groups = list(GROUPS) if self.groups is None else self.groups
        unknown = [group for group in groups if group not in GROUPS]
        if unknown or not groups:
            raise ValueError(
                f"groups={self.groups!r}: take some of {list(GROUPS)}, or None for all."
            )
        chosen = [GROUPS[group] for group in GROUPS if group in groups]
        return [name for counts, shares in chosen for name in (*counts, *shares)]

    def _feature_lists(self) -> list[list[str]]:
        return [self._names()] * self.n_features_in_
