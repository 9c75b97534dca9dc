import threading

import numpy as np
import pytest
import torch
from scipy.signal import get_window

from mmsk.feature_extraction.audio import MFCCExtractor, _spectrum
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from mmsk.feature_extraction.audio._spectrum import FrameConfig, Place, framed, spectra


def config(n_fft=64, hop_length=16, center=True, precise=True, window="hann"):
    return FrameConfig(8000, n_fft, hop_length, n_fft, window, center, precise)


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n).astype(np.float32)


def slow_frames(samples, config, mode):
    margin = config.n_fft // 2 if config.center else 0
    padded = np.pad(samples, margin, mode=mode)
    if len(padded) < config.n_fft:
        value = samples[-1] if mode == "edge" else 0
        short = config.n_fft - len(padded)
        padded = np.pad(padded, (0, short), constant_values=value)
    starts = range(0, len(padded) - config.n_fft + 1, config.hop_length)
    return np.stack([padded[start : start + config.n_fft] for start in starts])


@pytest.mark.parametrize("mode", ["constant", "edge"])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(64, 16), (63, 64), (64, 100), (8, 1), (2, 3)]
)
@pytest.mark.parametrize("n_samples", [1, 5, 63, 64, 65, 1000])
def test_frames(n_samples, n_fft, hop_length, center, mode, monkeypatch):
    settings = config(n_fft, hop_length, center)
    samples = noise(n_samples)
    expected = slow_frames(samples, settings, mode)
    assert settings.count_frames(n_samples) == len(expected)
    for values in (2**17, 300, 1):  # all frames at once, some, and one by one
        monkeypatch.setattr(_spectrum, "_CHUNK_VALUES", values)
        got = np.full_like(expected, np.nan)
        for which, frames in framed(samples, settings, mode):
            got[which] = frames
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("precise", [True, False])
@pytest.mark.parametrize("window", ["hann", ("kaiser", 8.0)])
def test_spectra_are_those_of_windowed_frames(precise, window):
    settings = config(precise=precise, window=window)
    samples = noise(5000)
    expected = np.fft.rfft(
        slow_frames(samples, settings, "constant") * get_window(window, 64)
    )
    got = np.empty_like(expected)
    for which, spectrum in spectra(samples, settings):
        assert spectrum.dtype == (np.complex128 if precise else np.complex64)
        got[which] = spectrum
    np.testing.assert_allclose(got, expected, atol=1e-12 if precise else 1e-5)


def test_threads_have_memory_of_their_own():
    samples = [noise(40_000, seed) for seed in range(4)]
    settings = config(256, 64)

    def all_of(one):
        return np.concatenate([s.copy() for _, s in spectra(one, settings)])

    expected = [all_of(one) for one in samples]
    wrong = []

    def work(place):
        for _ in range(20):
            if not np.array_equal(all_of(samples[place]), expected[place]):
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_torchs_threads_are_as_before_and_one_inside(monkeypatch):
    inside = []
    original = Place.transform

    def watched(place):
        inside.append(torch.get_num_threads())
        return original(place)

    monkeypatch.setattr(Place, "transform", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        X = np.empty((1, 1), dtype=object)
        X[0, 0] = noise(1000), 8000
        MFCCExtractor(n_jobs=1).fit_transform(X)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(inside) == {1}


def test_torchs_default_device_does_not_matter():
    samples = noise(500)
    expected = [s.copy() for _, s in spectra(samples, config())]
    with torch.device("meta"):
        got = [s.copy() for _, s in spectra(samples, config(32))]
        got = [s.copy() for _, s in spectra(samples, config())]
    np.testing.assert_array_equal(got[0], expected[0])


def test_torchs_inference_mode_leaves_nothing_behind():
    settings, samples = MFCCExtractor(n_fft=128)._config_of_mel, noise(3000)
    with torch.inference_mode():
        expected = mel_spectrogram(samples, settings).copy()
    np.testing.assert_array_equal(mel_spectrogram(samples, settings), expected)
    with torch.inference_mode():
        again = mel_spectrogram(samples, settings)
    np.testing.assert_array_equal(again, expected)


def test_memory_of_many_lengths_is_given_up(monkeypatch):
    monkeypatch.setattr(_spectrum, "_MAX_KEPT", 5)
    monkeypatch.setattr(_spectrum, "_own", threading.local())
    settings = MFCCExtractor(n_fft=128)._config_of_mel
    clips = [noise(n, n) for n in (100, 5000, 700, 20_000, 3000) * 3]
    first = [mel_spectrogram(clip, settings) for clip in clips]
    assert len(vars(_spectrum._own)) <= 7  # one may need three
    for one, other in zip(first, first[5:], strict=False):
        np.testing.assert_array_equal(one, other)
    monkeypatch.undo()
    for clip, mel in zip(clips, first, strict=True):
        np.testing.assert_array_equal(mel_spectrogram(clip, settings), mel)
