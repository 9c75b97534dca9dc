"""TableExtractor."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._frames import column
from mmsk._utils._param_validation import Interval, StrOptions, fit_context
from mmsk._utils._splits import splits_of_kept
from mmsk._utils._weights import positive_weights
from mmsk.feature_extraction.tabular._checked_table import checked_table
from mmsk.feature_extraction.tabular._coders import (
    encode_columns,
    encode_targets_out_of_fold,
    fit_coders,
    layout_of,
    names_of_features,
)
from mmsk.feature_extraction.tabular._plan import plan
from mmsk.feature_extraction.tabular._read_column import read_column
from mmsk.feature_extraction.tabular._roles import ENCODINGS
from mmsk.feature_extraction.tabular._target import target_array


class TableExtractor(TransformerMixin, BaseEstimator):
    r"""Turn a table of numbers, categories, booleans and dates into features.

    Each column has a role, decided from its type in `fit`, shown in `roles_`
    and changed by `roles`:

    - **number**: missing cells are filled, then the column is scaled, then
      embedded where `embedding` says so.
    - **category** (strings and categorical types), by `encoding`:

      - "onehot": a column of 0 and 1 for each level that is not rare. Rare
        levels share one column, ``<name>_infrequent``, which also takes levels
        that were not seen in `fit`; where no level is rare there is no such
        column and an unseen level is a row of zeros. Missing is a level of its
        own, ``<name>_missing``, where it was seen in `fit`, and a row of zeros
        elsewhere.
      - "target": the mean of y at the level, drawn towards the mean of all rows
        by scikit-learn's TargetEncoder, as a distance from that mean (for a
        number in standard deviations of y). `fit_transform` takes the means of
        other folds, so it differs from `transform` of the same rows. Unseen
        levels are 0; missing is a level where it was seen.
      - "ordinal": the place of the level in their sorted list, for trees.
        ``block_.categorical`` names these columns, and LightGBM behind a
        MultimodalClassifier splits them as categories. Missing is the last
        code where it was seen, and -1 elsewhere, as is an unseen level.

    - **boolean**: 0 or 1, the share of ones where the cell is missing.
    - **date**: the year, the days since the earliest date, and sine and cosine
      of month, day of the month, weekday and, where a date has a time, hour.
      These are filled and scaled as numbers are. A date with a time zone is
      read as the clock there shows it; where all of `fit` had the same one,
      later dates are read on that clock, whatever their own zone is. Whether
      dates have a time zone must not change.
    - **identifier**: hashed columns with ``identifiers="hash"``, else left out.
    - **groups** and **drop**: left out, whatever the cells hold.

    A column that tells nothing in `fit`, because it holds one value or only
    missing cells, keeps its features, and they are 0 in every row (a number
    with ``scale=None`` keeps its value).

    Parameters
    ----------
    roles : dict of {str or int: str}, default=None
        Roles that differ from what the types say: column name (position for an
        array) to a role above. Strings are read as numbers or as ISO 8601 dates
        where the role says so. A role that is given is not decided again in each
        fold of a cross-validation: to decide once, on the whole table, pass
        ``mmsk.pipeline.infer_roles(X)``, or `roles_` of a fit to it.
    impute : {"median", "mean"}, default="median"
        What fills missing numbers and dates.
    add_indicator : bool, default=False
        Whether numbers, booleans and dates get a further column
        ``<name>_missing``, 1 where the cell is missing; only where `fit` saw
        both missing and known cells.
    scale : {"standard", "quantile"} or None, default="standard"
        Whether numbers and dates get mean 0 and standard deviation 1, or are
        mapped to a normal distribution by their ranks.
    embedding : {"piecewise", "periodic"} or None, default=None
        Several features instead of one for each number [1]_. "piecewise": how far
        the number has come through each of `embedding_size` bins of equally many
        rows, from 0 to 1. "periodic": the number, and :math:`\sin(2 \pi f x)` and
        :math:`\cos(2 \pi f x)` at `embedding_size` frequencies.
    embedding_size : int, default=8
        Number of bins or frequencies.
    sigma : float, default=0.5
        Spread of the periodic frequencies, in cycles per unit of the scaled
        number: they are the quantiles of :math:`|N(0, \sigma)|`. In [1]_ they are
        drawn from this distribution and then trained; here they are fixed.
    encoding : str or dict of {str or int: str}, default="onehot"
        "onehot", "target" or "ordinal" for all categories, or for the columns
        that a dict names. A column that the dict names is a category.
    min_frequency : int or float, default=0.01
        For "onehot", a level is rare below this number of rows (int) or share of
        the rows (float). ``None``: no level is too rare.
    max_categories : int, default=None
        For "onehot", at most so many columns for the levels of a column, the one
        for rare levels among them; the most frequent stay. ``None``: no limit.
    smooth : "auto" or float, default="auto"
        For "target", how many rows of the overall mean each level is mixed with;
        "auto" is TargetEncoder's estimate for each level. It does not shrink a
        level of one row: with many rare levels pass a number such as 10.
    target_type : {"auto", "continuous", "binary", "multiclass"}, default="auto"
        For "target", what y is. "auto" takes strings and integers for classes,
        floats for numbers; in a MultimodalRegressor integers are numbers too. Alone,
        pass "continuous" for ratings that are integers.
    cv : int, splitter or iterable, default=5
        For "target", the folds of `fit_transform`. Folds of an int are
        stratified for classes, and keep `groups` together.
    identifiers : {"refuse", "hash", "drop"}, default="refuse"
        What becomes of a column of strings without a role that has more than 100
        levels, and different ones in more than half of the rows: an error, hashed
        columns, or nothing.
    n_hashes : int, default=16
        Number of columns of a hashed identifier, of which each cell sets one to 1
        or -1.
    random_state : int, RandomState instance or None, default=None
        Shuffles the folds of an int `cv`.

    Attributes
    ----------
    roles_ : dict of {str or int: str}
        The role of every column.
    categories_ : dict of {str or int: list}
        The levels of each category: those with a column of their own, all for
        "target" and "ordinal".
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where it is a DataFrame.
    block_ : Block
        The layout of the features, with one part a source column.

    Raises
    ------
    TypeError
        If a column holds cells that no role reads: bytes, arrays, lists.
    ValueError
        If the kinds of cells in a column are mixed, a number is infinite, a
        column looks like an identifier, or target encoding gets no y.

    Warns
    -----
    UserWarning
        If numbers beyond the range of float32 are clipped to it, or target
        encoding cannot use the weights.

    See Also
    --------
    mmsk.pipeline.infer_roles : Decides roles for a table with media and text too.
    sklearn.preprocessing.OneHotEncoder : Its `min_frequency` and
        `max_categories` mean the same.
    sklearn.preprocessing.TargetEncoder : Its `smooth` and `cv` mean the same.

    Notes
    -----
    A row of weight 2 counts as two rows, one of weight 0 as none, in means,
    medians, quantiles, standard deviations, shares and frequencies. Target
    encoding repeats rows whose weights are whole numbers; other weights it
    ignores with a warning, because TargetEncoder takes none.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical
           Features in Tabular Deep Learning", NeurIPS, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.tabular import TableExtractor
    >>> X = np.array([[1.0, "red"], [3.0, "blue"], [None, "red"]], dtype=object)
    >>> table = TableExtractor().fit(X)
    >>> table.roles_
    {0: 'number', 1: 'category'}
    >>> table.get_feature_names_out()
    array(['x0', 'x1_blue', 'x1_red'], dtype=object)
    >>> table.transform([[2.0, "red"], [3.0, "green"]])
    array([[0.      , 0.      , 1.      ],
           [1.2247449, 0.      , 0.      ]], dtype=float32)
    >>> codes = TableExtractor(encoding="ordinal").fit(X)
    >>> codes.block_.categorical
    (1,)
    """

    __metadata_request__fit = {"groups": True, "sample_weight": True}

    _parameter_constraints: dict = {
        "roles": [dict, None],
        "impute": [StrOptions({"median", "mean"})],
        "add_indicator": ["boolean"],
        "scale": [StrOptions({"standard", "quantile"}), None],
        "embedding": [StrOptions({"piecewise", "periodic"}), None],
        "embedding_size": [Interval(Integral, 1, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "encoding": [StrOptions(set(ENCODINGS)), dict],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
        "smooth": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "target_type": [StrOptions({"auto", "continuous", "binary", "multiclass"})],
        "cv": ["cv_object"],
        "identifiers": [StrOptions({"refuse", "hash", "drop"})],
        "n_hashes": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        roles=None,
        *,
        impute="median",
        add_indicator=False,
        scale="standard",
        embedding=None,
        embedding_size=8,
        sigma=0.5,
        encoding="onehot",
        min_frequency=0.01,
        max_categories=None,
        smooth="auto",
        target_type="auto",
        cv=5,
        identifiers="refuse",
        n_hashes=16,
        random_state=None,
    ):
        self.roles = roles
        self.impute = impute
        self.add_indicator = add_indicator
        self.scale = scale
        self.embedding = embedding
        self.embedding_size = embedding_size
        self.sigma = sigma
        self.encoding = encoding
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.smooth = smooth
        self.target_type = target_type
        self.cv = cv
        self.identifiers = identifiers
        self.n_hashes = n_hashes
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None, groups=None):
        """Decide the roles and learn means, shares and levels.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_samples, n_columns)
            pandas, polars or NumPy.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target, used by target encoding alone.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        groups : array-like of shape (n_samples,), default=None
            Not used: `fit_transform` keeps groups together.

        Returns
        -------
        self : TableExtractor
        """
        self._fit(X, y, sample_weight)
        return self

    def fit_transform(self, X, y=None, sample_weight=None, groups=None):
        """Fit, and return the features of the same rows.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_samples, n_columns)
            pandas, polars or NumPy.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target, used by target encoding alone.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are in the same fold of target encoding.

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features)
            Those of `transform`, but target encoding is out of fold.
        """
        columns, rows, target = self._fit(X, y, sample_weight)
        features = encode_columns(self._coders, columns)
        if target is None or len(target.values) < 2:
            return features
        y = target_array(y)
        splits = splits_of_kept(
            self.cv,
            X,
            y,
            np.arange(len(features))[rows],
            groups=groups,
            classifier=target.classes and y.ndim == 1,
            random_state=check_random_state(self.random_state).randint(2**31 - 1),
        )
        encode_targets_out_of_fold(
            self._coders, columns, features, rows, target, splits
        )
        return features

    @fit_context(prefer_skip_nested_validation=True)
    def _fit(self, X, y, sample_weight):
        """Fit; return the columns by key, the rows that count and their target."""
        X, keys = checked_table(self, X, reset=True)
        self._keys = keys
        rows, weights = positive_weights(sample_weight, X)
        params = self.get_params(deep=False)
        self.roles_, self._coders, columns = plan(X, keys, rows, params)
        target = fit_coders(self._coders, columns, rows, weights, y, self.target_type)
        return columns, rows, target

    def transform(self, X):
        """Return the features of a table.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_samples, n_columns)
            The columns of `fit` in their order.

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X, keys = checked_table(self, X, reset=False)
        where = dict(zip(self._keys, keys, strict=True))  # an array has no names
        columns = {key: read_column(key, column(X, where[key])) for key in self._coders}
        return encode_columns(self._coders, columns)

    def get_feature_names_out(self, input_features=None):
        """Name the features: ``price``, ``colour_red``, ``date_month_sin``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns where X is an array, ``x0, x1, ...`` if None.

        Returns
        -------
        names : object ndarray of shape (n_features,)
            Where two would be equal, later ones end in ``_2``, ``_3``, ...
        """
        check_is_fitted(self)
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        named = dict(zip(self.roles_, names, strict=True))
        return names_of_features(self._coders, named)

    @property
    def categories_(self):
        """The levels of each category."""
        check_is_fitted(self)
        return {
            key: list(self._coders[key].categories)
            for key, role in self.roles_.items()
            if role == "category"
        }

    @property
    def block_(self):
        """Layout of the features, one part a source column."""
        check_is_fitted(self)
        return layout_of(self._coders)

    def _tell_task(self, task: str) -> None:
        """Learn from the classifier or regressor around what y is."""
        if task == "regression" and self.target_type == "auto" and self._reads_target:
            self.target_type = "continuous"

    @property
    def _reads_target(self) -> bool:
        encodings = self.encoding.values() if isinstance(self.encoding, dict) else ()
        return "target" in (self.encoding, *encodings)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self._reads_target
        # the tag "string" would promise that any cell is accepted
        tags.transformer_tags.preserves_dtype = []
        return tags
