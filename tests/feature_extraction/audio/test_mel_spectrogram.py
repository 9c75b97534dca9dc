import dataclasses

import numpy as np
import pytest
from scipy.signal import get_window

from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from tests.feature_extraction.audio import _librosa


def config(**params):
    return MFCCExtractor(**params)._config_of_mel


def slow(samples, config):
    """Compute the same frame by frame, in float64 and with a dense matrix."""
    half = config.n_fft // 2 if config.center else 0
    samples = np.pad(samples.astype(np.float64), half)
    samples = np.pad(samples, (0, max(0, config.n_fft - len(samples))))
    left = (config.n_fft - config.win_length) // 2
    window = get_window(config.window, config.win_length)
    window = np.pad(window, (left, config.n_fft - left - config.win_length))
    bank = mel_filters(
        *(config.sample_rate, config.n_fft, config.n_mels, config.fmin),
        *(config.fmax, config.htk, config.norm),
    )
    starts = range(0, len(samples) - config.n_fft + 1, config.hop_length)
    frames = [samples[start : start + config.n_fft] * window for start in starts]
    spectra = [np.abs(np.fft.rfft(frame)) ** config.power for frame in frames]
    return bank @ np.transpose(spectra)


@pytest.mark.parametrize("name", _librosa.CASES)
def test_powers_are_librosas(name):
    case = _librosa.CASES[name]
    mel = mel_spectrogram(_librosa.clip(), config(**case.params))
    for place, power in case.mel.items():
        assert mel[place] == pytest.approx(power, rel=1e-5, abs=1e-9 * float(mel.max()))


@pytest.mark.parametrize("name", _librosa.CASES)
@pytest.mark.parametrize("n_samples", [1, 2, 300, 2048, 40_001])
def test_powers_are_those_of_frames_one_by_one(name, n_samples):
    samples = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)
    settings = config(**_librosa.CASES[name].params)
    mel = mel_spectrogram(samples, settings)
    expected = slow(samples, settings)
    assert mel.shape == expected.shape
    np.testing.assert_allclose(mel, expected, rtol=1e-4, atol=1e-6 * expected.max())


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 2047, 2048, 2049, 100_000])
def test_number_of_frames(n_samples):
    samples = np.zeros(n_samples, dtype=np.float32)
    centred = mel_spectrogram(samples, config())
    assert centred.shape == (128, 1 + n_samples // 512)
    other = mel_spectrogram(samples, config(center=False))
    assert other.shape == (128, max(1, 1 + (n_samples - 2048) // 512))
    assert not centred.any()


def test_a_short_clip_is_padded_behind():
    samples = np.ones(100, dtype=np.float32)
    padded = np.concatenate([samples, np.zeros(1948, dtype=np.float32)])
    settings = config(center=False)
    np.testing.assert_array_equal(
        mel_spectrogram(samples, settings), mel_spectrogram(padded, settings)
    )


@pytest.mark.parametrize("n_samples", [1, 3000, 300_000])
def test_lent_powers_are_the_same_and_others_are_kept(n_samples):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, n_samples)).astype(np.float32)
    own = mel_spectrogram(first, config())
    expected = own.copy()
    np.testing.assert_array_equal(mel_spectrogram(first, config(), lent=True), expected)
    mel_spectrogram(second, config(), lent=True)
    np.testing.assert_array_equal(own, expected)


def test_the_power_of_a_tone():
    # in the middle of a Hann window of n samples a tone's bin has (a n / 4) ** 2
    time = np.arange(16000) / 16000
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    mel = mel_spectrogram(tone, config(norm=None, n_mels=20))
    middle = mel[:, mel.shape[1] // 2].sum()
    # three bins: 1, 1/4 and 1/4 of the power
    assert middle == pytest.approx((0.5 * 2048 / 4) ** 2 * 1.5, rel=0.01)


def test_precision_matters_only_below_what_is_cut_off():
    samples = _librosa.clip()
    fast = config()
    assert not fast.precise
    mel = mel_spectrogram(samples, fast)
    exact = mel_spectrogram(samples, dataclasses.replace(fast, precise=True))
    loud = exact > exact.max() * 1e-8
    assert abs(mel[loud] / exact[loud] - 1).max() < 1e-2
    assert abs(mel - exact).max() < 1e-6 * exact.max()


@pytest.mark.parametrize(
    ("params", "precise"),
    [
        ({}, False),
        ({"top_db": 60.0}, False),
        ({"top_db": 81.0}, True),
        ({"top_db": None}, True),
        ({"power": 1.0}, True),
    ],
)
def test_where_precision_is_asked_for(params, precise):
    assert config(**params).precise == precise
