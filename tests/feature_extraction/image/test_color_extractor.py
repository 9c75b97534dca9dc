import colorsys

import numpy as np
import pytest
from scipy.stats import moment

from mmsk.feature_extraction.image import ColorExtractor, PixelExtractor
from mmsk.feature_extraction.image._color import (
    color_histogram,
    color_moments,
    rgb_to_hsv,
)
from tests.feature_extraction._samples import noise, table


def some(n=6, size=12):
    return np.stack(noise(n, size))


def test_hsv_is_pythons():
    colors = np.concatenate([some().reshape(-1, 3), np.eye(3, dtype=np.uint8) * 255])
    colors = np.concatenate([colors, [[0, 0, 0], [255, 255, 255], [7, 7, 7]]])
    ours = rgb_to_hsv(colors.astype(np.uint8)).astype(int)
    exact = np.array([colorsys.rgb_to_hsv(*(color / 255)) for color in colors])
    away = np.abs(ours[:, 0] - exact[:, 0] * 256)
    assert np.minimum(away, 256 - away).max() <= 1
    assert np.abs(ours[:, 1] - exact[:, 1] * 255).max() <= 1
    np.testing.assert_array_equal(ours[:, 2], colors.max(axis=1))


def test_moments_are_scipys():
    pictures = some(size=13)  # cells differ in size
    ours = color_moments(pictures, 3).reshape(6, 3, 3, 3, 3)
    cell = pictures[:, 4:8, 8:13].reshape(6, -1, 3) / 255
    np.testing.assert_allclose(ours[:, 1, 2, :, 0], cell.mean(1), rtol=1e-6)
    np.testing.assert_allclose(ours[:, 1, 2, :, 1], cell.std(1), rtol=1e-6)
    third = np.cbrt(moment(cell, 3, axis=1))
    np.testing.assert_allclose(ours[:, 1, 2, :, 2], third, rtol=1e-5)


def test_rows_are_histogram_then_moments():
    X = table(*[[picture] for picture in noise(4, 96)])
    pictures = some(4, 96)
    rows = ColorExtractor().fit_transform(X)
    expected = [color_histogram(rgb_to_hsv(pictures), 4), color_moments(pictures, 2)]
    np.testing.assert_array_equal(rows, np.hstack([*expected, np.ones((4, 1))]))
    rgb = ColorExtractor(color_space="rgb", grid=0, bins=3).fit_transform(X)
    np.testing.assert_array_equal(rgb[:, :-1], color_histogram(pictures, 3))


def test_names_say_what_and_where():
    extractor = ColorExtractor(bins=2, grid=2).fit(table([some()[0]]))
    names = extractor.get_feature_names_out()
    assert len(set(names)) == len(names) == 8 + 36 + 1
    assert names[1] == "x0_color_h0s0v1"
    assert names[8:12].tolist() == [
        "x0_mean_red_cell_r0c0",
        "x0_sd_red_cell_r0c0",
        "x0_skew_red_cell_r0c0",
        "x0_mean_green_cell_r0c0",
    ]


def test_the_place_of_a_colour_is_seen():
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[:4, 4:, 2] = 255
    extractor = ColorExtractor(size=8, bins=0).fit(table([picture]))
    row = extractor.transform(table([picture]))[0]
    names = extractor.get_feature_names_out()
    assert [n for n, v in zip(names, row, strict=True) if v == 1] == [
        "x0_mean_blue_cell_r0c1",
        "modality_present",
    ]


@pytest.mark.parametrize("n", [1, 5])
def test_a_picture_does_not_depend_on_its_batch(n):
    pictures = some(n, 20)
    for compute in (lambda x: color_moments(x, 3), rgb_to_hsv):
        one_by_one = np.concatenate([compute(picture[None]) for picture in pictures])
        np.testing.assert_array_equal(compute(pictures), one_by_one)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"bins": 0, "grid": 0}, "leave no feature"),
        ({"grid": 9, "size": 8}, "grid=9 is finer than a picture of size=8"),
        ({"color_space": "lab"}, "The 'color_space' parameter of ColorExtractor"),
        ({"bins": -1}, "The 'bins' parameter of ColorExtractor"),
    ],
)
def test_parameters_are_checked(params, words):
    with pytest.raises(ValueError, match=words):
        ColorExtractor(**params).fit(table([some()[0]]))


# --- pixels ---------------------------------------------------------------------------


def test_pixels_are_those_of_the_copy():
    picture = some(1, 4)[0]
    row = PixelExtractor(size=4).fit_transform(table([picture]))[0]
    np.testing.assert_allclose(row[:-1], picture.ravel() / 255, rtol=1e-6)
    grey = PixelExtractor(size=4, grey=True).fit_transform(table([picture]))[0]
    luma = picture @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(grey[:-1], luma.ravel(), rtol=1e-6)


def test_shrinking_is_averaging():
    stripes = np.zeros((32, 32), dtype=np.uint8)
    stripes[:, ::2] = 200
    row = PixelExtractor(size=4, grey=True).fit_transform(table([stripes]))[0]
    np.testing.assert_allclose(row[:-1], 100 / 255, atol=0.05)


def test_pixels_have_names():
    extractor = PixelExtractor(size=2).fit(table([some()[0]]))
    names = extractor.get_feature_names_out()
    assert names[[0, 5, 11]].tolist() == [
        "x0_pixel_r0c0_red",
        "x0_pixel_r0c1_blue",
        "x0_pixel_r1c1_blue",
    ]
    assert len(names) == 13
