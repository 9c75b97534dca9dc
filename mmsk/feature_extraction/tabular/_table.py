"""TableExtractor."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mmsk._utils._blocks import Block
from mmsk._utils._frames import cell_array, column, column_names
from mmsk._utils._param_validation import Interval, StrOptions, fit_context
from mmsk._utils._weights import positive_weights
from mmsk.feature_extraction.tabular._columns import read_column
from mmsk.feature_extraction.tabular._roles import check_roles, make_coder


class TableExtractor(TransformerMixin, BaseEstimator):
    """Turn a table of numbers, categories, booleans and dates into features.

    Each column has a role, decided from its type in `fit`, shown in `roles_`
    and changed by `roles`:

    - **number**: missing cells are filled, then the column is scaled.
    - **category** (strings and categorical types): a column of 0 and 1 for each
      level that is not rare. Rare levels share one column,
      ``<name>_infrequent``, which also takes levels that were not seen in
      `fit`; where no level is rare there is no such column and an unseen level
      is a row of zeros. Missing is a level of its own, ``<name>_missing``,
      where it was seen in `fit`, and a row of zeros elsewhere.
    - **boolean**: 0 or 1, the share of ones where the cell is missing.
    - **date**: the year, the days since the earliest date, and sine and cosine
      of month, day of the month, weekday and, where a date has a time, hour.
      These are filled and scaled as numbers are. A date with a time zone is
      read as the clock there shows it.
    - **drop**: left out, whatever its cells hold.

    A column that tells nothing in `fit`, because it holds one value or only
    missing cells, keeps its features, and they are 0 in every row (a number
    with ``scale=None`` keeps its value).

    Parameters
    ----------
    roles : dict of {str or int: str}, default=None
        Roles that differ from what the types say: column name (position for an
        array) to "number", "category", "boolean", "date" or "drop". Strings are
        read as numbers or as ISO 8601 dates where the role says so.
    impute : {"median", "mean"}, default="median"
        What fills missing numbers and dates.
    scale : {"standard"} or None, default="standard"
        Whether numbers and dates get mean 0 and standard deviation 1.
    min_frequency : int or float, default=0.01
        A level is rare below this number of rows (int) or share of the rows
        (float). ``None``: no level is too rare.
    max_categories : int, default=None
        At most so many columns for the levels of a column, the one for rare
        levels among them; the most frequent stay. ``None``: no limit.

    Attributes
    ----------
    roles_ : dict of {str or int: str}
        The role of every column.
    categories_ : dict of {str or int: list}
        The levels with a column of their own, for each category.
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
        If the kinds of cells in a column are mixed, a number is infinite, or a
        column of strings is an identifier or a text: more than 100 levels, and
        different ones in more than half of the rows. A role for the column
        overrides this.

    Warns
    -----
    UserWarning
        If numbers beyond the range of float32 are clipped to it.

    See Also
    --------
    sklearn.preprocessing.OneHotEncoder : Its `min_frequency` and
        `max_categories` mean the same.

    Notes
    -----
    A row of weight 2 counts as two rows, one of weight 0 as none, in means,
    medians, standard deviations, shares and frequencies.

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
    """

    __metadata_request__fit = {"sample_weight": True}

    _parameter_constraints: dict = {
        "roles": [dict, None],
        "impute": [StrOptions({"median", "mean"})],
        "scale": [StrOptions({"standard"}), None],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        roles=None,
        *,
        impute="median",
        scale="standard",
        min_frequency=0.01,
        max_categories=None,
    ):
        self.roles = roles
        self.impute = impute
        self.scale = scale
        self.min_frequency = min_frequency
        self.max_categories = max_categories

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Decide the roles and learn means, shares and levels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            pandas, polars or NumPy.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : TableExtractor
        """
        X, keys = self._check(X, reset=True)
        rows, weights = positive_weights(sample_weight, X)
        if weights is None:
            weights = np.ones(X.shape[0])
        roles = check_roles(self.roles, keys)
        self.roles_ = {}
        self._coders = {}
        for key in keys:
            role = roles.get(key)
            if role != "drop":
                cells = read_column(key, column(X, key))
                role = role or cells.role()
                coder = make_coder(
                    role,
                    given=key in roles,
                    impute=self.impute,
                    scale=self.scale,
                    min_frequency=self.min_frequency,
                    max_categories=self.max_categories,
                )
                self._coders[key] = coder.fit(cells, rows, weights)
            self.roles_[key] = role
        return self

    def transform(self, X):
        """Return the features of a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The columns of `fit` in their order.

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X, _ = self._check(X, reset=False)
        features = np.empty((X.shape[0], self.block_.width), np.float32)
        parts = zip(self._coders.items(), self.block_.parts, strict=True)
        for (key, coder), (_, start, stop) in parts:
            features[:, start:stop] = coder.encode(read_column(key, column(X, key)))
        return features

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
        named = zip(self.roles_, names, strict=True)
        features = [
            feature
            for key, name in named
            if key in self._coders
            for feature in self._coders[key].feature_names(name)
        ]
        return np.array(_unique(features), dtype=object)

    @property
    def categories_(self):
        """Levels with a column of their own, for each category."""
        check_is_fitted(self)
        return {
            key: list(self._coders[key].levels)
            for key, role in self.roles_.items()
            if role == "category"
        }

    @property
    def block_(self):
        """Layout of the features, one part a source column."""
        check_is_fitted(self)
        parts, stop = [], 0
        for key, coder in self._coders.items():
            start, stop = stop, stop + len(coder.feature_names(""))
            parts.append((str(key), start, stop))
        return Block("", 0, stop, parts=tuple(parts))

    def _check(self, X: Any, *, reset: bool) -> tuple[Any, list]:
        """Return a frame or a 2-D array, and the keys of its columns."""
        keys = column_names(X)
        if keys is None:
            if isinstance(X, list) and any(isinstance(row, list | tuple) for row in X):
                # NumPy would turn the numbers beside a string into strings
                X = cell_array(X)
            X = validate_data(self, X, dtype=None, ensure_all_finite=False, reset=reset)
            return X, list(range(X.shape[1]))
        validate_data(self, X, skip_check_array=True, reset=reset)
        for size, what in zip(X.shape, ("sample", "feature"), strict=True):
            if size == 0:
                raise ValueError(
                    f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum "
                    f"of 1 is required by {type(self).__name__}."
                )
        return X, keys

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        # the tag "string" would promise that any cell is accepted
        tags.transformer_tags.preserves_dtype = []
        return tags


def _unique(names: list[str]) -> list[str]:
    """Tell equal names apart."""
    taken = set(names)
    used: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in used or (number > 1 and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate)
        unique.append(candidate)
    return unique
