"""Hashes of what pictures show, and the search for those that are alike."""

import numpy as np
import pytest

from mmsk.model_selection._perceptual_hash import perceptual_hashes, similar_pairs


@pytest.fixture
def thumbnails():
    random = np.random.default_rng(0)
    return random.integers(0, 256, size=(5, 32, 32, 3), dtype=np.uint8)


def test_a_bit_says_that_a_coefficient_exceeds_the_median(thumbnails):
    grey = thumbnails[0] @ [0.299, 0.587, 0.114]
    place = np.arange(32)
    waves = np.cos(np.pi * (place + 0.5) * np.arange(16)[:, None] / 32) / 4
    waves[0] /= 2**0.5
    lowest = (waves @ grey @ waves.T).ravel()
    expected = lowest > np.median(lowest) + 4
    assert 50 < expected.sum() < 128
    hashed = np.unpackbits(perceptual_hashes(thumbnails[:1])).astype(bool)
    np.testing.assert_array_equal(hashed, expected)


def test_a_batch_has_the_hashes_of_its_pictures(thumbnails):
    hashes = perceptual_hashes(thumbnails)
    assert hashes.shape == (5, 32)
    for picture, expected in zip(thumbnails, hashes, strict=True):
        np.testing.assert_array_equal(perceptual_hashes(picture[None])[0], expected)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_has_no_structure(level):
    blank = np.full((1, 32, 32, 3), level, dtype=np.uint8)
    assert np.unpackbits(perceptual_hashes(blank)).sum() == (level > 0)


def some_hashes(n, n_alike):
    """Return random hashes, the last of which are others with a few bits changed."""
    random = np.random.default_rng(1)
    bits = random.integers(0, 2, size=(n, 256), dtype=np.uint8)
    for row in range(n - n_alike, n):
        bits[row] = bits[random.integers(n - n_alike)]
        changed = random.choice(256, size=random.integers(16), replace=False)
        bits[row, changed] ^= 1
    return bits


@pytest.mark.parametrize("n", [0, 1, 2, 512, 513, 1100])
@pytest.mark.parametrize("max_bits", [0, 8, 20])
def test_every_pair_within_the_distance_is_found_once(n, max_bits):
    bits = some_hashes(n, n // 2)
    signs = bits * 2.0 - 1
    distances = (256 - signs @ signs.T) / 2
    i, j = np.nonzero(np.triu(distances <= max_bits, k=1))
    expected = {(a, b, int(distances[a, b])) for a, b in zip(i, j, strict=True)}
    hashes = np.packbits(bits, axis=1)
    colours = np.zeros((n, 3), dtype=np.uint8)
    found = list(similar_pairs(hashes, colours, max_bits))
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert expected or n < 512


def test_other_colours_are_another_picture():
    hashes = np.packbits(np.repeat(some_hashes(1, 0), 3, axis=0), axis=1)
    colours = np.full((3, 4), 100, dtype=np.uint8)
    colours[1] += 4
    colours[2, 0] -= 9  # root mean square 4.5
    assert list(similar_pairs(hashes, colours, 0)) == [(0, 1, 0)]


def test_what_is_almost_blank_is_like_nothing():
    bits = np.zeros((4, 256), dtype=np.uint8)
    bits[:2, :8] = 1
    bits[2:, :9] = 1
    hashes, colours = np.packbits(bits, axis=1), np.zeros((4, 3), dtype=np.uint8)
    assert list(similar_pairs(hashes, colours, 8)) == [(2, 3, 0)]
