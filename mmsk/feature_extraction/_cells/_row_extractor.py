"""Base of the extractors whose features of a cell depend on its content alone."""

import hashlib
import os
import sys
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import groupby
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from mmsk._utils._cell_parts import parts_of
from mmsk._utils._code_digest import code_digest
from mmsk._utils._param_validation import StrOptions, fit_context
from mmsk._utils._weights import positive_weights
from mmsk.exceptions import MediaError, StoreWarning
from mmsk.feature_extraction._cells._cell_extractor import CellExtractor
from mmsk.feature_extraction._cells._failures import FailureLog
from mmsk.feature_extraction._cells._row_source import Outcome, RowSource
from mmsk.store import FeatureStore, as_store, config_digest, content_digest


class RowExtractor(CellExtractor):
    """Compute a row of features from each cell, once for each content.

    A subclass says how contents are decoded (`_decode`) and what is computed from
    them (`_extract`). Neither may depend on anything but the parameters that are
    not in `_not_in_key`. A cell may hold a list of contents, which are pooled.

    Rows are stored only for a class that has a `_store_id` of its own: one that a
    user derives may compute something else, and must not find its parent's rows.
    """

    _store_id: str | None = None
    _store_version = 1
    _batch_size = 16
    _not_in_key = frozenset(
        {
            "cell_pooling",
            "max_bytes",
            "max_error_rate",
            "memory",
            "missing",
            "n_jobs",
            "on_error",
            "root",
        }
    )

    _parameter_constraints: ClassVar[dict] = {
        **CellExtractor._parameter_constraints,
        "cell_pooling": [StrOptions({"mean", "max"})],
        "memory": [str, os.PathLike, FeatureStore, None],
        "n_jobs": [Integral, None],
    }
    __metadata_request__fit: ClassVar[dict] = {"sample_weight": True}

    @abstractmethod
    def _row_names(self) -> list[str]:
        """Return the names of the values of a row; known before fit."""

    @abstractmethod
    def _extract(self, decoded: list) -> NDArray[np.float32]:
        """Compute rows of shape (len(decoded), n_names), each from its own content."""

    def _decode(self, content: Any) -> Any:
        """Return what `_extract` takes; raise MediaError where there is nothing."""
        return content

    def _versions(self) -> Mapping[str, object]:
        """Return what else changes rows: versions of decoders, digests of weights."""
        return {}

    def _cell_parts(self, cell: Any) -> Sequence[Any]:
        return parts_of(cell)

    def _feature_lists(self) -> list[list[str]]:
        return [self._row_names()] * self.n_features_in_

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn what stands in for missing cells.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            The cells; one column may be 1-D.
        y : ignored
            For the sake of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.

        Returns
        -------
        self : object
            The fitted extractor.
        """
        self._fit(X, sample_weight)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, sample_weight=None):
        """Fit and return the features of the same rows, each extracted once.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features_out)
        """
        return self._fit(X, sample_weight)

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
        log = FailureLog(self.on_error, labels)
        output, present = self._output(cells, log)
        self.failures_ = log.failures
        log.close()
        return self._filled(output, present)

    @fit_context(prefer_skip_nested_validation=True)
    def warm(self, X, y=None, *, verbose=True):
        """Extract every content of X into the store; learn nothing.

        It need not be fitted. Afterwards the same contents are not extracted
        again, in however many processes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
        y : ignored
        verbose : bool, default=True
            Show a progress bar on stderr.

        Returns
        -------
        self : object
            The extractor, unchanged.

        Raises
        ------
        ValueError
            If it has no store.
        """
        source = self._source()
        if source.store is None:
            raise ValueError(
                f"{type(self).__name__} has no store to warm: pass memory=, and give "
                "a class of your own a _store_id."
            )
        cells, labels = self._check_cells(X, reset=None)
        log = FailureLog(self.on_error, labels)
        bar = tqdm(
            desc=type(self).__name__,
            total=cells.size,
            unit="cell",
            file=sys.stderr,
            disable=not verbose,
        )
        with bar, closing(source.outcomes(self._read(cells))) as outcomes:
            for outcome in outcomes:
                self._succeeded(outcome, log)
                position = outcome.row * cells.shape[1] + outcome.column
                bar.update(position + 1 - bar.n)
            bar.update(cells.size - bar.n)
        log.close()
        return self

    def _contents_digest(self, X: Any) -> bytes:
        """Return the fingerprint of what the cells of a table hold or point to."""
        cells, _ = self._check_cells(X, reset=None)
        digest = hashlib.sha256(b"mmsk.contents\0", usedforsecurity=False)
        for row, column, _, content in self._read(cells):
            bad = isinstance(content, MediaError)
            digest.update(f"{row} {column} {content.code if bad else ''};".encode())
            digest.update(b"" if bad else content_digest(content))
        return digest.digest()

    def _fit(self, X: Any, sample_weight: Any) -> NDArray[np.float32]:
        cells, labels = self._check_cells(X, reset=True)
        rows, weights = positive_weights(sample_weight, cells)
        log = FailureLog(self.on_error, labels)
        output, present = self._output(cells, log)
        self.failures_ = log.failures
        log.close(self.max_error_rate)
        full = np.ones(len(cells)) if weights is None else np.zeros(len(cells))
        if weights is not None:
            full[rows] = weights
        self.fill_ = self._learn_fill(output, present, full)
        self._warn_if_unseen(cells, labels.columns)
        return self._filled(output, present)

    def _output(
        self, cells: NDArray[np.object_], log: FailureLog
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return (n, n_columns * width + 1) features and the (n, n_columns) present."""
        n_samples, n_columns = cells.shape
        width = len(self._row_names())
        output = np.zeros((n_samples, n_columns * width + 1), dtype=np.float32)
        present = np.zeros((n_samples, n_columns), dtype=bool)
        source = self._source()

        def row_at(number: int) -> NDArray[np.float32]:
            row, column = divmod(number, n_columns)
            return output[row, column * width : (column + 1) * width]

        with closing(source.outcomes(self._read(cells), row_at)) as outcomes:
            for place, parts in groupby(outcomes, key=lambda each: each[:2]):
                good = [part for part in parts if self._succeeded(part, log)]
                if not good:
                    continue
                number = place[0] * n_columns + place[1]
                target = row_at(number)
                present[place] = True
                if len(good) == 1:
                    target[:] = good[0].value
                    source.remember(good[0].key, target, number)
                    continue
                target[:] = self._pool([part.value for part in good])
                for part in good:
                    source.remember(part.key, part.value)
        output[:, -1] = present.any(axis=1)
        return output, present

    def _succeeded(self, outcome: Outcome, log: FailureLog) -> bool:
        log.n_cells += 1
        if not isinstance(outcome.value, MediaError):
            return True
        path = self._cell_path(outcome.cell)
        log.add(outcome.value, outcome.row, outcome.column, path)
        return False

    def _pool(self, values: list[NDArray[np.float32]]) -> NDArray:
        if self.cell_pooling == "max":
            return np.max(values, axis=0)
        return np.mean(values, axis=0, dtype=np.float64)

    def _learn_fill(
        self,
        output: NDArray[np.float32],
        present: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        n_columns = present.shape[1]
        width = (output.shape[1] - 1) // n_columns
        if self.missing != "auto":
            value = 0.0 if self.missing == "zero" else np.nan
            return np.full(n_columns * width, value, dtype=np.float32)
        fill = np.zeros((n_columns, width))
        for column in range(n_columns):
            shares = weights * present[:, column]
            if shares.any():
                shares /= shares.sum()
                part = output[:, column * width : (column + 1) * width]
                for start in range(0, len(part), 1024):  # float64 for a slice only
                    rows = slice(start, start + 1024)
                    fill[column] += shares[rows] @ part[rows].astype(np.float64)
        return fill.ravel().astype(np.float32)

    def _filled(
        self, output: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        n_columns = present.shape[1]
        width = (output.shape[1] - 1) // n_columns
        for column in range(n_columns):
            part = slice(column * width, (column + 1) * width)
            absent = ~present[:, column]
            if absent.any():
                output[absent, part] = self.fill_[part]
        return output

    def _source(self) -> RowSource:
        store = as_store(self.memory)
        store_id = vars(type(self)).get("_store_id")
        if store is not None and store_id is None:
            warnings.warn(
                f"{type(self).__name__} has no _store_id of its own, so its features "
                "are not stored. Give the class one that nothing else has.",
                StoreWarning,
                stacklevel=2,
            )
            store = None
        return RowSource(
            self._compute,
            width=len(self._row_names()),
            config=b"" if store is None else self._config(store_id),
            store=store,
            **self._schedule(),
        )

    def _schedule(self) -> dict[str, int | None]:
        """Return how `RowSource` groups contents and in how many threads."""
        return {
            "batch_size": self._batch_size,
            "n_batches": max(16, 2 * effective_n_jobs(self.n_jobs)),
            "n_jobs": self.n_jobs,
        }

    def _config(self, store_id: str) -> bytes:
        params = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in self._not_in_key
        }
        versions, code = self._versions(), code_digest(type(self))
        if code:  # of a user's own class
            versions = {**versions, "code": code}
        return config_digest(store_id, self._store_version, params, versions)

    def _compute(self, contents: list) -> list[NDArray[np.float32] | MediaError]:
        values: list = []
        decoded = []
        for content in contents:
            try:
                decoded.append(self._decode(content))
                values.append(None)
            except MediaError as error:
                values.append(error.with_traceback(None))
        rows = iter(self._extract(decoded) if decoded else ())
        return [next(rows) if value is None else value for value in values]
