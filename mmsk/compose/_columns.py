"""Which columns of a table a branch reads."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from mmsk._utils._frames import cell_array, column_names, is_frame, take_columns


def as_table(X: Any) -> Any:
    """Return X as a frame or a 2-D array with at least one row and column."""
    if is_frame(X):
        if X.shape[0] == 0:
            raise ValueError("Found array with 0 sample(s): X has no rows.")
        names = column_names(X)
        named = all(isinstance(name, str) for name in names)
        if not named and names != list(range(len(names))):
            raise ValueError(
                f"Column names must be strings, got {names}: a number would be taken "
                "for a position. Rename them with X.columns.astype(str)."
            )
        return X
    if isinstance(X, list | tuple):
        X = cell_array(X)
    if not hasattr(X, "__array__") and not sp.issparse(X):
        raise TypeError(
            "X must be a DataFrame of pandas or polars, or a 2-D array, got "
            f"{type(X).__name__}. Make a frame of it (a LazyFrame by collect())."
        )
    if np.ma.is_masked(X):  # which everything behind would read through
        raise ValueError("X is a masked array. Fill what is masked: X.filled(np.nan).")
    return check_array(X, dtype=None, ensure_all_finite=False)


def resolve_columns(X: Any, branch: str, columns: Any) -> Any:
    """Turn what a user wrote into names of a frame or positions of an array.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
    branch : str
        Name of the branch, for messages.
    columns : list, slice, mask, callable, or one name or position
        A slice of names takes both ends in.
        As ModalityTransformer takes it.

    Returns
    -------
    keys : list of str or int; one str or int where `columns` was one

    Raises
    ------
    ValueError
        If a column is not there, none is selected, one of a frame comes twice, or
        `columns` is something else.
    """
    names = column_names(X)
    count = X.shape[1]
    if callable(columns):
        columns = columns(X)
    if isinstance(columns, Iterator):  # to be looked at more than once
        columns = list(columns)
    _check_kind(columns, branch)
    one = _is_key(columns)
    if one:
        keys = [columns]
    elif isinstance(columns, slice):
        keys = list(range(count)[_slice_of_positions(columns, names, branch)])
    else:
        keys = list(columns)
        if any(isinstance(key, bool | np.bool_) for key in keys):
            keys = _masked(keys, count, branch)
    if not keys:
        raise ValueError(
            f"Branch {branch!r} selects no column of X (n_features = {count}"
            f"{'' if names is None else f', columns {names}'}). Name its columns "
            "or leave the branch out."
        )
    keys = [_key(key, names, count, branch) for key in keys]
    if names is not None and len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1}, key=str)
        raise ValueError(
            f"Branch {branch!r} selects the columns {twice} more than once. Name each "
            "of them once; several branches may read the same column."
        )
    return keys[0] if one else keys


def by_position(columns: Any) -> bool:
    """Tell whether a selection counts columns instead of naming them."""
    entries = _entries(columns)
    if isinstance(columns, slice):
        return not any(isinstance(end, str) for end in entries)
    return any(isinstance(entry, int | np.integer | np.bool_) for entry in entries)


def names_column(columns: Any, name: str) -> bool:
    """Tell whether a selection has a name in it, an end of a slice included."""
    return any(isinstance(entry, str) and entry == name for entry in _entries(columns))


def check_columns(X: Any, keys: Iterable[Any]) -> None:
    """Refuse a frame without the columns that branches were fitted on.

    Parameters
    ----------
    X : DataFrame
    keys : iterable of names and of lists of names
        What `resolve_columns` returned for each branch.
    """
    needed: list[str] = []
    for each in keys:
        needed += each if isinstance(each, list) else [each]
    known = set(column_names(X))
    missing = [key for key in dict.fromkeys(needed) if key not in known]
    if missing:
        raise ValueError(
            f"X lacks the columns {missing}, which the branches were fitted "
            "on. Add them, as missing values if need be."
        )


def keys_in_table(X: Any, keys: Any, names: Any) -> Any:
    """Turn the keys of a branch into names of a frame or positions of an array.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
        It may be an array where fit saw a frame, or the other way round.
    keys : str, int or list of them
        What `resolve_columns` returned for the table of fit.
    names : array-like of str, or None
        Names of the columns of fit. ``None``: it was an array.
    """
    if is_frame(X) and names is None:
        return _changed(list(X.columns).__getitem__, keys)
    if not is_frame(X) and names is not None:
        return _changed(list(names).index, keys)
    return keys


def cut_columns(X: Any, keys: Any) -> Any:
    """Return a 2-D table for a list of keys, a 1-D column for one key."""
    if isinstance(keys, list):
        return take_columns(X, keys)
    return X[keys] if is_frame(X) else X[:, keys]


def _changed(change: Callable[[Any], Any], keys: Any) -> Any:
    """Change the one key or each of the keys."""
    return [change(key) for key in keys] if isinstance(keys, list) else change(keys)


def _entries(columns: Any) -> list:
    """Return what a selection is written with; nothing of a callable."""
    if isinstance(columns, slice):
        return [columns.start, columns.stop]
    if callable(columns):
        return []
    several = isinstance(columns, Iterable) and not isinstance(columns, str)
    return list(columns) if several else [columns]


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int | np.integer) and not isinstance(value, bool)


def _check_kind(columns: Any, branch: str) -> None:
    """Refuse what selects no columns, or in no order, as a set does."""
    if isinstance(columns, set | frozenset | dict):
        known = False
    elif isinstance(columns, slice):
        known = all(end is None or _is_key(end) for end in _entries(columns))
    elif isinstance(columns, Iterable):
        known = all(_is_key(key) or isinstance(key, bool | np.bool_) for key in columns)
    else:
        known = _is_key(columns)
    if not known:
        raise ValueError(
            f"Branch {branch!r}: columns must be a name or a position, a list or slice "
            "of them, a boolean mask, or a callable that returns one of these, got "
            f"{columns!r}."
        )


def _masked(mask: list, count: int, branch: str) -> list[int]:
    if len(mask) != count or not all(
        isinstance(each, bool | np.bool_) for each in mask
    ):
        raise ValueError(
            f"Branch {branch!r}: a mask needs one bool for each of the {count} columns "
            f"of X (a column of groups is not counted), got {mask}."
        )
    return np.flatnonzero(mask).tolist()


def _slice_of_positions(columns: slice, names: list | None, branch: str) -> slice:
    start, stop = columns.start, columns.stop
    if isinstance(start, str):
        start = _position(start, names, branch)
    if isinstance(stop, str):
        stop = _position(stop, names, branch) + 1
    return slice(start, stop, columns.step)


def _key(key: Any, names: list | None, count: int, branch: str) -> Any:
    if isinstance(key, str):
        return names[_position(key, names, branch)]
    if not -count <= key < count:
        raise ValueError(
            f"Branch {branch!r}: X has n_features = {count}, there is no column {key}."
        )
    return int(key) % count if names is None else names[key]


def _position(name: str, names: list | None, branch: str) -> int:
    if names is None:
        raise ValueError(
            f"Branch {branch!r} names the column {name!r}, but X is an array "
            "without names. Pass a DataFrame or use positions. (BaggingClassifier and "
            "others make an array of the table that they get: an ensemble belongs into "
            "the multimodal estimator, as its `estimator`.)"
        )
    if name not in names:
        raise ValueError(
            f"Branch {branch!r}: X lacks the column {name!r}; it has {names}."
        )
    return names.index(name)
