import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import encode, ramp, scene

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (37, 53), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)


def write(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def with_field(tag, value):
    """Return the scene as a TIFF with a field set to one number of 16 bits."""
    data = bytearray(encode(scene(), "TIFF"))
    (where,) = struct.unpack_from("<L", data, 4)
    (n_fields,) = struct.unpack_from("<H", data, where)
    for entry in range(where + 2, where + 2 + 12 * n_fields, 12):
        if struct.unpack_from("<H", data, entry) == (tag,):
            struct.pack_into("<HLHH", data, entry + 2, 3, 1, value, 0)
            return bytes(data)
    raise AssertionError(f"field {tag} is not there")


@pytest.mark.parametrize("tile", [None, (16, 16), (32, 48)])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bigtiff", [False, True])
def test_layouts(tile, order, bigtiff):
    options = {"tile": tile, "byteorder": order, "bigtiff": bigtiff}
    grey, deep = GREY[..., None].repeat(3, axis=2), GREY.astype(np.uint16) * 257
    for rows in (None, 10):
        if tile is None and rows:
            options["rowsperstrip"] = rows
        data = write(GREY, photometric="minisblack", **options)
        np.testing.assert_array_equal(decode_image(data), grey)
        data = write(255 - GREY, photometric="miniswhite", **options)
        np.testing.assert_array_equal(decode_image(data), grey)
        data = write(deep, photometric="minisblack", **options)
        np.testing.assert_array_equal(decode_image(data), grey)
        data = write(COLOUR, photometric="rgb", **options)
        np.testing.assert_array_equal(decode_image(data), COLOUR)
        planes = np.moveaxis(COLOUR, -1, 0)
        data = write(planes, photometric="rgb", planarconfig="separate", **options)
        np.testing.assert_array_equal(decode_image(data), COLOUR)


def test_first_page():
    data = write(np.stack([GREY, 255 - GREY]), photometric="minisblack")
    np.testing.assert_array_equal(decode_image(data)[..., 0], GREY)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_every_beginning_of_a_file_is_refused(compression):
    data = encode(scene(), "TIFF", compression=compression)
    for end in itertools.chain(range(4, 60), range(60, len(data), 97)):
        with pytest.raises(MediaError) as caught:
            decode_image(data[:end])
        assert caught.value.code == "TRUNCATED"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            write(
                np.moveaxis(COLOUR, -1, 0).astype(np.uint16),
                photometric="rgb",
                planarconfig="separate",
            ),
            "separate planes",
        ),
        (write(GREY.astype(np.uint16), photometric="miniswhite"), "0 is white"),
        (write(GREY.astype(np.int8), photometric="minisblack"), "signed"),
        (with_field(259, 50001), "compression 50001"),  # WebP
        *(
            (write(pixels, photometric=kind), "pixels that Pillow does not know")
            for pixels, kind in [
                (GREY.astype(np.float64), "minisblack"),
                (GREY.astype(np.float16), "minisblack"),
                (COLOUR.astype(np.float32), "rgb"),
                (COLOUR.astype(np.uint32), "rgb"),
            ]
        ),
    ],
)
def test_kinds_that_would_be_misread(data, words):
    with pytest.raises(MediaError, match=words) as caught:
        decode_image(data)
    assert caught.value.code == "FORMAT_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("tag", "value", "code"),
    [
        (256, 0, "CORRUPT"),  # width
        (256, 65535, "TRUNCATED"),
        (257, 41, "CORRUPT"),  # height: one row, and so one strip, more
        (259, 8, "CORRUPT"),  # compression: deflate that is none
        (262, 99, "FORMAT_NOT_ALLOWED"),  # a colour space that does not exist
        (273, 65535, "TRUNCATED"),  # the strip lies out of the file
        (262, 0, "FORMAT_NOT_ALLOWED"),  # three samples of grey
        (277, 7, "TRUNCATED"),  # samples
        (278, 1, "CORRUPT"),  # rows of a strip: then there are 40
        (284, 2, "CORRUPT"),  # planes: then there are 3 strips
    ],
)
def test_field_out_of_range(tag, value, code):
    with pytest.raises(MediaError) as caught:
        decode_image(with_field(tag, value))
    assert caught.value.code == code


def test_one_strip_of_any_length():
    np.testing.assert_array_equal(
        decode_image(with_field(278, 65535)), np.asarray(scene())
    )


def test_notes_that_lead_astray_are_not_followed():
    # a page that is its own successor, and a description out of the file
    data = bytearray(encode(scene(), "TIFF", description="x" * 50))
    (where,) = struct.unpack_from("<L", data, 4)
    (n_fields,) = struct.unpack_from("<H", data, where)
    struct.pack_into("<L", data, where + 2 + 12 * n_fields, where)
    place = data.index(struct.pack("<HHL", 270, 2, 51)) + 4
    struct.pack_into("<LL", data, place, 4_000_000_000, 4_000_000_000)
    np.testing.assert_array_equal(decode_image(bytes(data)), np.asarray(scene()))


def test_alpha_that_is_multiplied_in():
    alpha = np.full((4, 4, 1), 128, np.uint8)
    pixels = np.concatenate([np.full((4, 4, 3), 64, np.uint8), alpha], axis=2)
    data = write(pixels, photometric="rgb", extrasamples=["assocalpha"])
    assert abs(decode_image(data).astype(int) - (64 + 127)).max() <= 1


def test_integers_of_16_bits_with_a_sign():
    data = write(ramp(32767, "<i2"), photometric="minisblack")
    image = decode_image(data)
    assert (image.min(), image.max()) == (0, 127)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_integers_of_32_bits_without_a_sign(compression):
    # the upper half of them is negative to Pillow
    for top in (2**31 - 1, 2**32 - 1):
        values = np.linspace(0, top, 40 * 60).reshape(40, 60).astype(np.uint32)
        data = write(values, photometric="minisblack", compression=compression)
        np.testing.assert_allclose(
            decode_image(data)[..., 1], values / top * 255, atol=0.501
        )


def test_float_tiff_is_read_by_pillow_too():
    data = encode(Image.fromarray(ramp(1, "<f4")), "TIFF")
    expected = np.rint(ramp(1, "<f4") * 255)
    np.testing.assert_array_equal(decode_image(data)[..., 1], expected)
