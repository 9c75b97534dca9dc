import struct

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio
from tests._clips import N_SAMPLES, RATE, encode, pcm16, plain_wav, tune, wav


def chunk(name, body):
    return name + struct.pack("<L", len(body)) + body + b"\0" * (len(body) % 2)


def extensible(body, *, tag=1, bits=16, tail="000000001000800000aa00389b71"):
    guid = struct.pack("<H", tag) + bytes.fromhex(tail)
    block = bits // 8
    layout = struct.pack(
        "<HHLLHHHHL", 0xFFFE, 1, RATE, RATE * block, block, bits, 22, bits, 4
    )
    chunks = chunk(b"fmt ", layout + guid) + chunk(b"data", body)
    return b"RIFF" + struct.pack("<L", 4 + len(chunks)) + b"WAVE" + chunks


def code_of(data):
    with pytest.raises(MediaError) as caught:
        decode_audio(data)
    return caught.value.code


def test_other_chunks_are_passed_over():
    expected, _ = decode_audio(plain_wav())
    before = chunk(b"LIST", b"odd") + chunk(b"JUNK", bytes(28))
    data = wav(pcm16(tune()), before=before) + chunk(b"LIST", bytes(10))
    np.testing.assert_array_equal(decode_audio(data)[0], expected)


def test_an_id3_tag_may_stand_before():
    tag = b"ID3\4\0\0\0\0\0\4abcd"
    assert len(decode_audio(tag + plain_wav())[0]) == N_SAMPLES


def test_the_size_of_the_whole_may_be_wrong():
    data = plain_wav()
    for size in (0, 0xFFFFFFFF):
        wrong = data[:4] + struct.pack("<L", size) + data[8:]
        assert len(decode_audio(wrong)[0]) == N_SAMPLES


@pytest.mark.parametrize(
    ("tag", "bits", "values"),
    [(1, 16, "<i2"), (1, 32, "<i4"), (3, 32, "<f4"), (3, 64, "<f8")],
)
def test_extensible_headers(tag, bits, values):
    body = np.array([0, 1, -1]).astype(values).tobytes()
    samples, _ = decode_audio(extensible(body, tag=tag, bits=bits))
    scale = 1 if tag == 3 else 2.0 ** (1 - bits)
    np.testing.assert_array_equal(samples, np.float32([0, scale, -scale]))


def test_an_extensible_header_of_something_else():
    data = extensible(bytes(8), tail="21072107d3118644c8c1ca000000")
    assert code_of(data) == "FORMAT_NOT_ALLOWED"
    assert code_of(extensible(bytes(8), tag=2)) == "FORMAT_NOT_ALLOWED"


def test_24_bits_of_3_channels():
    values = np.array([[1, -1, 2**22], [0, 5, -(2**23)]])
    body = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values.ravel())
    samples, _ = decode_audio(wav(body, n_channels=3, bits=24))
    expected = (values / 2**23).mean(axis=1)
    np.testing.assert_allclose(samples, expected, rtol=1e-6)


def test_a_part_of_a_sample_at_the_end_is_left_out():
    assert len(decode_audio(wav(bytes(7)))[0]) == 3


@pytest.mark.parametrize("bits", [1, 4, 12, 20, 48])
def test_other_depths(bits):
    assert code_of(wav(bytes(48), bits=bits)) == "FORMAT_NOT_ALLOWED"


@pytest.mark.parametrize("tag", [0, 2, 0x11, 0x31, 0x50, 0x55, 0x674F, 0xFFFF])
def test_other_codecs(tag):
    with pytest.raises(MediaError, match=f"codec {tag:#x}.*Save it again") as caught:
        decode_audio(wav(bytes(48), tag=tag))
    assert caught.value.code == "FORMAT_NOT_ALLOWED"


def test_contradictions():
    data = bytearray(plain_wav())
    data[32] = 3  # bytes of a sample
    assert code_of(bytes(data)) == "CORRUPT"


def test_samples_before_their_description():
    body = chunk(b"data", bytes(8))
    data = plain_wav()
    assert code_of(data[:12] + body + data[12:]) == "CORRUPT"


def test_a_header_alone():
    data = plain_wav()
    assert code_of(data[:12]) == "TRUNCATED"
    assert code_of(data[:36]) == "TRUNCATED"
    assert code_of(data[:44]) == "TRUNCATED"


def test_chunks_without_end():
    data = wav(bytes(8), before=chunk(b"JUNK", b"") * 1001)
    with pytest.raises(MediaError, match="more than 1000 chunks"):
        decode_audio(data)


def test_every_file_of_libsndfile_is_read():
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW"):
        for kind in ("WAV", "WAVEX"):
            data = encode(tune(), kind, subtype)
            assert len(decode_audio(data)[0]) == N_SAMPLES
