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


def ends_of(data):
    """Return where the scan of a file starts and ends."""
    start = data.index(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big"), len(data) - 2


KINDS = {
    "plain": {},
    "all colours": {"subsampling": 0, "quality": 95},
    "restarts": {"restart_marker_blocks": 5},
    "own tables": {"optimize": True},
}


@pytest.mark.parametrize("target", [None, 20])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_what_was_lost_before_the_end_is_not_made_up(options, mode, target):
    picture = photo().crop((0, 0, 101, 67)).convert(mode)
    data = encode(picture, "JPEG", **options)
    start, end = ends_of(data)
    for part in (0.0, 0.1, 0.5, 0.9):
        cut = start + int(part * (end - start))
        cut -= data[cut - 1] == 0xFF
        closed_early = data[:cut] + data[end:]
        broken = [closed_early, closed_early + b"\0garbage", closed_early + data]
        if "restart_marker_blocks" not in options:  # from the next one on all is well
            broken.append(data[:cut] + data[cut + (end - start) // 20 :])
        for content in broken:
            with pytest.raises(MediaError) as caught:
                decode_image(content, target_size=target)
            assert caught.value.code == "TRUNCATED"


def test_a_header_may_not_claim_more_rows():
    data = encode(photo(), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    more = data[:place] + struct.pack(">H", 240 + 16) + data[place + 2 :]
    with pytest.raises(MediaError, match="truncated JPEG"):
        decode_image(more)


def test_a_whole_file_is_whole_whatever_its_last_bits():
    # a decoder reads ahead of what it needs, and must not lack it
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = rng.integers(1, 40, 2)
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).convert(["RGB", "L"][rng.integers(2)])
        options = {"quality": int(rng.integers(1, 96)), "subsampling": 2}
        if rng.integers(2):
            options["restart_marker_blocks"] = 1
        data = encode(picture, "JPEG", **options)
        with Image.open(io.BytesIO(data)) as expected:
            expected = np.asarray(expected.convert("RGB"))
        np.testing.assert_array_equal(decode_image(data), expected)
