"""From a mixed table to one numeric matrix with known blocks."""

import os
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils import Bunch
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from mmsk._utils._blocks import Blocks, presence_name
from mmsk._utils._frames import column_names, is_frame
from mmsk._utils._groups import check_groups
from mmsk._utils._param_validation import (
    Interval,
    NamedSteps,
    Options,
    check_feature_names,
    check_n_features,
    fit_context,
    output_config,
)
from mmsk.compose._branch_errors import check_transformer
from mmsk.compose._branches import Branch, first_step
from mmsk.compose._columns import (
    as_table,
    by_position,
    check_columns,
    cut_columns,
    keys_in_table,
    resolve_columns,
)
from mmsk.compose._inner_groups import warn_if_ungrouped
from mmsk.compose._joined_blocks import check_frame, check_raw_size, join_blocks
from mmsk.compose._select import check_roles, select
from mmsk.compose._step_keys import takes_store
from mmsk.store import FeatureStore, as_store


class ModalityTransformer(TransformerMixin, NamedSteps):
    """Turn the columns of each modality into one block of a numeric matrix.

    It takes scikit-learn's ColumnTransformer triples, and knows afterwards
    which columns of its output belong to which modality (``blocks_``), so that
    the fusion estimators behind it can treat modalities apart. Columns that no
    branch names are left out. Columns are found by name where the branches name
    them: reordered and additional columns are accepted.

    Parameters
    ----------
    transformers : list of (name, transformer, columns)
        ``name`` is the modality. ``transformer`` is an extractor of
        ``mmsk.feature_extraction``, any scikit-learn transformer, a Pipeline of
        them, ``"passthrough"`` or ``"drop"``. ``columns`` is a list of names or
        positions, a slice, a boolean mask, a callable such as `select`, or one
        name or position alone (a transformer then gets a 1-D column).
    memory : str, os.PathLike or FeatureStore, default=None
        Where the features of pictures and clips are kept, so that folds,
        candidates and processes extract each of them once. Given to every
        branch that has no store of its own. What the other transformers (TF-IDF,
        PCA, scalers) learn and return is kept as well, so that a search fits a
        branch whose parameters don't change once a fold: for classes of mmsk and
        scikit-learn, and those with a ``_store_id`` of their own (found until the code
        of their methods changes), as long as parameters and data decide the result
        (``random_state=None`` does not; one StoreWarning says so). ``None``: nothing
        is kept.
    sparse_output : {"auto"} or bool, default="auto"
        ``"auto"`` gives CSR when any block is sparse, and else an ndarray. False is
        for frames, in which the presence column of a sparse block says what it is
        by its name, ``"text__modality_present_sparse"``.
    max_block_bytes : int, default=2**30
        The largest raw (non-vector) block in bytes.
    roles : dict of str to str, default=None
        What each column of a frame is, any of ``mmsk.compose.ROLES``. Read by
        branches whose columns are ``select(role=...)``, and handed to every
        TableExtractor that has no roles of its own.
        ``mmsk.pipeline.make_multimodal_classifier`` writes it.

    Attributes
    ----------
    blocks_ : Blocks
        Which columns of the output belong to which modality.
    transformers_ : list of (name, transformer, columns)
        The fitted branches. ``columns`` are names for a DataFrame, positions
        for an array.
    named_transformers_ : Bunch
        The fitted transformers by name.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these columns, if the table was a frame.

    Raises
    ------
    ValueError
        If columns are missing, a branch selects none, names come twice, a raw
        block stands beside a sparse one or is larger than `max_block_bytes`.

    Warns
    -----
    DataConversionWarning
        If a branch gives a dense column whose values float32 cannot tell apart, such
        as seconds since 1970, as they are, of a few hours.

    See Also
    --------
    MultimodalClassifier : Puts an estimator behind it.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.compose import ModalityTransformer, select
    >>> from mmsk.feature_extraction.tabular import TableExtractor
    >>> from mmsk.feature_extraction.text import TfidfExtractor
    >>> X = pd.DataFrame({"title": ["red car", "blue car"], "price": [3.0, 5.0]})
    >>> features = ModalityTransformer([
    ...     ("text", TfidfExtractor(), ["title"]),
    ...     ("table", TableExtractor(), select(kind="number")),
    ... ])
    >>> features.fit_transform(X).shape
    (2, 5)
    >>> features.blocks_
    Blocks(text: 3, table: 1)
    """

    _parameter_constraints: dict = {
        "transformers": [list],
        "memory": [str, os.PathLike, FeatureStore, None],
        "sparse_output": ["boolean", Options(str, {"auto"})],
        "max_block_bytes": [Interval(Integral, 1, None, closed="left")],
        "roles": [dict, None],
    }
    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        transformers: Sequence[tuple[str, Any, Any]],
        *,
        memory=None,
        sparse_output: str | bool = "auto",
        max_block_bytes: int = 2**30,
        roles: dict[str, str] | None = None,
    ) -> None:
        self.transformers = transformers
        self.memory = memory
        self.sparse_output = sparse_output
        self.max_block_bytes = max_block_bytes
        self.roles = roles

    @property
    def _branches(self) -> list[tuple[str, Any]]:
        try:
            return [(name, transformer) for name, transformer, _ in self.transformers]
        except (TypeError, ValueError):
            return []

    @_branches.setter
    def _branches(self, pairs: list[tuple[str, Any]]) -> None:
        self.transformers = [
            (*pair, columns)
            for pair, (_, _, columns) in zip(pairs, self.transformers, strict=True)
        ]

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, those of the branches as ``name__parameter``."""
        return self._get_params("_branches", deep=deep)

    def set_params(self, **params) -> "ModalityTransformer":
        """Set parameters, those of the branches as ``name__parameter``."""
        self._set_params("_branches", **params)
        return self

    def fit(self, X, y=None, sample_weight=None, groups=None) -> "ModalityTransformer":
        """Fit every branch on its columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            pandas or polars.
        y : array-like of shape (n_samples,), default=None
            Target, for branches that use one.
        sample_weight : array-like of shape (n_samples,), default=None
            Given to the branches that take weights.
        groups : array-like of shape (n_samples,), default=None
            Which rows belong together, given to the branches that split rows.

        Returns
        -------
        self : ModalityTransformer
        """
        self._fit(X, y, sample_weight, groups)
        return self

    def fit_transform(self, X, y=None, sample_weight=None, groups=None):
        """Fit every branch and return the matrix of the same rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : array-like of shape (n_samples,), default=None
        sample_weight : array-like of shape (n_samples,), default=None
        groups : array-like of shape (n_samples,), default=None

        Returns
        -------
        matrix : float32 ndarray or CSR array of shape (n_samples, n_features)
        """
        return self._checked_output(self._fit(X, y, sample_weight, groups))

    @fit_context(prefer_skip_nested_validation=False)
    def _fit(self, X, y, sample_weight, groups):
        self._check_names()
        X = self._check_table(X, reset=True)
        fitted = list(self._planned(X))
        if not fitted:
            raise ValueError("It has no branch: all are 'drop' or find no column.")
        if groups is not None:
            groups = check_groups(groups)
            check_consistent_length(X, groups)
            warn_if_ungrouped(*(branch.transformer for branch in fitted))
        given = {"sample_weight": sample_weight, "groups": groups}
        parts = []
        for branch in fitted:
            parts.append(branch.fit_transform(cut_columns(X, branch.keys), y, **given))
        self._fitted = fitted
        self.blocks_ = Blocks.stacked(
            branch.block.moved(0, branch.name) for branch in fitted
        )
        check_raw_size(self.blocks_, X.shape[0], self.max_block_bytes)
        return join_blocks(parts, fitted, self.blocks_, self.sparse_output)

    def transform(self, X):
        """Return the matrix of new rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            A frame needs the columns of the branches, in any order.

        Returns
        -------
        matrix : float32 ndarray or CSR array of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False)
        check_raw_size(self.blocks_, X.shape[0], self.max_block_bytes)
        names = getattr(self, "feature_names_in_", None)
        parts = [
            branch.transform(cut_columns(X, keys_in_table(X, branch.keys, names)))
            for branch in self._fitted
        ]
        matrix = join_blocks(parts, self._fitted, self.blocks_, self.sparse_output)
        return self._checked_output(matrix)

    def warm(self, X, *, verbose: bool = True) -> "ModalityTransformer":
        """Extract the features of every picture and clip into the store.

        A search over the same rows afterwards extracts nothing, in however many
        processes. It need not be fitted.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        verbose : bool, default=True
            Show a progress bar on stderr.

        Returns
        -------
        self : ModalityTransformer

        Raises
        ------
        ValueError
            If no branch starts with an extractor that has a store.
        """
        warmed = False
        for extractor, columns, _ in self._readers(X):
            if extractor.memory is not None:
                extractor.warm(columns, verbose=verbose)
                warmed = True
        if not warmed:
            raise ValueError(
                "There is no store to warm: pass memory= to ModalityTransformer."
                if self.memory is None
                else "There is nothing to warm: no branch starts with an extractor "
                "whose features are stored."
            )
        return self

    def get_feature_names_out(self, input_features=None):
        """Return the names of the output columns, ``"modality__feature"``.

        A presence column of a sparse block is called "modality_present_sparse": in a
        frame, heads read by it that the block is not to be standardised.

        Parameters
        ----------
        input_features : ignored
            The names seen in fit are used.

        Returns
        -------
        names : object ndarray of shape (n_features,)
        """
        check_is_fitted(self)
        return np.array(
            [
                f"{branch.name}__{presence_name(feature, sparse=branch.sparse)}"
                for branch in self._fitted
                for feature in branch.feature_names()
            ],
            dtype=object,
        )

    @property
    def transformers_(self) -> list[tuple[str, Any, Any]]:
        """The fitted branches."""
        check_is_fitted(self)
        return [(each.name, each.transformer, each.keys) for each in self._fitted]

    @property
    def named_transformers_(self) -> Bunch:
        """The fitted transformers by name."""
        return Bunch(**{name: fitted for name, fitted, _ in self.transformers_})

    def _check_names(self) -> None:
        if not self.transformers or len(self._branches) != len(self.transformers):
            raise ValueError(
                "transformers must be a list of (name, transformer, columns), got "
                f"{self.transformers!r}."
            )
        names = [name for name, _ in self._branches]
        if not all(isinstance(name, str) and name for name in names):
            raise ValueError(
                f"Names of branches must be non-empty strings, got {names}."
            )
        self._validate_names(names)
        for name, transformer in self._branches:
            check_transformer(name, transformer)

    def _readers(self, X: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the extractors whose rows can be stored, their columns and keys."""
        self._check_names()
        X = as_table(X)
        for branch in self._planned(X):
            extractor = first_step(branch.transformer)
            if takes_store(extractor):
                yield extractor, cut_columns(X, branch.keys), branch.keys

    def _planned(self, X: Any) -> Iterator[Branch]:
        """Yield the branches, not fitted, with the columns that they read."""
        if self.roles is not None:
            check_roles(self.roles, column_names(X))
        store = as_store(self.memory)
        for name, transformer, columns in self.transformers:
            if isinstance(transformer, str) and transformer == "drop":
                continue
            if isinstance(columns, select) and columns.role is not None:
                columns = columns(X, self.roles)
                if not columns:
                    continue
            keys = resolve_columns(X, name, columns)
            yield Branch(name, transformer, keys, store, self.roles)

    def _check_table(self, X: Any, *, reset: bool) -> Any:
        X = as_table(X)
        if reset:
            check_feature_names(self, X, reset=True)
            check_n_features(self, X, reset=True)
            self._by_position = not is_frame(X) or any(
                by_position(columns) for *_, columns in self.transformers
            )
            return X
        named = is_frame(X) and hasattr(self, "feature_names_in_")
        if named and not self._by_position:
            check_columns(X, [each.keys for each in self._fitted])
        else:
            check_feature_names(self, X, reset=False)
            check_n_features(self, X, reset=False)
        return X

    def _checked_output(self, matrix: Any) -> Any:
        library = output_config("transform", self)["dense"]
        if library != "default":
            check_frame(matrix, self._fitted, library)
        return matrix

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags
