import struct
import sys

import numpy as np
import pytest
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import animation, encode, photo, scene, with_alpha


def riff(kind, body):
    inner = b"WEBP" + kind + struct.pack("<L", len(body)) + body
    return b"RIFF" + struct.pack("<L", len(inner)) + inner


def vp8x(width, height):
    return riff(b"VP8X", struct.pack("<LHBHB", 0, *split(width), *split(height)))


def split(length):
    return (length - 1) & 0xFFFF, (length - 1) >> 16


@pytest.mark.parametrize(
    "data",
    [
        vp8x(7072, 7071),
        vp8x(1, 2**24),
        riff(b"VP8L", b"\x2f" + struct.pack("<L", 16383 | 16383 << 14)),
        riff(b"VP8 ", b"\0\0\0\x9d\1\x2a" + struct.pack("<HH", 16383, 3100)),
    ],
    ids=["extended", "tall", "lossless", "lossy"],
)
def test_canvas_is_judged_before_it_is_allocated(data):
    with pytest.raises(MediaError) as caught:
        decode_image(data, max_pixels=2**24 - 1)
    assert caught.value.code == "TOO_MANY_PIXELS"


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"exif": b"II*\0" + bytes(20)}], ids=str
)
@pytest.mark.parametrize("size", [(1, 1), (300, 200), (200, 300)])
def test_size_of_the_header_is_that_of_the_picture(options, size):
    data = encode(photo().resize(size), "WEBP", **options)
    assert decode_image(data).shape == (size[1], size[0], 3)
    n_pixels = size[0] * size[1]
    with pytest.raises(MediaError, match=f"{size[0]} x {size[1]} pixels"):
        decode_image(data, max_pixels=n_pixels - 1)
    decode_image(data, max_pixels=n_pixels)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode(scene(), "WEBP")[:28], "TRUNCATED"),
        (riff(b"VP8X", b"\0\0"), "TRUNCATED"),
        (riff(b"XXXX", bytes(20)), "CORRUPT"),
        (vp8x(3, 3), "CORRUPT"),
        (animation("WEBP")[:-20], "CORRUPT"),
    ],
)
def test_broken(data, code):
    with pytest.raises(MediaError) as caught:
        decode_image(data)
    assert caught.value.code == code


def test_pixels_are_those_of_pillow(tmp_path):
    with_alpha().save(tmp_path / "a.webp", quality=60)
    photo().save(tmp_path / "b.webp", quality=60)
    for name in ("a.webp", "b.webp"):
        with Image.open(tmp_path / name) as picture:
            white = Image.new("RGBA", picture.size, "white")
            expected = Image.alpha_composite(white, picture.convert("RGBA"))
        difference = decode_image(tmp_path / name) - np.asarray(
            expected.convert("RGB")
        ).astype(int)
        assert abs(difference).max() <= 1


def test_pillow_without_webp(monkeypatch):
    data = encode(scene(), "WEBP")
    monkeypatch.setitem(sys.modules, "PIL._webp", None)
    with pytest.raises(MediaError, match="built without WebP") as caught:
        decode_image(data)
    assert caught.value.code == "FORMAT_NOT_ALLOWED"
