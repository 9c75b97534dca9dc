"""Base of every extractor that reads cells."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import PRESENCE_NAME, Block
from mmsk._utils._frames import cell_array, column_names, is_frame, is_series
from mmsk._utils._labels import Labels
from mmsk._utils._missing import is_missing
from mmsk._utils._param_validation import (
    Interval,
    StrOptions,
    check_feature_names,
    check_n_features,
)
from mmsk.exceptions import MediaError, MissingModalityWarning


class CellExtractor(TransformerMixin, BaseEstimator, ABC):
    """Turn the cells of a table into one block of features and a presence column.

    A subclass says how a cell is read (`_read_cell`) and what its features are
    called (`_feature_lists`); cells that are missing never reach `_read_cell`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "on_error": [StrOptions({"raise", "missing"})],
        "missing": [StrOptions({"auto", "zero", "nan"})],
        "max_error_rate": [Interval(Real, 0, 1, closed="both")],
    }

    @abstractmethod
    def _read_cell(self, cell: Any) -> Any:
        """Return the content of a cell that is not missing.

        Raises
        ------
        MediaError
            If it has none.
        """

    @abstractmethod
    def _feature_lists(self) -> list[list[str]]:
        """Return the features' names: a list a column, or one where they are joint."""

    def _cell_parts(self, cell: Any) -> Sequence[Any]:
        """Return what a cell consists of: itself, unless it may hold several."""
        return (cell,)

    def _cell_path(self, cell: Any) -> str | None:
        """Return the file that a cell names."""
        return None

    def _check_cells(
        self, X: Any, *, reset: bool | None
    ) -> tuple[NDArray[np.object_], Labels]:
        """Check a table as scikit-learn does; return its cells and their labels.

        ``reset=None`` neither compares the table with that of fit nor remembers it.
        """
        if is_series(X) and isinstance(X.name, str) and X.name:
            X = X.to_frame()
        known = is_frame(X) or is_series(X) or isinstance(X, list | tuple)
        if not known and not hasattr(X, "ndim") and hasattr(X, "__array__"):
            X = np.asarray(X)
        names = column_names(X)
        numeric = isinstance(X, np.ndarray) and X.dtype.kind in "biufc" and X.ndim < 3
        # no number is a cell's content, so 1-D or sparse numbers are just refused
        cells = X if numeric or sp.issparse(X) else cell_array(X)
        check_array(cells, dtype=None, ensure_all_finite=False, estimator=self)
        if reset is not None:
            check_feature_names(self, X, reset=reset)
            check_n_features(self, cells, reset=reset)
        columns = names or list(range(cells.shape[1]))
        return cell_array(cells), Labels.of(X, columns)

    def _warn_if_unseen(self, cells: NDArray[np.object_], names: list) -> None:
        """Warn in fit of columns in which every cell is missing."""
        empty = [name for name, x in zip(names, cells.T, strict=True) if _is_empty(x)]
        self._unseen = len(empty) == len(names)
        if empty:
            warnings.warn(
                f"{type(self).__name__}: the columns {empty} are missing in every row "
                "of fit, so that nothing can be learned from them. Leave them out, or "
                "look at how the table was made.",
                MissingModalityWarning,
                stacklevel=2,
            )

    def _read(
        self, cells: NDArray[np.object_]
    ) -> Iterator[tuple[int, int, Any, Any | MediaError]]:
        """Yield row, column, cell and content of what is there, row by row.

        A cell that holds several things comes once for each. Where the content
        cannot be had the error stands in its place.
        """
        for (row, column), cell in np.ndenumerate(cells):
            if is_missing(cell):
                continue
            for part in self._cell_parts(cell):
                if is_missing(part):
                    continue
                try:
                    content = self._read_cell(part)
                except MediaError as error:
                    content = error.with_traceback(None)
                yield row, column, part, content

    @property
    def block_(self) -> Block:
        """Where the features and the presence column stand, a nameless block."""
        check_is_fitted(self)
        lists = self._feature_lists()
        width = sum(map(len, lists))
        parts, start = [], 0
        if len(lists) == self.n_features_in_:
            for column, names in zip(self._columns_in(None), lists, strict=True):
                parts.append((str(column), start, start + len(names)))
                start += len(names)
        return Block("", 0, width, indicator=width, parts=tuple(parts))

    def get_feature_names_out(self, input_features=None) -> NDArray[np.object_]:
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the columns, where fit has not seen any.

        Returns
        -------
        names : object ndarray of shape (n_features_out,)
            ``"column_feature"``, with a ``+`` between the columns where a feature
            comes from several, and ``"modality_present"`` last.
        """
        check_is_fitted(self)
        columns = [str(column) for column in self._columns_in(input_features)]
        lists = self._feature_lists()
        if len(lists) < len(columns):
            columns = ["+".join(columns)]
        names = [
            f"{column}_{name}"
            for column, part in zip(columns, lists, strict=True)
            for name in part
        ]
        return np.array([*names, PRESENCE_NAME], dtype=object)

    def _columns_in(self, input_features: Any) -> NDArray[np.object_]:
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _is_empty(column: NDArray[np.object_]) -> bool:
    """Tell whether all cells of a column are missing."""
    return all(is_missing(cell) for cell in column)
