import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import ITIMER_REAL, SIGALRM, setitimer, signal

import numpy as np
import pytest

from mmsk.exceptions import MEDIA_CODES, MediaError
from mmsk.media import decode_audio, read_audio
from tests._clips import (
    BROKEN,
    CLIPS,
    N_SAMPLES,
    RATE,
    WHOLE,
    claiming,
    encode,
    flac,
    mp3,
    ogg,
    pcm16,
    plain_wav,
    silent_flac,
    tune,
    wav,
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The whole corpus, written once: cell and root by name."""
    folder = tmp_path_factory.mktemp("clips") / "root"
    folder.mkdir()
    return {
        clip.name: (clip.make(folder), folder if clip.rooted else None)
        for clip in CLIPS
    }


@pytest.fixture
def time_limit():
    def stop(number, frame):
        raise TimeoutError

    before = signal(SIGALRM, stop)
    setitimer(ITIMER_REAL, 5)
    yield
    setitimer(ITIMER_REAL, 0)
    signal(SIGALRM, before)


@pytest.mark.parametrize("clip", WHOLE, ids=str)
def test_whole_clips(clip, cells):
    cell, root = cells[clip.name]
    samples, rate = decode_audio(cell, root=root)
    assert samples.dtype == np.float32
    assert samples.shape == clip.samples.shape
    assert rate == clip.rate
    assert samples.flags.writeable
    assert abs(samples - clip.samples).max() <= clip.tolerance
    if clip.samples.any() and len(samples) > 1:  # one sample late would be .94
        assert np.corrcoef(samples, clip.samples)[0, 1] > 0.999
    content = read_audio(cell, root=root)
    assert type(content) is bytes
    np.testing.assert_array_equal(decode_audio(content)[0], samples)


@pytest.mark.parametrize("clip", BROKEN, ids=str)
@pytest.mark.usefixtures("time_limit")
def test_broken_clips(clip, cells):
    cell, root = cells[clip.name]
    with pytest.raises(MediaError) as caught:
        decode_audio(cell, root=root)
    assert caught.value.code == clip.code
    assert caught.value.path == (cell if isinstance(cell, str) else None)


def test_the_corpus_has_a_clip_for_every_code_of_clips():
    # those of `elsewhere` have tests of their own
    elsewhere = {"PERMISSION", "FILE_TOO_LARGE", "OUT_OF_MEMORY"}
    of_pictures_and_text = {"TOO_MANY_PIXELS", "BAD_ENCODING"}
    here = {clip.code for clip in BROKEN}
    assert here == MEDIA_CODES - elsewhere - of_pictures_and_text


@pytest.mark.parametrize(
    "data",
    [
        plain_wav(),
        encode(tune(), "AIFF", "PCM_16"),
        flac(),
        ogg(),
        encode(tune(), "OGG", "OPUS"),
        mp3(),
    ],
    ids=["wav", "aiff", "flac", "vorbis", "opus", "mp3"],
)
def test_no_cut_file_comes_back_short(data):
    whole, _ = decode_audio(data)
    for size in {*range(1, len(data), 37), *range(len(data) - 20, len(data))}:
        with pytest.raises(MediaError) as caught:
            decode_audio(data[:size])
        assert caught.value.code in {"TRUNCATED", "CORRUPT", "UNKNOWN_FORMAT"}
    assert len(whole) == N_SAMPLES


def outcomes(cells):
    """What every cell of the corpus gives: samples, or a code."""
    results = []
    for cell, root in cells.values():
        try:
            results.append(decode_audio(cell, root=root)[0].tobytes())
        except MediaError as error:
            results.append(error.code)
    return results


def test_threads_give_what_one_thread_gives(cells):
    start = threading.Barrier(4)
    few = {name: cell for name, cell in cells.items() if "two_hours" not in name}

    def run(_):
        start.wait()
        return outcomes(few)

    filters = list(warnings.filters)
    expected = outcomes(few)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [expected] * 4
    assert warnings.filters == filters


MEASURE = """
import pickle, re, sys
from pathlib import Path
from mmsk.exceptions import MediaError
from mmsk.media import decode_audio

def peak_mb():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) / 1024

cells = pickle.loads(Path(sys.argv[1]).read_bytes())
before = peak_mb()
for cell, root in cells:
    try:
        decode_audio(cell, root=root)
    except MediaError:
        pass
