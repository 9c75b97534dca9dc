import numpy as np
import pytest
from skimage.transform import resize

from mmsk.media import resize_image
from tests._corpus import photo

IMAGE = np.asarray(photo())  # 240 x 320


@pytest.mark.parametrize(
    ("size", "shape"),
    [(16, (16, 16, 3)), ((7, 30), (7, 30, 3)), (np.array([3, 4]), (3, 4, 3))],
)
def test_size_is_height_and_width(size, shape):
    resized = resize_image(IMAGE, size)
    assert resized.shape == shape
    assert resized.dtype == np.uint8
    assert resized.flags.c_contiguous


def test_box_is_the_mean():
    expected = IMAGE.reshape(24, 10, 32, 10, 3).mean(axis=(1, 3))
    resized = resize_image(IMAGE, (24, 32), resample="box")
    assert abs(resized - expected).max() <= 1


def test_nearest_takes_pixels():
    expected = IMAGE[5::10, 5::10]
    resized = resize_image(IMAGE, (24, 32), resample="nearest")
    np.testing.assert_array_equal(resized, expected)


def test_default_smooths_before_it_shrinks():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = resize_image(stripes, 16)[:, 2:-2].astype(int)
    assert abs(shrunk - 127.5).max() <= 8  # without smoothing: 0 or 255


def test_enlarging_agrees_with_another_library():
    small = IMAGE[:30, :40]
    for name, order in [("bilinear", 1), ("bicubic", 3)]:
        expected = 255 * resize(small, (90, 120), order=order, mode="edge")
        resized = resize_image(small, (90, 120), resample=name)
        difference = abs(resized - expected)[9:-9, 9:-9]
        assert difference.mean() < (1 if order == 1 else 6)


def test_same_size_is_a_copy():
    resized = resize_image(IMAGE, (240, 320))
    np.testing.assert_array_equal(resized, IMAGE)
    assert resized.flags.writeable
    assert not np.shares_memory(resized, IMAGE)


def test_any_memory_layout():
    expected = resize_image(np.ascontiguousarray(IMAGE[::-1, ::2]), 20)
    np.testing.assert_array_equal(resize_image(IMAGE[::-1, ::2], 20), expected)


@pytest.mark.parametrize("size", [0, (3, -1), 2.5, "16", (1, 2, 3)])
def test_sizes_out_of_range(size):
    with pytest.raises(ValueError, match=r"A size is an int of at least 1"):
        resize_image(IMAGE, size)


def test_unknown_filter():
    with pytest.raises(ValueError, match=r"resample must be one of .* 'cubic'"):
        resize_image(IMAGE, 16, resample="cubic")


@pytest.mark.parametrize(
    "image", [IMAGE[..., 0], IMAGE / 255, IMAGE[..., [0, 1, 2, 0]], IMAGE.astype(int)]
)
def test_other_arrays(image):
    with pytest.raises(ValueError, match=r"uint8 array of shape \(H, W, 3\), got"):
        resize_image(image, 16)
