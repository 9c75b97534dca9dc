from collections import Counter
from itertools import islice

import numpy as np
import pytest

from mmsk.ensemble._draws import dealt, drawn_rows, n_drawn


def hands(count, size, n, seed=0):
    stream = dealt(count, size, np.random.RandomState(seed))
    return [hand.tolist() for hand in islice(stream, n)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_each_modality_is_dealt_equally_often(count, size):
    size = min(size, count)
    dealt_hands = hands(count, size, count * 2)
    counts = Counter(each for hand in dealt_hands for each in hand)
    assert counts == dict.fromkeys(range(count), 2 * size)
    assert all(hand == sorted(set(hand)) for hand in dealt_hands)


def test_each_number_of_modalities_comes_equally_often():
    counts = Counter(len(hand) for hand in hands(4, None, 80))
    assert counts == dict.fromkeys((1, 2, 3, 4), 20)
    assert len({tuple(hand) for hand in hands(4, None, 300)}) == 15


def test_subsets_of_each_size_cover_all_modalities():
    for seed in range(10):
        alone = [hand for hand in hands(3, None, 9, seed=seed) if len(hand) == 1]
        assert sorted(alone) == [[0], [1], [2]]


def test_the_same_seed_deals_the_same():
    assert hands(5, None, 20) == hands(5, None, 30)[:20] != hands(5, None, 20, seed=1)


def test_how_many():
    assert [n_drawn(each, 5) for each in (None, 2, 5, 1.0, 0.5, 0.01)] == [
        *(5, 2, 5, 5, 2, 1)
    ]
    with pytest.raises(ValueError, match="max_modalities=6, but there are 5"):
        n_drawn(6, 5)


class TestRows:
    def rows(self, n, share, weights=None, *, bootstrap=True, seed=0):
        random = np.random.RandomState(seed)
        return drawn_rows(n, share, random, bootstrap=bootstrap, weights=weights)

    def test_with_replacement(self):
        times = self.rows(1000, 1.0)
        assert times.sum() == 1000
        assert (times == 0).mean() == pytest.approx(np.exp(-1), abs=0.03)
        assert self.rows(1000, 0.3).sum() == 300
        assert self.rows(1000, 7).sum() == 7
        assert self.rows(2, 0.1).sum() == 1

    def test_weights_are_chances(self):
        weights = np.repeat([0.0, 1.0, 3.0], 200)
        times = self.rows(600, 20000, weights).reshape(3, 200).sum(axis=1)
        assert times[0] == 0
        assert times[2] / times[1] == pytest.approx(3, rel=0.06)

    def test_without_replacement(self):
        times = self.rows(100, 0.4, bootstrap=False)
        assert sorted(times) == [0] * 60 + [1] * 40
        assert self.rows(5, 1.0, bootstrap=False).tolist() == [1] * 5
        weights = np.arange(1.0, 6.0)
        assert self.rows(5, 1.0, weights, bootstrap=False) is weights
        with pytest.raises(ValueError, match="max_samples=6, but there are 5"):
            self.rows(5, 6, bootstrap=False)