print(peak_mb() - before)
"""


def test_the_corpus_decodes_in_little_memory(cells, tmp_path):
    path = tmp_path / "cells.pickle"
    path.write_bytes(pickle.dumps(list(cells.values())))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 <= float(run.stdout) < 200
    assert not run.stderr


class TestResampling:
    @pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
    def test_a_tone_is_the_same_tone_at_the_other_rate(self, rate):
        def tone(rate):
            return np.sin(2 * np.pi * 440 * np.arange(rate) / rate) / 2

        samples, got = decode_audio((tone(16000), 16000), sample_rate=rate)
        assert got == rate
        middle = slice(rate // 4, 3 * rate // 4)  # past the filter's ends
        error = samples - tone(rate)
        assert abs(error[middle]).max() < 1e-5

    def test_what_the_new_rate_cannot_hold_is_left_out(self):
        tone = np.sin(2 * np.pi * 7000 * np.arange(16000) / 16000)
        samples, _ = decode_audio((tone, 16000), sample_rate=8000)
        assert abs(samples[1000:-1000]).max() < 1e-5

    @pytest.mark.parametrize("n_samples", [1, 2, 3, 100, 4001])
    @pytest.mark.parametrize("rates", [(192_000, 8000), (8000, 44100), (44100, 16000)])
    def test_length(self, n_samples, rates):
        old, new = rates
        samples, _ = decode_audio((np.ones(n_samples), old), sample_rate=new)
        assert len(samples) == -(-n_samples * new // old)
        assert samples.dtype == np.float32

    def test_the_same_rate_changes_nothing(self):
        plain, _ = decode_audio(plain_wav())
        np.testing.assert_array_equal(
            decode_audio(plain_wav(), sample_rate=RATE)[0], plain
        )

    @pytest.mark.parametrize("rate", [8000.0, np.float32(8000), np.int16(8000)])
    def test_a_whole_number_of_any_type_is_a_rate(self, rate):
        samples, got = decode_audio(plain_wav(), sample_rate=rate)
        assert type(got) is int
        np.testing.assert_array_equal(
            samples, decode_audio(plain_wav(), sample_rate=8000)[0]
        )

    @pytest.mark.parametrize(
        "rate", [0, -8000, 99, 768_001, 22050.5, np.nan, "16k", [8000]]
    )
    def test_other_rates_are_refused(self, rate):
        with pytest.raises(ValueError, match=r"sample_rate must be from 100 to 768000"):
            decode_audio(plain_wav(), sample_rate=rate)


class TestArrays:
    @pytest.mark.parametrize(
        ("array", "expected"),
        [
            (np.array([0.5, -2.0]), [0.5, -2.0]),
            (np.array([0.5, -2.0], np.float32), [0.5, -2.0]),
            (np.array([0.5, -2.0], ">f8"), [0.5, -2.0]),
            (np.array([0.5, -2.0], np.float16), [0.5, -2.0]),
            (np.array([0, 16384, -32768], np.int16), [0, 0.5, -1]),
            (np.array([0, 16384, -32768], ">i2"), [0, 0.5, -1]),
            (np.array([2**30, -(2**31)], np.int32), [0.5, -1]),
            (np.array([128, 0, 192], np.uint8), [0, -1, 0.5]),
            (np.array([[0.5, 0.25], [0, -1]]), [0.375, -0.5]),
            (np.asfortranarray([[0.5, 0.25], [0, -1]]), [0.375, -0.5]),
            (np.arange(10.0)[::3] / 10, [0, 0.3, 0.6, 0.9]),
        ],
    )
    def test_kinds(self, array, expected):
        for cell in (
            (array, 8000),
            [array, 8000.0],
            {"array": array, "sampling_rate": np.int64(8000), "path": None},
        ):
            samples, rate = decode_audio(cell)
            np.testing.assert_array_equal(samples, np.float32(expected))
            assert rate == 8000

    def test_a_list_in_a_dict(self):
        samples, _ = decode_audio({"array": [0.5, 0, 1], "sampling_rate": 8000})
        np.testing.assert_array_equal(samples, np.float32([0.5, 0, 1]))
        with pytest.raises(MediaError, match=r"a list that is not of numbers"):
            decode_audio({"array": ["a"], "sampling_rate": 8000})

    def test_an_overshoot_is_kept(self):
        samples, _ = decode_audio((np.array([-16.0, 4]), 8000))
        np.testing.assert_array_equal(samples, np.float32([-16, 4]))

    def test_the_array_is_not_written_to(self):
        array = tune().astype(np.float32)
        samples, _ = decode_audio((array, RATE))
        samples[:] = 7
        np.testing.assert_array_equal(array, tune().astype(np.float32))

    @pytest.mark.parametrize(
        ("cell", "words"),
        [
            (np.zeros(9), r"an array without its sample rate.*\(array, sample_rate\)"),
            ((np.arange(9), 8000), "an array of int64.*full scale 1"),
            (
                (np.array([3.0, -16384.0]), 8000),
                r"floats up to 16384, where full scale is 1 \[BAD_TYPE\]. Divide it by "
                r"its full range \(32768 for 16 bits\?\)",
            ),
            ({"array": [[0, 17]], "sampling_rate": 8000}, "floats up to 17"),
            ((np.zeros((2, 16000)), 8000), "Channels are the last axis"),
            ((np.zeros(9), None), "a sample rate that is a NoneType"),
            ((np.zeros(9), True), "a sample rate that is a bool"),
            ((np.zeros(9), np.nan), "a sample rate of nan Hz"),
            ({"array": np.zeros(9)}, "a sample rate that is a NoneType"),
        ],
    )
    def test_refusals_say_what_to_do(self, cell, words):
        with pytest.raises(MediaError, match=words):
            decode_audio(cell)

    def test_a_path_beside_an_array_names_it(self):
        cell = {"array": np.array([np.nan]), "sampling_rate": RATE, "path": "b.wav"}
        with pytest.raises(MediaError, match="NOT_FINITE") as caught:
            decode_audio(cell)
        assert caught.value.path == "b.wav"


class TestLimits:
    def test_seconds(self):
        data = plain_wav()
        seconds = N_SAMPLES / RATE
        decode_audio(data, max_seconds=seconds)
        with pytest.raises(MediaError, match=r"0\.375 seconds, more than") as caught:
            decode_audio(data, max_seconds=seconds - 1e-6)
        assert caught.value.code == "TOO_LONG"

    def test_values_count_channels(self):
        data = encode(np.zeros((100, 3)), "FLAC", "PCM_16")
        decode_audio(data, max_values=300)
        with pytest.raises(MediaError, match="100 samples in 3 channels") as caught:
            decode_audio(data, max_values=299)
        assert caught.value.code == "TOO_LONG"

    def test_values_count_after_resampling(self):
        decode_audio(plain_wav(), sample_rate=32000, max_values=2 * N_SAMPLES)
        with pytest.raises(MediaError, match=r"12000 samples at 32000 Hz"):
            decode_audio(plain_wav(), sample_rate=32000, max_values=2 * N_SAMPLES - 1)

    def test_a_file_that_states_no_length_is_left_at_the_limit(self):
        data = claiming(silent_flac(60), 0)
        assert len(decode_audio(data)[0]) == 60 * 8000
        with pytest.raises(MediaError, match="TOO_LONG"):
            decode_audio(data, max_seconds=59)

    def test_bytes(self, tmp_path):
        data = plain_wav()
        path = tmp_path / "a.wav"
        path.write_bytes(data)
        for cell in (data, path, {"bytes": data, "path": "b.wav"}):
            decode_audio(cell, max_bytes=len(data))
            with pytest.raises(MediaError, match=f"{len(data)} bytes") as caught:
                decode_audio(cell, max_bytes=len(data) - 1)
            assert caught.value.code == "FILE_TOO_LARGE"
            name = caught.value.path and os.path.basename(caught.value.path)
            assert name == {data: None, path: "a.wav"}.get(
                cell if not isinstance(cell, dict) else 0, "b.wav"
            )

    def test_an_array_is_no_file(self):
        assert len(decode_audio((np.zeros(1000), RATE), max_bytes=1)[0]) == 1000


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_the_size_of_a_chunk_changes_nothing(kind, subtype, monkeypatch):
    # it would in MP3, if soundfile went on seeking
    noise = np.random.default_rng(0).normal(0, 0.1, (30_000, 2))
    data = encode(noise, kind, subtype)
    whole, _ = decode_audio(data)
    monkeypatch.setattr("mmsk.media._open_audio._CHUNK_VALUES", 2000)
    np.testing.assert_array_equal(decode_audio(data)[0], whole)


def test_many_chunks_are_one_clip():
    long = tune(RATE, 700_000)
    samples, _ = decode_audio(encode(np.stack([long] * 3, axis=1), "FLAC", "PCM_24"))
    assert abs(samples - long).max() < 1e-6


def test_out_of_memory(monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("mmsk.media._open_audio._mixed", fail)
    with pytest.raises(MediaError, match="no memory") as caught:
        decode_audio(plain_wav())
    assert caught.value.code == "OUT_OF_MEMORY"
    assert isinstance(caught.value.__cause__, MemoryError)


def test_the_original_exception_is_kept(cells):
    with pytest.raises(MediaError) as caught:
        decode_audio(cells["half.flac"][0])
    assert type(caught.value.__cause__).__name__ == "LibsndfileError"


def test_only_the_codecs_of_the_list_are_opened(monkeypatch):
    # what a stripper lets pass and libsndfile takes for something else
    monkeypatch.setattr("mmsk.media._audio_flac._SUBTYPES", frozenset({"PCM_24"}))
    with pytest.raises(
        MediaError, match="FLAC that is FLAC with codec PCM_16"
    ) as caught:
        decode_audio(flac())
    assert caught.value.code == "FORMAT_NOT_ALLOWED"


def test_a_loud_float_is_not_clipped():
    samples, _ = decode_audio(wav(np.float32([3, -5]).tobytes(), tag=3, bits=32))
    np.testing.assert_array_equal(samples, np.float32([3, -5]))


def test_pcm_is_exact():
    body = pcm16(tune())
    expected = np.frombuffer(body, "<i2") / 32768
    np.testing.assert_array_equal(decode_audio(wav(body))[0], expected)
