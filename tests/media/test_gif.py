import struct

import numpy as np
import pytest
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import GREEN, WHITE, encode, scene

# a frame of one pixel of colour 1, from a palette of black and green
PALETTE = bytes(3) + bytes(GREEN)
PIXELS = b"\x02\x02\x4c\x01\x00"


def gif(*blocks, screen=(1, 1), place=(0, 0, 1, 1)):
    head = struct.pack("<6sHHBBB", b"GIF89a", *screen, 0x80, 0, 0) + PALETTE
    frame = struct.pack("<BHHHHB", 0x2C, *place, 0) + PIXELS
    return head + b"".join(blocks) + frame + b";"


def control(flags, index):
    return bytes([0x21, 0xF9, 4, flags, 0, 0, index, 0])


def test_one_pixel():
    assert decode_image(gif()).tolist() == [[list(GREEN)]]


@pytest.mark.parametrize("disposal", range(8))
def test_transparency_and_disposal(disposal):
    flags = disposal << 2
    assert decode_image(gif(control(flags, 1))).tolist() == [[list(GREEN)]]
    assert decode_image(gif(control(flags | 1, 1))).tolist() == [[list(WHITE)]]
    assert decode_image(gif(control(flags | 1, 0))).tolist() == [[list(GREEN)]]


def test_notes_before_the_frame_are_skipped():
    comment = b"\x21\xfe\x05hello\x03;,!\x00"
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    image = decode_image(gif(loop, comment, b"\0\0", control(0, 0)))
    assert image.tolist() == [[list(GREEN)]]


def test_canvas_grows_to_hold_the_frame():
    image = decode_image(gif(screen=(2, 1), place=(2, 1, 1, 1)))
    assert image.shape == (2, 3, 3)
    assert tuple(image[1, 2]) == GREEN
    assert image[..., 1].sum() == 255


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gif(place=(0, 0, 0, 1)), "CORRUPT"),
        (gif(place=(65535, 0, 1, 1)), "CORRUPT"),
        (gif(screen=(9000, 9000)), "TOO_MANY_PIXELS"),
        (gif(place=(0, 0, 9000, 9000)), "TOO_MANY_PIXELS"),
        (gif(control(8, 0), place=(8000, 8000, 1, 1)), "TOO_MANY_PIXELS"),
        (gif(place=(0, 0, 2, 1)), "TRUNCATED"),  # the stream ends a pixel early
        (gif()[:10], "TRUNCATED"),
        (gif()[:-6], "TRUNCATED"),
        (gif(b"\x21\xfe\xff"), "TRUNCATED"),
    ],
)
def test_refused(data, code):
    with pytest.raises(MediaError) as caught:
        decode_image(data)
    assert caught.value.code == code


def test_interlaced_and_local_palette():
    picture = scene().quantize(8)
    for options in ({"interlace": 0}, {"interlace": 1}):
        data = encode(picture, "GIF", **options)
        np.testing.assert_array_equal(decode_image(data), np.asarray(scene()))
    frames = [scene().quantize(3), Image.new("P", (60, 40))]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(
        decode_image(data), np.asarray(frames[0].convert("RGB"))
    )
