"""Folds that suit the rows."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)

from mmsk.model_selection import make_splitter

CLASSES = np.array(["a", "b", "c"] * 10)
NUMBERS = np.linspace(0, 1, 30)
GROUPS = np.arange(30) // 3


def assert_same(splits, expected):
    splits, expected = list(splits), list(expected)
    assert len(splits) == len(expected)
    for ours, theirs in zip(splits, expected, strict=True):
        for rows, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(rows, wanted)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("y", "groups", "kind"),
    [
        (CLASSES, None, StratifiedKFold),
        (NUMBERS, None, KFold),
        (CLASSES, GROUPS, StratifiedGroupKFold),
        (NUMBERS, GROUPS, GroupKFold),
    ],
    ids=["classes", "numbers", "classes-groups", "numbers-groups"],
)
def test_the_folds_are_those_of_scikit_learn(y, groups, kind, shuffle):
    splitter = make_splitter(y, groups, n_splits=3, shuffle=shuffle)
    assert type(splitter.splitter) is kind
    drawn = {"random_state": 0} if shuffle else {}
    own = kind(3, shuffle=shuffle, **drawn)
    X = np.zeros((30, 1))
    assert_same(splitter.split(X, y, groups), own.split(X, y, groups))
    assert splitter.get_n_splits(X, y, groups) == 3


@pytest.mark.parametrize(
    ("y", "kind", "reason"),
    [
        (["x", "y"] * 6, "StratifiedKFold", "y has 2 classes"),
        ([True, False] * 6, "StratifiedKFold", "y has 2 classes"),
        ([0, 1, 2] * 4, "StratifiedKFold", "y has 3 classes"),
        ([0.0, 1.0] * 6, "StratifiedKFold", "y has 2 classes"),
        ([[0], [1]] * 6, "StratifiedKFold", "y has 2 classes"),
        (["x", "y"] * 6 + ["z"], "StratifiedKFold", "(1 of fewer than 3 rows count"),
        ([0, 1] * 6 + [7, 8], "StratifiedKFold", "(2 of fewer than 3 rows count"),
        (list(range(12)), "KFold", "most values of y come in fewer than 3 rows"),
        ([0.5, 1] * 6, "KFold", "y holds fractions"),
        ([[0, 1], [1, 1]] * 6, "KFold", "y has 2 columns"),
        (["x"] * 12, "KFold", "y has one value only"),
        (list("abcdef"), "KFold", "every class of y has fewer than 3 rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "y",
)
def test_what_y_is_decides_and_is_said(y, kind, reason):
    splitter = make_splitter(y, n_splits=3)
    assert repr(splitter).startswith(f"{kind}(n_splits=3, random_state=0")
    assert reason in repr(splitter)
    assert splitter.reason.endswith("; there are no groups")
    assert len(list(splitter.split(np.zeros(len(y)), y))) == 3


def test_stratify_overrides_what_y_looks_like():
    assert type(make_splitter(CLASSES, stratify=False).splitter) is KFold
    y = np.arange(20) // 2
    assert type(make_splitter(y).splitter) is KFold
    assert type(make_splitter(y, stratify=True).splitter) is StratifiedKFold
    with pytest.raises(ValueError, match="stratify=True needs one target"):
        make_splitter(np.zeros((10, 2)), stratify=True)


@pytest.mark.parametrize("groups", [None, np.arange(43) // 2], ids=["rows", "groups"])
def test_a_rare_class_neither_warns_nor_fails(groups):
    y = np.append(np.repeat(["a", "b"], 20), ["x", "y", "z"])
    splits = list(make_splitter(y, groups).split(y, y, groups))
    held_out = np.concatenate([test for _, test in splits])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(43))


def test_groups_stay_together_and_are_counted():
    splitter = make_splitter(CLASSES, GROUPS)
    assert splitter.reason.endswith("the rows of each of 10 groups stay together")
    for train, test in splitter.split(CLASSES, CLASSES, GROUPS):
        assert not set(GROUPS[train]) & set(GROUPS[test])


def test_the_seed_decides_the_folds():
    splitter = make_splitter(CLASSES)
    assert_same(splitter.split(CLASSES, CLASSES), splitter.split(CLASSES, CLASSES))
    first, _ = next(splitter.split(CLASSES, CLASSES))
    other, _ = next(make_splitter(CLASSES, random_state=1).split(CLASSES, CLASSES))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("series", [pd.Series, pl.Series, list])
def test_frames_columns_give_the_same_folds(series):
    y, groups = series(CLASSES.tolist()), series(GROUPS.tolist())
    splitter = make_splitter(y, groups)
    X = np.zeros((30, 1))
    expected = make_splitter(CLASSES, GROUPS).split(X, CLASSES, GROUPS)
    assert_same(splitter.split(X, y, groups), expected)


def test_it_serves_scikit_learn():
    X = np.zeros((30, 1))
    splitter = make_splitter(CLASSES, GROUPS, n_splits=3)
    search = GridSearchCV(
        DummyClassifier(), {"strategy": ["prior", "uniform"]}, cv=splitter
    )
    search = pickle.loads(pickle.dumps(clone(search)))
    assert search.fit(X, CLASSES, groups=GROUPS).n_splits_ == 3
    with pytest.raises(ValueError, match="keeps groups together and got none"):
        search.fit(X, CLASSES)
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            DummyClassifier(), X, CLASSES, cv=splitter, params={"groups": GROUPS}
        )
    assert len(scores) == 3


def test_what_is_needed_is_asked_for():
    with pytest.raises(ValueError, match="StratifiedKFold keeps the shares"):
        next(make_splitter(CLASSES).split(CLASSES))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_splits": 1}, "n_splits must be an int of at least 2, got 1"),
        ({"n_splits": 2.5}, "n_splits must be an int of at least 2, got 2.5"),
        ({"n_splits": 31}, "31 folds need at least 31 rows, got 30"),
        ({"stratify": "yes"}, "True, False or \"auto\", got 'yes'"),
        ({"groups": GROUPS // 5}, "5 folds need at least 5 groups, got 2"),
        ({"groups": GROUPS[:9]}, "inconsistent numbers of samples"),
        ({"groups": [None] + ["a"] * 29}, "lacks a value in 1 rows, first in row 0"),
        ({"y": [np.nan] * 30}, "contains NaN"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "message",
)
def test_what_cannot_be_split_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        make_splitter(**{"y": CLASSES, **params})
