import io

import numpy as np
import pytest
import soundfile

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio, read_audio
from tests._clips import RATE, plain_wav, tune


def test_files_are_not_decoded(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no clip at all")
    for cell in (tmp_path / "a.wav", str(tmp_path / "a.wav"), b"no clip at all"):
        assert read_audio(cell) == b"no clip at all"
    assert read_audio("a.wav", root=tmp_path) == b"no clip at all"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_become_immutable(kind):
    content = read_audio(kind(b"abc"))
    assert content == b"abc"
    assert type(content) is bytes


def test_order_in_a_dict(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"file")
    array = {"array": tune(), "sampling_rate": RATE}
    assert read_audio({"bytes": b"abc", "path": "no/such/file", **array}) == b"abc"
    cell = {"bytes": None, "path": "no/such/file", **array}
    assert read_audio(cell) == read_audio((tune(), RATE))
    cell = {"bytes": None, "array": None, "path": "a.wav"}
    assert read_audio(cell, root=tmp_path) == b"file"


@pytest.mark.parametrize(
    ("dtype", "subtype"),
    [
        (np.uint8, "PCM_U8"),
        (np.int16, "PCM_16"),
        (np.int32, "PCM_32"),
        (np.float32, "FLOAT"),
        (np.float64, "FLOAT"),
    ],
)
@pytest.mark.parametrize("n_channels", [None, 1, 3])
def test_an_array_becomes_a_file_that_others_can_read(dtype, subtype, n_channels):
    shape = 50 if n_channels is None else (50, n_channels)
    array = np.random.default_rng(0).normal(size=shape)
    if np.dtype(dtype).kind != "f":
        array = array * 30 + 100
    content = read_audio((array.astype(dtype), RATE))
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        assert (file.format, file.subtype) == ("WAV", subtype)
        assert (file.samplerate, file.channels) == (RATE, n_channels or 1)
        samples = file.read(dtype="float32", always_2d=True)
    expected, _ = decode_audio((array.astype(dtype), RATE))
    np.testing.assert_allclose(samples.mean(axis=1), expected, rtol=1e-6, atol=1e-7)


def test_the_rate_and_the_type_are_part_of_the_content():
    contents = {
        read_audio((np.zeros(4, dtype), rate))
        for dtype in (np.float32, np.int16, np.int32)
        for rate in (8000, RATE)
    }
    assert len(contents) == 6
    whole = read_audio((np.zeros((4, 2), np.float32), RATE))
    assert whole != read_audio((np.zeros((2, 4), np.float32), RATE))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (np.zeros(3), "BAD_TYPE"),
        (np.float64(3), "BAD_TYPE"),
        ((1, 2), "BAD_TYPE"),
        ([np.zeros(3), RATE, RATE], "BAD_TYPE"),
        ({"bytes": "text", "path": None}, "BAD_TYPE"),
        ({"bytes": None, "path": 3}, "BAD_TYPE"),
        ({"bytes": "text", "array": np.zeros(3), "sampling_rate": RATE}, "BAD_TYPE"),
        ((np.zeros(0), RATE), "ZERO_LENGTH"),
        (bytearray(), "EMPTY_FILE"),
        ({"bytes": b"", "path": "a.wav"}, "EMPTY_FILE"),
    ],
)
def test_refused(cell, code):
    with pytest.raises(MediaError) as caught:
        read_audio(cell)
    assert caught.value.code == code


def test_refusal_of_a_type_names_it_and_what_would_do():
    with pytest.raises(MediaError, match=r"a complex, not a clip.*Pass a path"):
        read_audio(3j)


def test_limit_of_bytes():
    data = plain_wav()
    assert read_audio(memoryview(data), max_bytes=len(data)) == data
    with pytest.raises(MediaError, match="FILE_TOO_LARGE"):
        read_audio(memoryview(data), max_bytes=len(data) - 1)


def test_an_array_that_no_wav_can_hold_is_too_long():
    huge = np.broadcast_to(np.float32(0), (2**30,))
    with pytest.raises(MediaError, match="TOO_LONG"):
        read_audio((huge, RATE))
