import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from mmsk._utils._splits import inner_splits


def rows_of(n):
    return np.zeros((n, 1))


def assert_partition(splits, n):
    """Every row is held out once, and never trained on there."""
    held_out = np.concatenate([test for _, test in splits])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(n))
    for train, test in splits:
        np.testing.assert_array_equal(np.union1d(train, test), np.arange(n))
        assert len(train) + len(test) == n
        assert len(train)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("classifier", [True, False])
def test_groups_stay_together(seed, classifier):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 60))
    groups = np.append([0, 1], rng.integers(rng.integers(2, 12), size=n - 2) ** 2)
    y = rng.integers(rng.integers(1, 4), size=n)
    splits = inner_splits(
        5, rows_of(n), y, groups=groups, classifier=classifier, random_state=seed
    )
    assert_partition(splits, n)
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])


def test_folds_keep_the_shares_of_the_classes():
    y = np.repeat(["a", "b"], [30, 10])
    splits = inner_splits(5, rows_of(40), y, classifier=True, random_state=0)
    assert_partition(splits, 40)
    assert [int((y[test] == "b").sum()) for _, test in splits] == [2] * 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("groups", [None, np.arange(20) % 10])
def test_a_rare_class_neither_warns_nor_fails(groups):
    y = np.append(np.zeros(19), 1)
    splits = inner_splits(5, rows_of(20), y, groups=groups, classifier=True)
    assert len(splits) == 5
    assert_partition(splits, 20)


@pytest.mark.parametrize(
    ("n", "groups", "count"),
    [(3, None, 3), (2, None, 2), (20, np.arange(20) % 3, 3), (20, None, 5)],
)
def test_fewer_folds_where_the_rows_do_not_suffice(n, groups, count):
    splits = inner_splits(5, rows_of(n), np.arange(n), groups=groups, classifier=False)
    assert len(splits) == count
    assert_partition(splits, n)


@pytest.mark.parametrize(
    ("n", "groups", "message"),
    [
        (1, None, "two samples, got 1"),
        (9, ["a"] * 9, "two groups, got 1"),
    ],
)
def test_nothing_to_hold_out(n, groups, message):
    with pytest.raises(ValueError, match=message):
        inner_splits(5, rows_of(n), np.zeros(n), groups=groups, classifier=True)


def test_seed():
    def splits(seed):
        y = np.arange(30) % 2
        pairs = inner_splits(3, rows_of(30), y, classifier=True, random_state=seed)
        return [test.tolist() for _, test in pairs]

    assert splits(0) == splits(0)
    assert splits(0) != splits(1)


def test_a_splitter_of_the_users_is_asked_as_it_is():
    X, y = rows_of(12), np.arange(12) % 2
    groups = np.arange(12) // 3
    splits = inner_splits(GroupKFold(4), X, y, groups=groups, classifier=True)
    expected = list(GroupKFold(4).split(X, y, groups))
    for (train, test), (train_, test_) in zip(splits, expected, strict=True):
        np.testing.assert_array_equal(train, train_)
        np.testing.assert_array_equal(test, test_)
    for cv in (KFold(3), StratifiedKFold(3)):
        assert len(inner_splits(cv, X, y, classifier=True)) == 3


def test_an_iterable_of_splits():
    pairs = [([0, 1], [2, 3]), ([2, 3], [0, 1])]
    splits = inner_splits(pairs, rows_of(4), np.zeros(4), classifier=True)
    assert [(list(a), list(b)) for a, b in splits] == pairs


def test_string_labels():
    y = np.array(["yes", "no"] * 10, dtype=object)
    splits = inner_splits(5, rows_of(20), y, classifier=True)
    assert [sorted(y[test]) for _, test in splits] == [["no", "no", "yes", "yes"]] * 5


def test_a_rare_class_does_not_stop_the_others_from_being_stratified():
    y = np.repeat([0, 1, 2], [10, 90, 4])
    splits = inner_splits(5, y, y, classifier=True, random_state=0)
    for _, test in splits:
        small, large, _ = np.bincount(y[test], minlength=3)
        assert small == 2
        assert 15 <= large <= 19


def test_no_cv_is_five_folds_of_whole_groups():
    y, groups = np.tile([0, 1], 30), np.repeat(np.arange(12), 5)
    splits = inner_splits(None, rows_of(60), y, groups=groups, classifier=True)
    assert len(splits) == 5
    assert not any(set(groups[a]) & set(groups[b]) for a, b in splits)
