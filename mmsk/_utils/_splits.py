"""Which splitter suits the rows: stratified, grouped, both or neither."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)


def inner_splits(
    cv: Any,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    classifier: bool,
    random_state: int | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split training rows for out-of-fold predictions.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), or None for 5 folds
        An int makes that many folds, fewer where the rows do not suffice.
    X : array of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,), default=None
        Rows of one group stay together.
    classifier : bool
        Whether folds keep the shares of the classes.
    random_state : int, default=None
        Shuffles the rows of an int `cv`.

    Returns
    -------
    splits : list of (train, test)
        Row positions.

    Raises
    ------
    ValueError
        If there is only one row or one group.
    """
    y = np.asarray(y)
    cv = 5 if cv is None else cv
    if not isinstance(cv, int | np.integer):
        splitter = check_cv(cv, y, classifier=classifier)
        return list(splitter.split(X, y, groups))
    n_units = len(y) if groups is None else len(np.unique(groups))
    n_splits = min(int(cv), n_units)
    if n_splits < 2:
        unit = "sample" if groups is None else "group"
        raise ValueError(
            f"Out-of-fold predictions need at least two {unit}s, got {n_units}."
        )
    shuffle = {"shuffle": True, "random_state": random_state}
    if classifier:
        y = with_rare_classes_merged(y, n_splits)
        classifier = len(np.unique(y)) > 1
    kind = splitter_kind(stratified=classifier, grouped=groups is not None)
    return list(kind(n_splits, **shuffle).split(X, y, groups))


def splitter_kind(*, stratified: bool, grouped: bool) -> type:
    """Return the folds of scikit-learn that keep shares, groups, both or neither."""
    if grouped:
        return StratifiedGroupKFold if stratified else GroupKFold
    return StratifiedKFold if stratified else KFold


def holdout_split(
    y: ArrayLike,
    *,
    fraction: float,
    groups: ArrayLike | None = None,
    classifier: bool,
    random_state: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hold some training rows out, to see there when training should stop.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    fraction : float
        Share of the rows to hold out (of the groups where their rows can't be
        counted out), in (0, 1).
    groups : array-like of shape (n_samples,), default=None
        Rows of one group stay on one side.
    classifier : bool
        Whether `y` holds one class a row, whose shares both sides should keep.
    random_state : int, default=None

    Returns
    -------
    train, held_out : int ndarrays
        Row positions, both sorted and not empty. A class of one row is trained
        on, unless its group is held out.

    Raises
    ------
    ValueError
        If there is only one row or one group.
    """
    y = np.asarray(y)
    units = np.arange(len(y)) if groups is None else np.asarray(groups)
    n_units = len(np.unique(units))
    if n_units < 2:
        unit = "sample" if groups is None else "group"
        raise ValueError(
            f"Holding out a part of the training rows needs at least two {unit}s, got "
            f"{n_units}. Pass early_stopping=False."
        )
    if groups is not None:
        return _hold_out_groups(y, units, fraction, classifier, random_state)
    rows = np.arange(len(y))
    if not classifier:
        return _hold_out_rows(rows, None, fraction, random_state)
    codes, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
    lonely = counts[codes] < 2
    if lonely.sum() > len(y) - 2:
        return _hold_out_rows(rows, None, fraction, random_state)
    train, held_out = _hold_out_rows(
        rows[~lonely], codes[~lonely], fraction, random_state
    )
    return np.union1d(train, rows[lonely]), held_out


def _hold_out_rows(rows, codes, fraction, random_state):
    n_held_out = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
    kind = ShuffleSplit
    if codes is not None:
        # sklearn refuses a side that is too small to hold every class
        n_classes = len(np.unique(codes))
        if n_classes <= min(n_held_out, len(rows) - n_held_out):
            kind = StratifiedShuffleSplit
    splitter = kind(1, test_size=n_held_out, random_state=random_state)
    train, held_out = next(splitter.split(rows, codes))
    return np.sort(rows[train]), np.sort(rows[held_out])


def _hold_out_groups(y, groups, fraction, classifier, random_state):
    n_groups = len(np.unique(groups))
    n_splits = min(max(round(1 / fraction), 2), n_groups)
    if classifier and np.unique(y, return_counts=True)[1].min() >= n_splits:
        splitter = StratifiedGroupKFold(
            n_splits, shuffle=True, random_state=random_state
        )
        # large groups can leave a fold, or all but one, without rows
        folds = [fold for fold in splitter.split(y, y, groups) if all(map(len, fold))]
        if folds:
            return min(folds, key=lambda fold: abs(len(fold[1]) - fraction * len(y)))
    n_held_out = min(max(round(fraction * n_groups), 1), n_groups - 1)
    splitter = GroupShuffleSplit(1, test_size=n_held_out, random_state=random_state)
    return next(splitter.split(y, y, groups))


def with_rare_classes_merged(y: np.ndarray, n_splits: int) -> np.ndarray:
    """Return codes of which each comes at least once a fold, or one code alone.

    scikit-learn warns of classes with fewer members than folds, and refuses when
    all are; what is stratified here are the classes that can be.
    """
    codes, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
    rare = counts < n_splits
    if rare.all():
        return np.zeros_like(codes)
    merged = np.arange(len(counts))
    enough = counts[rare].sum() >= n_splits
    merged[rare] = np.flatnonzero(rare)[0] if enough else counts.argmax()
    return merged[codes]


def splits_of_kept(
    cv: Any,
    X: Any,
    y: ArrayLike,
    kept: np.ndarray,
    *,
    groups: ArrayLike | None = None,
    classifier: bool,
    random_state: int | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split the rows that count among those that fit was given.

    An int makes folds of the kept rows. A cv of the user's own is asked about the
    rows as the user gave them, and rows that do not count leave its folds.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), or None for 5 folds
    X : array of shape (n_samples, ...)
        As given.
    y : array-like of shape (n_samples,)
        As given.
    kept : int ndarray of shape (n_kept,)
        Positions of the rows that count, rising.
    groups : array-like of shape (n_samples,), default=None
        As given.
    classifier : bool
        Whether an int's folds keep the shares of the classes.
    random_state : int, default=None
        Shuffles the rows of an int `cv`.

    Returns
    -------
    splits : list of (train, test)
        Positions among the kept rows.
    """
    if cv is None or isinstance(cv, int | np.integer):
        return inner_splits(
            cv,
            kept,
            np.asarray(y)[kept],
            groups=None if groups is None else np.asarray(groups)[kept],
            classifier=classifier,
            random_state=random_state,
        )
    place = np.full(len(y), -1)
    place[kept] = np.arange(len(kept))
    splits = inner_splits(cv, X, y, groups=groups, classifier=classifier)
    pairs = [(place[train], place[test]) for train, test in splits]
    return [(train[train >= 0], test[test >= 0]) for train, test in pairs]
