import struct

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio
from tests._clips import N_SAMPLES, encode, ogg, tune


def checksum(page):
    """Return the checksum of a page, bit by bit as the format defines it."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            carry = register & 0x80000000
            register = (register << 1 ^ (0x04C11DB7 if carry else 0)) & 0xFFFFFFFF
    return register


def pages(data):
    """Cut a file into its pages."""
    found, position = [], 0
    while position < len(data):
        n_segments = data[position + 26]
        body = position + 27 + n_segments
        end = body + sum(data[position + 27 : body])
        found.append(data[position:end])
        position = end
    return found


def changed(page, offset, code, value):
    """Return a page with another value in its head and the checksum of that."""
    page = bytearray(page)
    struct.pack_into(code, page, offset, value)
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<L", checksum(page))
    return bytes(page)


FLAGS, GRANULE, SERIAL, NUMBER = (5, "B"), (6, "<q"), (14, "<L"), (18, "<L")


@pytest.fixture(scope="module")
def short():
    """The pages of a file that is quick to check bit by bit."""
    return pages(encode(tune(8000, 400), "OGG", "VORBIS", 8000))


@pytest.fixture(scope="module")
def long():
    """The pages of a file with several pages of sound."""
    noise = np.random.default_rng(0).normal(0, 0.1, 60_000)
    return pages(encode(noise, "OGG", "VORBIS"))


def code_of(data):
    with pytest.raises(MediaError) as caught:
        decode_audio(data)
    return caught.value.code


def test_the_helper_makes_what_the_encoder_made(short):
    for page in short:
        assert changed(page, *FLAGS, page[5]) == page
    assert len(short) >= 3


def test_every_flipped_bit_is_noticed():
    data = ogg()
    for position in range(0, len(data), 61):
        bad = bytearray(data)
        bad[position] ^= 1 << position % 8
        allowed = {"CORRUPT", "TRUNCATED", "UNKNOWN_FORMAT"}
        assert code_of(bytes(bad)) in allowed


def test_a_missing_page_is_noticed(long):
    assert code_of(b"".join(long[:2] + long[3:])) == "CORRUPT"
    assert code_of(b"".join(long[1:])) == "CORRUPT"
    assert code_of(b"".join(long[:-1])) == "TRUNCATED"


def test_numbers_of_pages_may_start_anywhere(short):
    start = 2**32 - 2
    moved = [
        changed(page, *NUMBER, (start + i) % 2**32) for i, page in enumerate(short)
    ]
    expected, _ = decode_audio(b"".join(short))
    np.testing.assert_array_equal(decode_audio(b"".join(moved))[0], expected)


def test_several_streams_are_refused(short):
    whole = b"".join(short)
    other = b"".join(changed(page, *SERIAL, 77) for page in short)
    for data in (whole + whole, whole + other, short[0] + other + whole):
        with pytest.raises(MediaError, match="several streams") as caught:
            decode_audio(data)
        assert caught.value.code == "FORMAT_NOT_ALLOWED"


def test_other_codecs_are_refused(short):
    first = bytearray(short[0])
    first[28:35] = b"theora\0"
    data = changed(first, *FLAGS, 2) + b"".join(short[1:])
    with pytest.raises(MediaError, match="Save it again as Vorbis") as caught:
        decode_audio(data)
    assert caught.value.code == "FORMAT_NOT_ALLOWED"


def test_a_stream_that_does_not_start(short):
    data = changed(short[0], *FLAGS, 0) + b"".join(short[1:])
    assert code_of(data) == "CORRUPT"


def test_garbage_between_pages(short):
    assert code_of(short[0] + b"garbage" * 9 + b"".join(short[1:])) == "CORRUPT"


def test_a_last_page_that_claims_more(long):
    last = changed(long[-1], *GRANULE, 61_000)
    assert code_of(b"".join(long[:-1]) + last) == "TRUNCATED"
    last = changed(long[-1], *GRANULE, 2**40)
    assert code_of(b"".join(long[:-1]) + last) == "TOO_LONG"


def test_pages_without_end(short, monkeypatch):
    monkeypatch.setattr("mmsk.media._audio_ogg._MAX_PAGES", 2)
    with pytest.raises(MediaError, match="more than 2 pages"):
        decode_audio(b"".join(short))


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("n_samples", [1, 100, 50_000])
def test_opus_lengths(rate, n_samples):
    data = encode(tune(rate, n_samples), "OGG", "OPUS", rate)
    samples, got = decode_audio(data)
    assert (len(samples), got) == (n_samples, rate)


def test_the_length_is_the_encoders():
    assert len(decode_audio(ogg())[0]) == N_SAMPLES
