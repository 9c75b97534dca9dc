import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio
from mmsk.media._audio_mp3 import _frame
from tests._clips import N_SAMPLES, encode, mp3, tune

RATES = [8000, 16000, 22050, 44100, 48000]  # of MPEG 2.5, 2 and 1
MODES = ["CONSTANT", "AVERAGE", "VARIABLE"]


def frames(data):
    """Cut a file into its frames."""
    found, position = [], 0
    while position < len(data):
        end = position + _frame(data, position).n_bytes
        found.append(data[position:end])
        position = end
    return found


def code_of(data):
    with pytest.raises(MediaError) as caught:
        decode_audio(data)
    return caught.value.code


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("n_samples", [1, 1152, 40_000])
def test_lengths(rate, mode, n_channels, n_samples):
    clip = np.stack([tune(rate, n_samples)] * n_channels, axis=1)
    data = encode(clip, "MP3", "MPEG_LAYER_III", rate, bitrate_mode=mode)
    samples, got = decode_audio(data)
    assert (len(samples), got) == (n_samples, rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_without_a_statement_of_its_length_nothing_is_lost(rate, mode, n_channels):
    # libsndfile alone takes the first frame's size for that of all
    clip = np.stack([tune(rate, 40_000)] * n_channels, axis=1)
    clip *= np.linspace(0, 1, 40_000)[:, None]
    data = encode(clip, "MP3", "MPEG_LAYER_III", rate, bitrate_mode=mode)
    stated, _ = decode_audio(data)
    samples, _ = decode_audio(b"".join(frames(data)[1:]))
    start = len(samples) - len(stated)
    assert 0 < start < 2000  # what the encoder adds is not known then
    best = max(
        np.corrcoef(samples[late : late + 38_000], stated[:38_000])[0, 1]
        for late in (0, 576, 1105)
    )
    assert best > 0.9999


def test_tags_around_are_left_out():
    expected, _ = decode_audio(mp3())
    head = b"ID3\4\0\0\0\0\1\x02" + b"\xff\xfb\x90\0" * 32 + b"no" + bytes(100)
    footed = b"ID3\4\0\x10\0\0\0\4abcd" + b"3DI" + bytes(7)
    tail = b"TAG" + b"name".ljust(125, b"\0")
    for data in (head + mp3(), mp3() + tail, footed + head + mp3() + tail):
        np.testing.assert_array_equal(decode_audio(data)[0], expected)


def test_a_frame_less_is_noticed():
    parts = frames(mp3())
    assert code_of(b"".join(parts[:-2])) == "TRUNCATED"
    assert code_of(b"".join(parts[:3] + parts[5:])) == "TRUNCATED"
    assert code_of(b"".join([*parts, *parts[-3:]])) == "CORRUPT"


def test_garbage_between_frames():
    parts = frames(mp3())
    assert code_of(b"".join([*parts[:4], b"garbage", *parts[4:]])) == "CORRUPT"


def test_what_follows_may_look_like_half_a_frame():
    data = mp3() + b"garbage\xff\xfb\x90\0garbage"
    assert len(decode_audio(data)[0]) == N_SAMPLES


def test_a_change_of_rate():
    other = encode(tune(44100, 9000), "MP3", "MPEG_LAYER_III", 44100)
    assert code_of(b"".join(frames(mp3())[1:]) + other) == "CORRUPT"


def test_half_a_frame_alone():
    assert code_of(frames(mp3())[0][:20]) == "TRUNCATED"


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xfb\x90\0" + bytes(2000),  # a header, and no second one
        b"\xff\xfb\xf0\0" + bytes(2000),  # no such bit rate
        b"\xff\xfb\x0c\0" + bytes(2000),  # free size, no such rate
        b"\xff\xeb\x90\0" + bytes(2000),  # no such version
    ],
)
def test_what_only_looks_like_it(start):
    assert code_of(start) == "UNKNOWN_FORMAT"


def test_other_layers():
    assert code_of(b"\xff\xfd\x90\0" + bytes(2000)) == "FORMAT_NOT_ALLOWED"


def test_frame_sizes():
    # of 128 kbit/s at 44.1 kHz with and without padding; of 64 kbit/s at 22.05 kHz
    assert _frame(b"\xff\xfb\x90", 0).n_bytes == 417
    assert _frame(b"\xff\xfb\x92", 0).n_bytes == 418
    assert _frame(b"\xff\xf3\x80", 0).n_bytes == 208
    assert _frame(b"\xff\xfb\x90", 0).stream == (1, 44100)
    assert _frame(b"\xff\xf3\x80", 0).stream == (2, 22050)
    assert _frame(b"\xff\xe3\x88", 0).stream == (4, 8000)


def test_the_length_is_the_encoders():
    assert len(decode_audio(mp3())[0]) == N_SAMPLES
