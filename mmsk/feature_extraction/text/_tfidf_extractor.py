"""Weighted word counts of texts."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._labels import Labels
from mmsk._utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    output_config,
)
from mmsk.feature_extraction.text._svd import learn_components, project
from mmsk.feature_extraction.text._text_extractor import (
    PresentTexts,
    TextExtractor,
    present_texts,
)
from mmsk.feature_extraction.text._tfidf_columns import TfidfColumns

_FREQUENCY = [
    Interval(Real, 0, 1, closed="both"),
    Interval(Integral, 1, None, closed="left"),
]
# handed on to TfidfVectorizer's halves
_VECTORIZING = (
    "strip_accents",
    "lowercase",
    "preprocessor",
    "tokenizer",
    "analyzer",
    "stop_words",
    "token_pattern",
    "ngram_range",
    "max_df",
    "min_df",
    "max_features",
    "vocabulary",
    "binary",
    "norm",
    "use_idf",
    "smooth_idf",
    "sublinear_tf",
)


class TfidfExtractor(TextExtractor):
    r"""Count the words of texts, rare ones with more weight (TF-IDF).

    The features of a column are those of scikit-learn's ``TfidfVectorizer`` with
    the same parameters, fitted on the texts that are there, and usually made in
    less than half of its time. The columns' features stand side by side
    (``join_columns=True``: the texts of a row are joined first). A missing cell
    contributes nothing and counts nowhere, and the last column of the output is 1
    where a row has at least one text, else 0. An empty
    text is not a missing one: it has zeros, and a 1 behind them.

    With `n_components` the features of all columns together are reduced by a
    truncated singular value decomposition (latent semantic analysis [1]_), and
    each row is scaled to unit length.

    A cell is a str or UTF-8 bytes. Any Unicode is kept but lone surrogates, which
    become U+FFFD and are counted. None, NaN and NA are missing cells. Numbers and
    lists are refused: convert such a column with ``astype(str)``.

    Parameters
    ----------
    strip_accents : {"ascii", "unicode"} or callable, default=None
        As in ``TfidfVectorizer``, like all parameters up to `sublinear_tf`.
    lowercase : bool, default=True
        Whether texts are converted to lower case first.
    preprocessor : callable, default=None
        Replaces lower-casing and accent stripping.
    tokenizer : callable, default=None
        Replaces the cutting into words.
    analyzer : {"auto", "word", "char", "char_wb"} or callable, default="auto"
        Whether features are of words, of characters, or of characters inside words.
        ``"auto"``: of words, but of characters in a column most of whose characters
        in `fit` are of a script without spaces between words (Chinese, Japanese,
        Thai, Lao, Burmese, Khmer, Tibetan). Words of these are about two characters
        long, so the n-grams of such a column are one longer than `ngram_range`
        says: characters and pairs of them by default. Where `tokenizer`,
        `token_pattern`, `stop_words` or `vocabulary` speak of words it is words.
    stop_words : {"english"} or list of str, default=None
        Words that are not counted.
    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        What a word is.
    ngram_range : tuple of (int, int), default=(1, 1)
        Smallest and largest number of neighbours that make one feature.
    max_df, min_df : float in [0, 1] or int, default=1.0, 1
        Words in more, or fewer, texts of the column are left out. A float is the
        share of the texts that are there.
    max_features : int, default=None
        The number of the most frequent words to keep, in each column.
    vocabulary : mapping or iterable, default=None
        The words, for every column.
    binary : bool, default=False
        Whether a word counts once a text.
    norm : {"l1", "l2"} or None, default="l2"
        Length to which each text's features are scaled.
    use_idf : bool, default=True
        Whether rare words weigh more.
    smooth_idf : bool, default=True
        Whether document frequencies count from 1.
    sublinear_tf : bool, default=False
        Whether a count is replaced by 1 + log(count).
    join_columns : bool, default=False
        Whether the texts of a row are joined, with a space between, and have one
        vocabulary.
    n_components : int, default=None
        Number of dense features to which those of all columns are reduced; fewer
        where the vocabulary or the training rows allow no more. ``None``: the
        output is sparse and not reduced.
    random_state : int, RandomState instance or None, default=None
        Seed of the decomposition.
    on_error : {"raise", "missing"}, default="raise"
        Whether a cell that is no text stops with a `MediaError` that names its
        column and row, or is treated as missing, with one warning.
    missing : {"auto", "zero", "nan"}, default="auto"
        What stands in the features of a row without any text. ``"auto"``: the mean
        over the training rows that have one where the output is dense, else 0.
        ``"nan"`` needs `n_components`.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable cells above which `fit`
        raises all the same.

    Attributes
    ----------
    analyzer_ : list of {"word", "char", "char_wb"} or callable
        What was counted in each column, or in the joined ones.
    vocabulary_ : list of dict of str to int
        For each column the position of each word, or one for all if joined. A
        column of which no word is left has none.
    idf_ : list of (ndarray of shape (n_words,) or None)
        Their weights, None where none are used.
    components_ : float64 ndarray of shape (n_kept, n_words_of_all_columns)
        The decomposition. Only with `n_components`.
    fill_ : float32 ndarray of shape (n_kept,)
        What stands in the features of a row without text. Only with
        `n_components`.
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
        If no word is left in any column, ``missing="nan"`` meets sparse output, or
        sparse output is asked for as a frame.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfVectorizer : For one list of texts.

    References
    ----------
    .. [1] S. Deerwester et al., "Indexing by Latent Semantic Analysis", Journal of
           the American Society for Information Science, 1990.

    Examples
    --------
    >>> from mmsk.feature_extraction.text import TfidfExtractor
    >>> X = [["red car"], ["blue car"], [None]]
    >>> extractor = TfidfExtractor()
    >>> extractor.fit_transform(X).toarray().round(2)
    array([[0.  , 0.58, 0.81, 1.  ],
           [0.81, 0.58, 0.  , 1.  ],
           [0.  , 0.  , 0.  , 0.  ]], dtype=float32)
    >>> extractor.get_feature_names_out()
    array(['x0_blue', 'x0_car', 'x0_red', 'modality_present'], dtype=object)
    """

    # what a fit has learned may be kept, whatever the target
    _store_id = "mmsk.TfidfExtractor"
    _store_version = 1
    _reads_y = False

    _parameter_constraints: ClassVar[dict] = {
        **TextExtractor._parameter_constraints,
        "strip_accents": [StrOptions({"ascii", "unicode"}), None, callable],
        "lowercase": ["boolean"],
        "preprocessor": [callable, None],
        "tokenizer": [callable, None],
        "analyzer": [StrOptions({"auto", "word", "char", "char_wb"}), callable],
        "stop_words": [StrOptions({"english"}), list, None],
        "token_pattern": [str, None],
        "ngram_range": [tuple],
        "max_df": _FREQUENCY,
        "min_df": _FREQUENCY,
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": [HasMethods("__iter__"), None],
        "binary": ["boolean"],
        "norm": [StrOptions({"l1", "l2"}), None],
        "use_idf": ["boolean"],
        "smooth_idf": ["boolean"],
        "sublinear_tf": ["boolean"],
        "join_columns": ["boolean"],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        strip_accents=None,
        lowercase=True,
        preprocessor=None,
        tokenizer=None,
        analyzer="auto",
        stop_words=None,
        token_pattern=r"(?u)\b\w\w+\b",
        ngram_range=(1, 1),
        max_df=1.0,
        min_df=1,
        max_features=None,
        vocabulary=None,
        binary=False,
        norm="l2",
        use_idf=True,
        smooth_idf=True,
        sublinear_tf=False,
        join_columns=False,
        n_components=None,
        random_state=None,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
    ):
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.analyzer = analyzer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.max_df = max_df
        self.min_df = min_df
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.binary = binary
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.join_columns = join_columns
        self.n_components = n_components
        self.random_state = random_state
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabularies, the weights and the decomposition.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The texts; one column may be 1-D.
        y : ignored
            For the sake of scikit-learn.

        Returns
        -------
        self : TfidfExtractor
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
        features : float32 CSR array or ndarray of shape (n_samples, n_features_out)
        """
        return self._fit(X)

    def transform(self, X):
        """Return the features of rows, the presence column last.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        features : float32 CSR array or ndarray of shape (n_samples, n_features_out)
            Dense with `n_components`.
        """
        check_is_fitted(self)
        self._check_output()
        cells, labels = self._check_cells(X, reset=False)
        texts = self._text_columns(cells, labels, max_error_rate=1.0)
        parts = self._columns.transform(texts)
        present = np.any([column.present for column in texts], axis=0)
        if self.n_components is None:
            return _with_flag(parts, present)
        features = project(sp.hstack(parts, format="csr"), self.components_)
        return self._filled(features, present)

    def _fit(self, X: Any) -> sp.csr_array | NDArray[np.float32]:
        self._check_output()
        if self.missing == "nan" and self.n_components is None:
            raise ValueError(
                'missing="nan" would make a sparse matrix dense. Set n_components=, '
                'or missing="zero".'
            )
        cells, labels = self._check_cells(X, reset=True)
        texts = self._text_columns(cells, labels, max_error_rate=self.max_error_rate)
        params = {name: getattr(self, name) for name in _VECTORIZING}
        self._columns = TfidfColumns(params)
        parts = self._columns.fit_transform(texts, labels.columns)
        self.analyzer_ = self._columns.analyzers
        self.vocabulary_ = self._columns.vocabularies
        self.idf_ = self._columns.idfs
        self._warn_if_unseen(cells, labels.columns)
        present = np.any([column.present for column in texts], axis=0)
        if self.n_components is None:
            return _with_flag(parts, present)
        rows = sp.hstack(parts, format="csr")
        self.components_ = learn_components(
            rows[np.flatnonzero(present)], self.n_components, self.random_state
        )
        features = project(rows, self.components_)
        value = np.nan if self.missing == "nan" else 0.0
        self.fill_ = np.full(len(self.components_), value, dtype=np.float32)
        if self.missing == "auto" and present.any():
            mean = features[present].mean(axis=0, dtype=np.float64)
            self.fill_ = mean.astype(np.float32)
        return self._filled(features, present)

    def _text_columns(
        self, cells: NDArray[np.object_], labels: Labels, *, max_error_rate: float
    ) -> list[PresentTexts]:
        """Return the texts of each column, or of the joined columns."""
        texts = self._texts(cells, labels, max_error_rate=max_error_rate)
        if self.join_columns:
            texts = [[_joined(row) for row in zip(*texts, strict=True)]]
        return [present_texts(column) for column in texts]

    def _filled(
        self, features: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        features[~present] = self.fill_
        return np.hstack([features, present[:, None].astype(np.float32)])

    def _check_output(self) -> None:
        library = output_config("transform", self)["dense"]
        if library != "default" and self.n_components is None:
            raise ValueError(
                f"{library.capitalize()} output does not support sparse data. Set "
                'n_components=, or set_output(transform="default").'
            )

    @property
    def _draws(self) -> bool:
        """Whether the seed changes anything."""
        return self.n_components is not None

    def _feature_lists(self) -> list[list[str]]:
        if self.n_components is not None:
            return [[f"svd_{position}" for position in range(len(self.components_))]]
        return [sorted(words, key=words.get) for words in self.vocabulary_]


def _with_flag(parts: list[sp.csr_array], present: NDArray[np.bool_]) -> sp.csr_array:
    flag = sp.csr_array(present[:, None], dtype=np.float32)
    parts = [part.astype(np.float32) for part in parts]
    return sp.hstack([*parts, flag], format="csr")


def _joined(texts: tuple[str | None, ...]) -> str | None:
    there = [text for text in texts if text is not None]
    return " ".join(there) if there else None
