import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio
from tests._clips import N_SAMPLES, claiming, flac


def block(kind, body, *, last=False):
    return bytes([kind | 0x80 * last]) + len(body).to_bytes(3, "big") + body


def parts():
    """Return the header's body and the frames of a FLAC."""
    data = flac()
    position = 4
    while True:
        end = position + 4 + int.from_bytes(data[position + 1 : position + 4], "big")
        if data[position] & 0x80:
            return data[8:42], data[end:]
        position = end


def code_of(data):
    with pytest.raises(MediaError) as caught:
        decode_audio(data)
    return caught.value.code


def test_tags_pictures_and_tables_are_left_out():
    expected, _ = decode_audio(flac())
    info, frames = parts()
    extra = block(3, b"\xff" * 18) + block(4, b"\xff" * 50) + block(6, b"\xff" * 9999)
    data = b"fLaC" + block(0, info) + extra + block(1, bytes(9), last=True) + frames
    np.testing.assert_array_equal(decode_audio(data)[0], expected)


def test_an_id3_tag_may_stand_before():
    expected, _ = decode_audio(flac())
    tag = b"ID3\4\0\0\0\0\1\x02" + bytes(130)
    np.testing.assert_array_equal(decode_audio(tag + flac())[0], expected)


def test_the_length_is_checked_only_where_it_is_stated():
    assert len(decode_audio(claiming(flac(), 0))[0]) == N_SAMPLES
    assert len(decode_audio(claiming(flac(), 100))[0]) == 100
    assert code_of(claiming(flac(), N_SAMPLES + 1)) == "TRUNCATED"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"fLaC", "TRUNCATED"),
        (b"fLaC" + block(0, parts()[0])[:-1], "TRUNCATED"),
        (b"fLaC" + block(0, parts()[0]), "TRUNCATED"),
        (b"fLaC" + block(4, bytes(34), last=True), "CORRUPT"),
        (b"fLaC" + block(0, bytes(20), last=True), "CORRUPT"),
        (b"fLaC" + block(0, bytes(34), last=True) + parts()[1], "CORRUPT"),
        (b"fLaC" + block(0, parts()[0]) + block(1, b"") * 1000, "CORRUPT"),
        (b"fLaC" + block(0, parts()[0], last=True), "TRUNCATED"),
    ],
)
def test_refused(data, code):
    assert code_of(data) == code


def test_every_flipped_bit_of_the_frames_is_noticed():
    data, start = flac(), len(flac()) - len(parts()[1])
    for position in range(start, len(data), 97):
        bad = bytearray(data)
        bad[position] ^= 1 << position % 8
        assert code_of(bytes(bad)) == "CORRUPT"
