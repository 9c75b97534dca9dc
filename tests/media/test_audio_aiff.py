import struct

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio


def chunk(name, body):
    return name + struct.pack(">L", len(body)) + body + b"\0" * (len(body) % 2)


def ten_bytes(rate):
    """Return a whole number as a float of 80 bits."""
    exponent = rate.bit_length() - 1
    return struct.pack(">HQ", 16383 + exponent, rate << (63 - exponent))


def aiff(
    body, *, n_samples=None, n_channels=1, bits=16, rate=8000, codec=None, order="CS"
):
    if n_samples is None:
        n_samples = len(body) // (n_channels * bits // 8)
    rate = ten_bytes(rate) if isinstance(rate, int) else rate
    common = struct.pack(">HLH", n_channels, n_samples, bits) + rate
    if codec is not None:
        common += codec + b"\0\0"
    chunks = {
        "C": chunk(b"COMM", common),
        "S": chunk(b"SSND", struct.pack(">LL", 0, 0) + body),
        "N": chunk(b"NAME", b"odd"),
    }
    kind = b"AIFF" if codec is None else b"AIFC"
    inside = b"".join(chunks[letter] for letter in order)
    return b"FORM" + struct.pack(">L", 4 + len(inside)) + kind + inside


def code_of(data):
    with pytest.raises(MediaError) as caught:
        decode_audio(data)
    return caught.value.code


BIG = np.array([0, 8192, -32768], ">i2").tobytes()
LITTLE = np.array([0, 8192, -32768], "<i2").tobytes()


@pytest.mark.parametrize(
    "data",
    [
        aiff(BIG),
        aiff(BIG, order="NCNS"),
        aiff(BIG, order="SNC"),
        aiff(BIG, codec=b"NONE"),
        aiff(BIG, codec=b"twos"),
        aiff(LITTLE, codec=b"sowt"),
        aiff(np.array([0, 0.25, -1], ">f4").tobytes(), codec=b"fl32", bits=32),
        aiff(np.array([0, 0.25, -1], ">f4").tobytes(), codec=b"FL32", bits=32),
        aiff(np.array([0, 0.25, -1], ">f8").tobytes(), codec=b"fl64", bits=64),
        aiff(np.array([0, 32, -128], "i1").tobytes(), bits=8),
        aiff(np.array([0, 2**29, -(2**31)], ">i4").tobytes(), bits=32),
    ],
)
def test_kinds(data):
    samples, rate = decode_audio(data)
    np.testing.assert_array_equal(samples, np.float32([0, 0.25, -1]))
    assert rate == 8000


@pytest.mark.parametrize("rate", [100, 11025, 44100, 192_000, 768_000])
def test_rates(rate):
    assert decode_audio(aiff(BIG, rate=rate))[1] == rate


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (bytes(10), "CORRUPT"),
        (ten_bytes(1), "BAD_RATE"),
        (ten_bytes(2**31), "BAD_RATE"),
        (b"\x7f\xff" + bytes(8), "BAD_RATE"),  # infinity
        (b"\xc0\x0b\xfa" + bytes(7), "BAD_RATE"),  # below 0
    ],
)
def test_other_rates(rate, code):
    assert code_of(aiff(BIG, rate=rate)) == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (aiff(BIG, codec=b"ima4"), "FORMAT_NOT_ALLOWED"),
        (aiff(BIG, codec=b"GSM "), "FORMAT_NOT_ALLOWED"),
        (aiff(BIG, bits=12), "FORMAT_NOT_ALLOWED"),
        (aiff(BIG, n_channels=0, n_samples=3), "CORRUPT"),
        (aiff(BIG, n_samples=4), "TRUNCATED"),
        (aiff(BIG, n_samples=2**32 - 1), "TRUNCATED"),
        (aiff(BIG, n_samples=0), "ZERO_LENGTH"),
        (aiff(BIG, order="C"), "TRUNCATED"),
        (aiff(BIG, order="S"), "TRUNCATED"),
        (aiff(BIG, order="N" * 1001 + "CS"), "CORRUPT"),
        (aiff(BIG)[:30], "TRUNCATED"),
    ],
)
def test_refused(data, code):
    assert code_of(data) == code


def test_what_follows_the_samples_is_left_out():
    samples, _ = decode_audio(aiff(BIG, n_samples=2))
    assert len(samples) == 2
