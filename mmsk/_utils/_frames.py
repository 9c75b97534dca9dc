"""Reading columns of pandas, polars and NumPy tables alike."""

from collections.abc import Sequence
from datetime import date
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mmsk._utils._missing import is_missing


def column_names(X: Any) -> list[str] | None:
    """Return the names of a frame's columns, ``None`` for an array.

    Raises
    ------
    ValueError
        If a name comes twice.
    """
    if not is_frame(X):
        return None
    names = list(X.columns)
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise ValueError(f"Column names must be unique, got twice: {twice}.")
    return names


def is_frame(X: Any) -> bool:
    """Tell whether X is a pandas or polars DataFrame."""
    return hasattr(X, "columns") and hasattr(X, "shape") and len(X.shape) == 2


def is_series(X: Any) -> bool:
    """Tell whether X is a pandas or polars Series."""
    return hasattr(X, "to_numpy") and hasattr(X, "dtype") and not hasattr(X, "columns")


def column(X: Any, key: str | int) -> Any:
    """Return one column: a Series of a frame by name, a 1-D array of an array."""
    if is_frame(X):
        return X[key]
    return X[:, key]


def take_columns(X: Any, keys: Sequence[str] | Sequence[int]) -> Any:
    """Return some columns, as the kind of table that X is.

    Parameters
    ----------
    X : DataFrame or ndarray or sparse matrix of shape (n_samples, n_features)
    keys : sequence of str or int
        Names for a frame, positions for an array.
    """
    if is_frame(X):
        return X[list(keys)]
    return X[:, list(keys)]


def cell_array(X: Any) -> NDArray[np.object_]:
    """Return the cells of a table as an object array, untouched.

    Cells may be anything, arrays of equal shape and lists among them: no cell
    is ever unpacked into further dimensions.

    Parameters
    ----------
    X : DataFrame, ndarray, sparse matrix, list of lists, or one column
        Of shape (n_samples, n_columns) or (n_samples,).

    Returns
    -------
    cells : object ndarray of shape (n_samples, n_columns)
    """
    if sp.issparse(X):
        X = X.toarray()
    if is_frame(X):
        columns = [X[name] for name in X.columns]
        cells = np.empty(X.shape, dtype=object)
        for position, values in enumerate(columns):
            cells[:, position] = _object_column(values)
        return cells
    if is_series(X):
        return _object_column(X)[:, None]
    if isinstance(X, np.ndarray) and X.dtype != object:
        X = X.astype(object)
    if isinstance(X, np.ndarray):
        if X.ndim == 1:
            return X[:, None]
        if X.ndim != 2:
            raise ValueError(
                f"Expected a 2D array of cells, got {X.ndim} dimensions. For a column "
                "of pictures in memory use an object array whose cells hold one each."
            )
        return X
    return _cells_of_lists(X)


def _object_column(values: Any) -> NDArray[np.object_]:
    if hasattr(values, "tolist"):  # pandas: much faster than one by one
        values = values.tolist()
    return np.fromiter(values, dtype=object, count=len(values))


def _cells_of_lists(X: Any) -> NDArray[np.object_]:
    if not hasattr(X, "__len__") or isinstance(X, str | bytes):
        raise ValueError(
            "Expected 2D array, DataFrame or list of rows, got scalar array instead: "
            f"{type(X).__name__}. Reshape your data."
        )
    rows = list(X)
    if rows and all(isinstance(row, list | tuple) for row in rows):
        widths = {len(row) for row in rows}
        if len(widths) > 1:
            raise ValueError(f"Rows have different numbers of cells: {sorted(widths)}.")
        cells = np.empty((len(rows), widths.pop()), dtype=object)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                cells[i, j] = cell
        return cells
    if rows and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows):
        return cell_array(np.asarray(rows))
    return _object_column(rows)[:, None]


def column_kind(values: Any) -> str:
    """Name what a column holds, by its dtype; object columns by their cells.

    Parameters
    ----------
    values : Series or 1-D ndarray

    Returns
    -------
    kind : {"number", "boolean", "string", "category", "date", "object"}
        "object" is anything else and mixtures; an object column of missing
        cells only is "object" too.
    """
    dtype = values.dtype
    if hasattr(dtype, "is_numeric"):  # polars
        name = str(dtype)
        if dtype.is_numeric():
            return "number"
        if dtype.is_temporal():
            return "date"
        known = {"Boolean": "boolean", "String": "string"}
        if name in known:
            return known[name]
        return "category" if name.startswith(("Categorical", "Enum")) else "object"
    if str(dtype) == "category":
        return "category"
    if str(dtype).startswith(("str", "string")):  # pandas' own string types
        return "string"
    kind = {"M": "date", "b": "boolean", "U": "string"}.get(dtype.kind)
    if kind is not None:
        return kind
    if dtype.kind in "iuf":
        return "number"
    return _kind_of_cells(values)


def _kind_of_cells(values: Any) -> str:
    kinds = set()
    for cell in values:
        if is_missing(cell):
            continue
        if isinstance(cell, bool | np.bool_):
            kinds.add("boolean")
        elif isinstance(cell, Real):
            kinds.add("number")
        elif isinstance(cell, str):
            kinds.add("string")
        elif isinstance(cell, date | np.datetime64):
            kinds.add("date")
        else:
            return "object"
    return kinds.pop() if len(kinds) == 1 else "object"
