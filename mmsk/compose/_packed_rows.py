"""Rows of a table as opaque objects, for containers that look into cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import safe_indexing
from mmsk.compose._columns import as_table


class PackedRow:
    """One row of a table, without anything to compare or to convert."""

    __slots__ = ("position", "table")

    def __init__(self, table: Any, position: int) -> None:
        self.table = table
        self.position = position

    def __repr__(self) -> str:
        return f"<row {self.position} of {self.table.shape[0]}>"


def pack_rows(X: Any) -> NDArray[np.object_]:
    """Turn each row of a table into one opaque object.

    scikit-learn's BaggingClassifier, AdaBoostClassifier and their regressors
    make an array of a DataFrame, and AdaBoost looks for NaN in every cell: names
    and kinds of columns get lost, and missing numbers, arrays and pictures are
    refused. Packed rows go through these ensembles as they are;
    `NamedColumns` around their estimator unpacks them.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_columns)
        pandas, polars or an array. Packed rows are returned as they are.

    Returns
    -------
    rows : object ndarray of shape (n_samples, 1)
        Each row knows the table and its place in it: nothing is copied, and a
        change of the table changes the rows.

    See Also
    --------
    NamedColumns : Unpacks the rows for an estimator.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.compose import pack_rows
    >>> rows = pack_rows(pd.DataFrame({"title": ["car", None], "price": [3.0, 5.0]}))
    >>> rows.shape
    (2, 1)
    >>> rows[0, 0]
    <row 0 of 2>
    """
    if _are_packed(X):
        return X
    table = as_table(X)
    rows = np.empty((table.shape[0], 1), dtype=object)
    rows[:, 0] = [PackedRow(table, position) for position in range(table.shape[0])]
    return rows


def unpack_rows(X: Any) -> Any:
    """Return the table that packed rows stand for, anything else as it is.

    Parameters
    ----------
    X : object ndarray of shape (n_samples, 1), or anything else

    Returns
    -------
    table : DataFrame or ndarray of shape (n_samples, n_columns)
        Of the kind that was packed, with its names and kinds of columns.

    Raises
    ------
    ValueError
        If rows stand beside other cells or come from several tables.
    """
    if not _are_packed(X):
        return X
    rows = X.ravel().tolist()
    if X.shape != (len(rows), 1) or {type(row) for row in rows} != {PackedRow}:
        raise ValueError(
            f"X of shape {X.shape} holds packed rows beside other cells. A packed row "
            "is a whole sample: give the ensemble nothing but one column of them."
        )
    tables = {id(row.table): row.table for row in rows}
    if len(tables) > 1:
        raise ValueError(
            f"X holds packed rows of {len(tables)} tables. Put the tables together, "
            "then pack the rows of the one table."
        )
    (table,) = tables.values()
    return safe_indexing(table, [row.position for row in rows])


def _are_packed(X: Any) -> bool:
    return (
        isinstance(X, np.ndarray)
        and X.dtype == object
        and any(isinstance(cell, PackedRow) for cell in X.ravel())
    )
