import io
import struct

import numpy as np
import pytest
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import encode, photo, scene


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def test_notes_padding_and_garbage_between_segments_do_not_matter():
    data = encode(scene(), "JPEG", icc_profile=b"profile" * 20_000, comment=b"hello")
    noisy = (
        data[:2]
        + segment(0xE1, b"Exif\0\0")  # an EXIF block of nothing
        + segment(0xE2, b"\xff\xda\xff\xd9" * 500)  # markers inside a note
        + b"\xff\xff\xff"  # padding
        + segment(0xFE, b"text")
        + b"garbage\xff\x00"
        + data[2:]
    )
    np.testing.assert_array_equal(decode_image(noisy), decode_image(data))


def test_pixels_are_those_of_pillow():
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}):
        picture = photo().crop((0, 0, 101, 67))
        data = encode(picture, "JPEG", **options)
        with Image.open(io.BytesIO(data)) as expected:
            np.testing.assert_array_equal(decode_image(data), np.asarray(expected))


def test_first_picture_of_an_mpo():
    frames = [Image.new("RGB", (60, 40))]
    data = encode(scene(), "MPO", save_all=True, append_images=frames)
    assert data.count(b"\xff\xd8\xff") == 2
    np.testing.assert_array_equal(
        decode_image(data), decode_image(encode(scene(), "JPEG"))
    )


def test_a_picture_may_not_take_a_pass_too_often():
    data = encode(photo(), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    scan = data[start : data.index(b"\xff\xda", start + 2)]
    assert decode_image(data[:start] + scan * 50 + data[start:]).shape == (240, 320, 3)
    with pytest.raises(MediaError, match="more than 100 scans") as caught:
        decode_image(data[:start] + scan * 100 + data[start:])
    assert caught.value.code == "CORRUPT"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xd8\xff\xd9", "without picture data"),
        (b"\xff\xd8" + segment(0xDA, b"\1\1\0\0\x3f\0"), "without a frame header"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\0\1"), "broken frame header"),
        (b"\xff\xd8\xff\xe0\0\1", "segment of no length"),
        (
            b"\xff\xd8" + segment(0xC0, b"\x08\0\0\0\x09\3" + b"\1\x11\0" * 3),
            "9 x 0 pixels",
        ),
    ],
)
def test_corrupt(data, words):
    with pytest.raises(MediaError, match=words) as caught:
        decode_image(data)
    assert caught.value.code == "CORRUPT"


def test_every_beginning_of_a_file_is_refused():
    data = encode(scene(), "JPEG")
    for end in range(3, len(data), 7):
        with pytest.raises(MediaError) as caught:
            decode_image(data[:end])
        assert caught.value.code == "TRUNCATED"


def test_a_missing_end_is_noticed_whatever_the_data():
    # one in 30 of these fills its last byte, and then decoders ask for no more
    rng = np.random.default_rng(0)
    for quality in range(5, 96):
        noise = rng.integers(0, 256, (17, 23, 3), dtype=np.uint8)
        data = encode(Image.fromarray(noise), "JPEG", quality=quality)
        for cut in (1, 2):
            with pytest.raises(MediaError) as caught:
                decode_image(data[:-cut])
            assert caught.value.code == "TRUNCATED"
