"""Damaged files give pixels or a MediaError, nothing else, and in no time."""

import os
import signal
import struct
import sys
import time
import zlib

import numpy as np
import pytest

from mmsk.media import decode_image
from tests._corpus import animation, encode, photo, scene, with_alpha
from tests.media import _fuzz
from tests.media._fuzz import N_MUTATIONS, SPARE_MEMORY, mutations, outcomes

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="forks and reads /proc"
)
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


def decode(data):
    image = decode_image(data, max_pixels=1_000_000)
    assert image.dtype == np.uint8
    assert image.shape[2:] == (3,)


@needs_linux
@pytest.mark.parametrize("name", FILES)
def test_mutations(name, tmp_path):
    mend = mend_checksums if FILES[name].startswith(b"\x89PNG") else None
    codes = outcomes(mutations(name, FILES[name], mend), decode, tmp_path)
    assert codes.total() == N_MUTATIONS
    assert {"decoded", "CORRUPT", "TRUNCATED"} <= codes.keys()  # all ways were taken


def crash(data):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(data):
    while True:
        time.sleep(0.01)


def fail(data):
    raise KeyError("chunk")


def eat(data):
    return bytearray(64 * SPARE_MEMORY)


@needs_linux
@pytest.mark.parametrize(
    ("decode", "message"),
    [(crash, "SIGKILL"), (hang, "SIGALRM"), (fail, "KeyError"), (eat, "MemoryError")],
)
def test_the_harness_notices(decode, message, tmp_path, monkeypatch):
    monkeypatch.setattr(_fuzz, "SECONDS", 1)
    with pytest.raises(AssertionError, match=message):
        outcomes([b"one", b"two"], decode, tmp_path)
    assert (tmp_path / "current").read_bytes() == b"one"
