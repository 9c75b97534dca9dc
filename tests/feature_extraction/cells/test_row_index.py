import hashlib

import numpy as np
import pytest

from mmsk.feature_extraction._cells._row_index import RowIndex


def keys_of(numbers):
    return [hashlib.sha256(b"%d" % number).digest() for number in numbers]


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 5000])
def test_every_key_has_the_number_it_came_with_first(count):
    index, keys = RowIndex(), keys_of(range(count))
    for number, key in enumerate(keys):
        index.add(key, number)
    for key in keys[::7]:
        index.add(key, -1)
    assert index.find(keys_of(range(count + 10))) == dict(
        zip(keys, range(count), strict=True)
    )
    assert len(index) < count + 1024


def test_a_dictionary_says_the_same():
    rng = np.random.default_rng(0)
    index, expected = RowIndex(), {}
    for number in range(20_000):
        (key,) = keys_of([rng.integers(4000)])
        index.add(key, number)
        expected.setdefault(key, number)
        if number % 500 == 0:
            asked = keys_of(rng.integers(8000, size=50))
            assert index.find(asked) == {
                key: expected[key] for key in asked if key in expected
            }
    assert index.find(keys_of(range(8000))) == expected


def test_the_first_keys_stay_at_the_limit():
    index, keys = RowIndex(1500), keys_of(range(3000))
    for number, key in enumerate(keys):
        index.add(key, number)
    assert len(index) == 1500
    assert index.find(keys) == dict(zip(keys[:1500], range(1500), strict=True))
    held = [index._words, index._numbers]
    assert sum(array.nbytes for array in held) == 24 * 1500
    assert index._new == {}


def test_keys_that_share_half_of_what_is_kept_are_told_apart():
    one, two = b"a" * 8 + b"b" * 24, b"a" * 8 + b"c" * 24
    index = RowIndex(2)
    index.add(one, 1)
    assert index.find([one, two]) == {one: 1}
    index.add(two, 2)  # now they stand in arrays
    assert index.find([one]) in ({one: 1}, {})
    assert index.find([two]) in ({two: 2}, {})
