import numpy as np
import pytest
from skimage.feature import hog as reference

from mmsk.feature_extraction.image._color import color_histogram
from mmsk.feature_extraction.image._hog import hog

SETTINGS = [
    (9, 8, 2, (64, 64)),
    (8, 8, 2, (64, 64)),  # 45 degrees is the edge of a bin
    (6, 5, 3, (47, 66)),  # pixels are left over
    (12, 16, 1, (64, 64)),
    (1, 8, 2, (16, 16)),
    (180, 8, 2, (24, 16)),
]


def greys(height, width):
    """Return noise, a slope, nothing, an edge and a disc."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    disc = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (height / 3) ** 2
    return np.stack(
        [
            rng.integers(0, 256, (height, width)),
            (rows + columns) % 256,
            np.zeros((height, width), dtype=int),
            np.where(columns < width // 2, 7, 250),
            np.where(disc, 200, 3),
        ]
    ).astype(np.uint8)


@pytest.mark.parametrize(("orientations", "cell", "block", "shape"), SETTINGS)
def test_grey_pictures_agree_with_scikit_image(orientations, cell, block, shape):
    grey = greys(*shape)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    expected = [
        reference(picture, orientations, (cell, cell), (block, block))
        for picture in grey
    ]
    ours = hog(rgb, orientations, cell, block)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("orientations", "cell", "block", "shape"), SETTINGS)
def test_colour_pictures_agree_with_scikit_image(orientations, cell, block, shape):
    pictures = np.random.default_rng(1).integers(0, 256, (4, *shape, 3), dtype=np.uint8)
    expected = [
        reference(picture, orientations, (cell, cell), (block, block), channel_axis=-1)
        for picture in pictures
    ]
    ours = hog(pictures, orientations, cell, block)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


def test_an_edge_falls_into_the_bin_of_its_direction():
    picture = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    picture[:, :, 4:] = 100  # the grey level changes along the rows: 0 degrees
    features = hog(picture, 9, 8, 1)
    # one value alone: 1, clipped to 0.2, and normalised to 1 again
    np.testing.assert_allclose(features, [[1] + [0] * 8], atol=1e-6)
    turned = hog(picture.swapaxes(1, 2), 9, 8, 1)
    assert turned.argmax() == 4  # 80 to 100 degrees


def test_a_blank_picture_has_no_edges():
    assert not hog(np.full((1, 16, 16, 3), 77, dtype=np.uint8), 9, 8, 2).any()


@pytest.mark.parametrize("n", [1, 3, 17])
def test_a_picture_does_not_depend_on_its_batch(n):
    pictures = np.random.default_rng(2).integers(0, 256, (n, 48, 40, 3), dtype=np.uint8)
    for compute in (lambda x: hog(x, 9, 8, 2), lambda x: color_histogram(x, 4)):
        one_by_one = np.vstack([compute(picture[None]) for picture in pictures])
        np.testing.assert_array_equal(compute(pictures), one_by_one)


def test_colours_are_counted_as_numpy_counts_them():
    pictures = np.random.default_rng(3).integers(0, 256, (3, 10, 12, 3), dtype=np.uint8)
    for bins in (1, 3, 4, 7):
        edges = [np.ceil(np.arange(bins + 1) * 256 / bins)] * 3
        expected = [
            np.histogramdd(picture.reshape(-1, 3), edges)[0].ravel() / 120
            for picture in pictures
        ]
        np.testing.assert_allclose(color_histogram(pictures, bins), expected, rtol=1e-6)


def test_a_colour_has_its_place():
    picture = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    picture[0, 0] = (255, 0, 64)
    shares = color_histogram(picture, 4)[0]
    assert (shares[0], shares[(3 * 4 + 0) * 4 + 1]) == (0.5, 0.5)
    assert shares.sum() == 1
