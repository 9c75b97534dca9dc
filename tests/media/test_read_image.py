import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_image, read_image
from tests._corpus import encode, photo, scene


def test_files_are_not_decoded(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture at all")
    for cell in (tmp_path / "a.png", str(tmp_path / "a.png"), b"no picture at all"):
        assert read_image(cell) == b"no picture at all"
    assert read_image("a.png", root=tmp_path) == b"no picture at all"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_become_immutable(kind):
    content = read_image(kind(b"abc"))
    assert content == b"abc"
    assert type(content) is bytes


def test_bytes_go_before_path():
    assert read_image({"bytes": b"abc", "path": "no/such/file"}) == b"abc"


def test_array_is_the_same_object():
    array = np.zeros((2, 3))
    assert read_image(array) is array


def test_open_picture_gives_pixels():
    pixels = read_image(scene("L"))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, decode_image(scene("L")))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (np.zeros((2, 2), np.int32), "BAD_TYPE"),
        (np.zeros((2, 2, 5), np.uint8), "BAD_CHANNELS"),
        (np.zeros((2, 0), np.uint8), "ZERO_LENGTH"),
        (np.float64(3), "BAD_TYPE"),
        ((1, 2), "BAD_TYPE"),
        ({"bytes": "text", "path": None}, "BAD_TYPE"),
        ({"bytes": None, "path": 3}, "BAD_TYPE"),
        (bytearray(), "EMPTY_FILE"),
        ({"bytes": b"", "path": "a.png"}, "EMPTY_FILE"),
    ],
)
def test_refused(cell, code):
    with pytest.raises(MediaError) as caught:
        read_image(cell)
    assert caught.value.code == code


def test_refusal_of_a_type_names_it_and_what_would_do():
    with pytest.raises(MediaError, match=r"a complex, not a picture.*Pass a path"):
        read_image(3j)


def test_limit_of_bytes():
    data = encode(photo(), "JPEG")
    assert read_image(memoryview(data), max_bytes=len(data)) == data
    with pytest.raises(MediaError, match="FILE_TOO_LARGE"):
        read_image(memoryview(data), max_bytes=len(data) - 1)


def test_limit_of_pixels_of_an_open_picture():
    assert read_image(scene(), max_pixels=2400).shape == (40, 60, 3)
    with pytest.raises(MediaError, match="more than max_pixels=2399") as caught:
        read_image(scene(), max_pixels=2399)
    assert caught.value.code == "TOO_MANY_PIXELS"
