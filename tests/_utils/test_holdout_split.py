import numpy as np
import pytest

from mmsk._utils._splits import holdout_split


def split(y, groups=None, fraction=0.2, classifier=True, seed=0):
    train, held_out = holdout_split(
        y, fraction=fraction, groups=groups, classifier=classifier, random_state=seed
    )
    both = np.concatenate([train, held_out])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(y)))
    assert len(train)
    assert len(held_out)
    return train, held_out


def test_stratified():
    y = np.repeat([0, 1], [80, 20])
    _, held_out = split(y)
    np.testing.assert_array_equal(np.bincount(y[held_out]), [16, 4])


def test_seed_decides():
    y = np.repeat([0, 1], [80, 20])
    same = [split(y, seed=3)[1].tolist() for _ in range(2)]
    assert same[0] == same[1] != split(y, seed=4)[1].tolist()


def test_class_of_one_row_is_trained_on():
    y = np.r_[np.zeros(30, int), np.ones(30, int), 2]
    for seed in range(5):
        train, held_out = split(y, seed=seed)
        assert 60 in train
        np.testing.assert_array_equal(np.bincount(y[held_out]), [6, 6])


def test_more_classes_than_held_out_rows():
    assert len(split(np.repeat(np.arange(20), 2), fraction=0.1)[1]) == 4


def test_only_classes_of_one_row():
    assert len(split(np.arange(10))[1]) == 2


def test_numbers_and_several_outputs():
    assert len(split(np.random.rand(50), classifier=False)[1]) == 10
    assert len(split(np.random.rand(50, 3), classifier=False)[1]) == 10


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_no_side_is_empty(n, fraction):
    split(np.zeros(n), fraction=fraction, classifier=False)
    split(np.zeros(n, int), fraction=fraction)
    split(np.zeros(n), np.arange(n), fraction=fraction, classifier=False)
    split(np.zeros(n, int), np.arange(n), fraction=fraction)


@pytest.mark.parametrize("classifier", [True, False])
def test_groups_stay_together(classifier):
    rng = np.random.RandomState(0)
    groups = np.array(list("abcdefghij"))[rng.randint(10, size=200)]
    y = rng.randint(2, size=200)
    train, held_out = split(y, groups, classifier=classifier)
    assert not set(groups[train]) & set(groups[held_out])
    assert 0.1 <= len(held_out) / 200 <= 0.3
    if classifier:
        assert abs(y[held_out].mean() - y.mean()) < 0.15


def test_rare_class_with_groups():
    y, groups = np.r_[np.zeros(50, int), 1], np.arange(51) // 5
    train, held_out = split(y, groups)
    assert not set(groups[train]) & set(groups[held_out])


def test_unequal_groups():
    groups = np.repeat([0, 1, 2], [98, 1, 1])
    for seed in range(5):
        split(np.arange(100) % 2, groups, fraction=0.1, seed=seed)


def test_refuses_one_unit():
    with pytest.raises(ValueError, match=r"two groups, got 1.*early_stopping=False"):
        holdout_split(np.zeros(5), fraction=0.2, groups=np.zeros(5), classifier=False)
    with pytest.raises(ValueError, match="two samples, got 1"):
        holdout_split(np.zeros(1), fraction=0.2, classifier=False)
