"""Damaged files give pixels or a MediaError, nothing else, and in no time."""

import random
import struct
import time
import zlib

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_image
from tests._corpus import animation, encode, photo, scene, with_alpha

N_MUTATIONS = 200
SMALL = photo().resize((40, 30))
FILES = {
    "jpeg": encode(SMALL, "JPEG"),
    "progressive": encode(SMALL, "JPEG", progressive=True),
    "png": encode(with_alpha(), "PNG"),
    "palette": encode(SMALL.quantize(16), "PNG"),
    "gif": animation("GIF"),
    "webp": encode(with_alpha(), "WEBP"),
    "animated webp": animation("WEBP"),
    "bmp": encode(SMALL, "BMP"),
    "tiff": encode(SMALL, "TIFF"),
    "lzw": encode(SMALL, "TIFF", compression="tiff_lzw"),
    "jpeg in tiff": encode(SMALL, "TIFF", compression="jpeg"),
    "bigtiff": encode(scene(), "TIFF", big_tiff=True),
}


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        # headers are where the parsers are
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 200))
        kind = rng.randrange(5)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.choice([0, 1, 127, 128, 255])
        elif kind == 2:
            del data[rng.randrange(1, len(data) + 1) :]
        elif kind == 3:
            start = rng.randrange(len(data))
            data[place:place] = data[start : start + rng.randrange(1, 30)]
        elif len(data) > 40:
            del data[place : place + rng.randrange(1, 30)]
    return bytes(data)


def mend_checksums(data):
    """Let the damage of a PNG get past its checksums."""
    data, position = bytearray(data), 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">L", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">L", data, end, zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
def test_mutations(name):
    rng = random.Random(name)
    codes = set()
    for i in range(N_MUTATIONS):
        data = mutate(FILES[name], rng)
        if i % 2 and FILES[name].startswith(b"\x89PNG"):
            data = mend_checksums(data)
        start = time.monotonic()
        try:
            image = decode_image(data, max_pixels=1_000_000)
        except MediaError as error:
            codes.add(error.code)
        else:
            codes.add("decoded")
            assert image.dtype == np.uint8
            assert image.shape[2:] == (3,)
        assert time.monotonic() - start < 5
    assert {"decoded", "CORRUPT", "TRUNCATED"} <= codes  # all ways were taken
