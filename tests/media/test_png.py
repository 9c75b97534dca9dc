import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import (
    chunk,
    encode,
    flip,
    interlaced_png,
    packed_zeros,
    photo,
    png,
    scene,
)

RNG = np.random.default_rng(0)
CONTENTS = {
    "zeros": np.zeros((70, 50, 3), np.uint8),
    "constant": np.full((70, 50, 3), 9, np.uint8),
    "rows": np.arange(70 * 50 * 3).reshape(70, 50, 3).astype(np.uint8),
    "noise": RNG.integers(0, 256, (70, 50, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 50), (70, 3), (70, 50)])
def test_whole_and_short_data_are_told_apart(content, height, width):
    pixels = CONTENTS[content][:height, :width]
    picture = Image.fromarray(pixels)
    np.testing.assert_array_equal(decode_image(interlaced_png(picture)), pixels)
    rows = [b"\0" + row.tobytes() for row in pixels]
    for level in (0, 1, 9):
        whole = zlib.compress(b"".join(rows), level)
        image = decode_image(png(width, height, whole, colour=2))
        np.testing.assert_array_equal(image, pixels)
        for n_rows in {0, height // 2, height - 1}:
            packed = zlib.compress(b"".join(rows[:n_rows]), level)
            with pytest.raises(MediaError) as caught:
                decode_image(png(width, height, packed, colour=2))
            assert caught.value.code == "TRUNCATED"


@pytest.mark.parametrize("size", [1, 7, 8192])
def test_data_may_be_cut_into_chunks(size):
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in CONTENTS["noise"]))
    cut = [packed[i : i + size] for i in range(0, len(packed), size)]
    data = png(50, 70, b"", *(chunk(b"IDAT", part) for part in cut), colour=2)
    np.testing.assert_array_equal(decode_image(data), CONTENTS["noise"])


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_transparent_grey_of_any_depth(depth):
    # one row of two pixels: the transparent value 1, and 0
    bits = "1".zfill(depth) + "0".zfill(depth)
    row = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2)
    packed = zlib.compress(b"\0" + row.to_bytes(-(-len(bits) // 8), "big"))
    key = chunk(b"tRNS", struct.pack(">H", 1))
    image = decode_image(png(2, 1, packed, key, depth=depth))
    assert image[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_colour(depth):
    colours = [(200, 100, 50), (1, 2, 3)]
    samples = [value * (257 if depth == 16 else 1) for c in colours for value in c]
    code = f">{len(samples)}{'H' if depth == 16 else 'B'}"
    packed = zlib.compress(b"\0" + struct.pack(code, *samples))
    key = chunk(b"tRNS", struct.pack(">3H", *samples[:3]))
    image = decode_image(png(2, 1, packed, key, depth=depth, colour=2))
    assert image[0].tolist() == [[255, 255, 255], [1, 2, 3]]


def test_damage_matters_where_the_picture_is():
    text = chunk(b"tEXt", b"Title\0some words")
    data = encode(scene(), "PNG")
    position = data.index(b"IDAT") - 4
    key = chunk(b"tRNS", bytes(6))
    noted = data[:position] + text + key + data[position:]
    damaged_note = flip(noted, position + 12, 3)
    np.testing.assert_array_equal(decode_image(damaged_note), decode_image(data))
    for kind in (b"IHDR", b"tRNS", b"IDAT"):
        damaged = flip(noted, noted.index(kind) + 7, 0)
        with pytest.raises(MediaError, match=f"PNG whose {kind.decode()}") as caught:
            decode_image(damaged)
        assert caught.value.code == "CORRUPT"


@pytest.mark.parametrize(
    "kind_and_head",
    [(b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0en\0Comment\0")],
)
def test_texts_may_expand_to_16_mib_together(kind_and_head):
    kind, head = kind_and_head
    note = chunk(kind, head + packed_zeros(2 * 2**20))
    dot = zlib.compress(b"\0\0")
    assert decode_image(png(1, 1, dot, *[note] * 8)).shape == (1, 1, 3)
    with pytest.raises(MediaError, match="expand to more than") as caught:
        decode_image(png(1, 1, dot, *[note] * 9))
    assert caught.value.code == "CORRUPT"


def test_notes_that_are_no_bombs_are_ignored():
    notes = [
        chunk(b"zTXt", b"broken\0\0no stream"),
        chunk(b"zTXt", b""),
        chunk(b"iTXt", b"Title\0\0\0\0\0plain words"),
        chunk(b"iTXt", b""),
        chunk(b"acTL", b"an animation of nonsense"),
        chunk(b"eXIf", b"MM\0"),
    ]
    image = decode_image(png(1, 1, zlib.compress(b"\0\x07"), *notes))
    assert image.tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") * 2, "start with its header"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"short") * 2, "broken header"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"1234", b"") * 2, "chunk named b'1234'"),
        (png(1, 1, b"abcdefgh", colour=5), "broken header"),
        (png(1, 1, b"abcdefgh"), "damaged PNG"),
        (png(1, 1, b"abcdefgh", depth=3), "broken header"),
        (png(1, 1, b"", chunk(b"tRNS", b"\0"), colour=0, depth=2), "transparency"),
    ],
)
def test_corrupt(data, words):
    with pytest.raises(MediaError, match=words) as caught:
        decode_image(data)
    assert caught.value.code == "CORRUPT"


def test_every_beginning_of_a_file_is_refused():
    data = encode(scene(), "PNG")
    for end in range(8, len(data), 3):
        with pytest.raises(MediaError) as caught:
            decode_image(data[:end])
        assert caught.value.code == "TRUNCATED"


def test_pixels_are_those_of_pillow():
    for mode in ("1", "L", "RGB"):
        data = encode(photo().convert(mode), "PNG")
        with Image.open(io.BytesIO(data)) as expected:
            np.testing.assert_array_equal(
                decode_image(data), np.asarray(expected.convert("RGB"))
            )


@pytest.mark.parametrize(("depth", "colour"), [(1, 3), (16, 6)])
def test_too_little_data_is_noticed_before_memory_is_taken(depth, colour):
    # 7000 rows of at least 876 bytes; deflate shrinks to 1/1032 at best
    palette = chunk(b"PLTE", bytes(3))
    data = png(7000, 7000, bytes(5900), palette, depth=depth, colour=colour)
    with pytest.raises(MediaError, match="too little picture data") as caught:
        decode_image(data)
    assert caught.value.code == "TRUNCATED"


def test_data_that_expands_the_most_is_enough():
    data = png(1000, 900, packed_zeros(1001 * 900))
    assert not decode_image(data).any()
