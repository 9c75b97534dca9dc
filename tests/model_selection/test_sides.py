"""Which rows a split parts."""

import itertools

import numpy as np
import pytest

from mmsk.model_selection._sides import Sides


@pytest.mark.parametrize("seed", range(10))
def test_a_split_parts_contents_if_it_trains_on_one_and_tests_on_the_other(seed):
    random = np.random.default_rng(seed)
    splits = []
    for _ in range(4):
        rows = random.permutation(12)
        splits.append((rows[:5], rows[5:8]))  # the others are on no side
    sides = Sides(12, splits)
    for _ in range(30):
        first, second = (random.choice(12, size=s) for s in random.integers(1, 4, 2))
        folds = tuple(
            number
            for number, (train, test) in enumerate(splits)
            if any(
                (a in train and b in test) or (b in train and a in test)
                for a, b in itertools.product(first, second)
            )
        )
        assert sides.part(first, second) == (bool(folds), folds)


def test_masks_are_splits_too():
    test = np.array([True, False, False])
    assert Sides(3, [(~test, test)]).part([0], [2]) == (True, (0,))


def test_groups_are_sides_where_there_is_no_split():
    sides = Sides(4, groups=["a", "a", "b", "b"])
    assert sides.part([0, 1], [0, 1]) == (False, ())
    assert sides.part([0], [1]) == (False, ())
    assert sides.part([0], [2]) == (True, ())
    assert sides.part([0, 2], [0, 2]) == (True, ())


def test_rows_are_sides_where_there_is_nothing_else():
    sides = Sides(3)
    assert sides.part([1], [1]) == (False, ())
    assert sides.part([0], [1]) == (True, ())
