import struct

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import GREYS, encode, quarters_of, scene


def bmp(width, height, pixels, *, bits=8, compression=0, colours=2):
    palette = bytes([0, 0, 255, 0, 255, 0, 0, 0])[: 4 * colours]  # red, blue
    offset = 54 + len(palette)
    head = struct.pack("<2sLLL", b"BM", offset + len(pixels), 0, offset)
    size = struct.pack("<LllHHL", 40, width, height, 1, bits, compression)
    return head + size + struct.pack("<LLLLL", 0, 0, 0, colours, 0) + palette + pixels


RUNS = b"\x03\x00\x01\x01\x00\x00" + b"\x04\x01\x00\x00" + b"\x00\x01"


def test_run_lengths():
    image = decode_image(bmp(4, 2, RUNS, compression=1))
    red, blue = [255, 0, 0], [0, 0, 255]
    assert image.tolist() == [[blue] * 4, [red, red, red, blue]]  # bottom row first


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_modes(mode):
    picture = scene().quantize(8) if mode == "P" else scene(mode)
    image = decode_image(encode(picture, "BMP"))
    np.testing.assert_array_equal(image, np.asarray(picture.convert("RGB")))
    if mode == "L":
        np.testing.assert_array_equal(quarters_of(image), GREYS)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bmp(50_000, 50_000, b"", bits=24, colours=0), "TOO_MANY_PIXELS"),
        (bmp(4, 2, bytes(7)), "TRUNCATED"),
        (bmp(4, 2, RUNS[:4], compression=1), "TRUNCATED"),
        (bmp(4, 2, b"\x00\x01", compression=1), "CORRUPT"),
        (bmp(4, 2, bytes(8), compression=5), "CORRUPT"),
        (bmp(4, 0, b"1234"), "CORRUPT"),
        (encode(scene(), "BMP")[:40], "TRUNCATED"),
    ],
)
def test_broken(data, code):
    with pytest.raises(MediaError) as caught:
        decode_image(data)
    assert caught.value.code == code
