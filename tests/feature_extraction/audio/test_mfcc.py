import numpy as np
import pytest
from scipy.fftpack import dct
from scipy.signal import savgol_filter

from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from mmsk.feature_extraction.audio._mfcc import delta, mfcc, power_to_db
from tests.feature_extraction.audio import _librosa


def coefficients(samples, **params):
    extractor = MFCCExtractor(**params)
    mel = mel_spectrogram(samples, extractor._config_of_mel)
    settings = extractor.n_mfcc, extractor.dct_type, extractor.lifter
    return mfcc(mel, extractor.top_db, *settings)


@pytest.mark.parametrize("name", _librosa.CASES)
def test_coefficients_are_librosas(name):
    case = _librosa.CASES[name]
    got = coefficients(_librosa.clip(), **case.params)
    assert got.shape == case.shape
    tolerance = 1e-5 * abs(got).max()
    for frame, expected in case.coefficients.items():
        np.testing.assert_allclose(got[:6, frame], expected, rtol=0, atol=tolerance)
    assert abs(got).sum(dtype=np.float64) == pytest.approx(case.total, rel=1e-5)


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_are_librosas(order):
    series = coefficients(_librosa.clip(), hop_length=128, n_mfcc=2)
    got = delta(series.astype(np.float64), order)[:, _librosa.DELTA_FRAMES]
    expected = np.array(_librosa.DELTAS[order])
    np.testing.assert_allclose(got, expected, atol=1e-5 * abs(series).max())


class TestDecibels:
    def test_are_ten_times_the_logarithm(self):
        level = power_to_db(np.float32([[1, 100], [0.1, 1e-3]]), None)
        np.testing.assert_allclose(level, [[0, 20], [-10, -30]], atol=1e-5)

    def test_silence_is_100_below(self):
        zeros = np.zeros((2, 3), np.float32)
        for top_db in (80.0, None):
            np.testing.assert_allclose(power_to_db(zeros, top_db), -100)

    def test_are_cut_off_below_the_loudest(self):
        mel = np.float32([[1000, 1], [1e-6, 0]])
        level = power_to_db(mel, 40.0)
        np.testing.assert_allclose(level, [[30, 0], [-10, -10]], atol=1e-5)
        np.testing.assert_array_equal(mel, np.float32([[1000, 1], [1e-6, 0]]))


class TestCosines:
    @pytest.mark.parametrize("dct_type", [1, 2, 3])
    def test_are_the_orthonormal_transform(self, dct_type):
        level = np.random.default_rng(0).normal(size=(24, 7))
        mel = np.exp(level).astype(np.float32)
        expected = dct(level, dct_type, axis=0, norm="ortho")[:9] * 10 / np.log(10)
        got = mfcc(mel, None, 9, dct_type, 0)
        np.testing.assert_allclose(got, expected, atol=1e-4)

    def test_of_frames_one_by_one_are_the_same(self):
        level = np.random.default_rng(0).normal(size=(64, 700))
        mel = np.exp(level).astype(np.float32)
        got = mfcc(mel.copy(), None, 5, 2, 0)
        single = [mfcc(mel[:, i : i + 1], None, 5, 2, 0) for i in range(700)]
        np.testing.assert_allclose(got, np.hstack(single), atol=1e-4)

    def test_of_what_is_cut_off_below_the_loudest(self):
        mel = np.exp(np.random.default_rng(0).normal(size=(24, 7), scale=9))
        mel = mel.astype(np.float32)
        cut = np.maximum(mel, mel.max() * np.float32(1e-4))
        np.testing.assert_allclose(
            mfcc(mel, 40.0, 6, 2, 0), mfcc(cut, None, 6, 2, 0), atol=1e-4
        )

    def test_of_a_flat_spectrum_only_the_first_is_not_0(self):
        mel = np.full((64, 3), 10**-0.7, dtype=np.float32)
        got = mfcc(mel, 80.0, 5, 2, 0)
        np.testing.assert_allclose(got[0], -7 * 8, rtol=1e-6)
        np.testing.assert_allclose(got[1:], 0, atol=1e-4)

    def test_lifter(self):
        level = np.random.default_rng(0).normal(size=(24, 7)).astype(np.float32)
        plain, lifted = (mfcc(np.exp(level), None, 4, 2, lifter) for lifter in (0, 22))
        order = np.arange(1, 5)[:, None]
        expected = plain * (1 + 11 * np.sin(np.pi * order / 22))
        np.testing.assert_allclose(lifted, expected, rtol=1e-5)


class TestDelta:
    def test_of_a_line_and_a_parabola(self):
        time = np.arange(20.0)
        series = np.stack([3 * time - 1, time**2, np.full(20, 5.0)])
        slope = delta(series, 1)
        np.testing.assert_allclose(slope[0], 3)
        np.testing.assert_allclose(slope[1, 4:-4], 2 * time[4:-4])
        np.testing.assert_allclose(slope[2], 0, atol=1e-12)
        np.testing.assert_allclose(delta(series, 2)[:2].T, [[0, 2]] * 20, atol=1e-10)

    @pytest.mark.parametrize("order", [1, 2])
    @pytest.mark.parametrize("n_frames", [9, 10, 11, 200])
    def test_is_a_savitzky_golay_filter(self, order, n_frames):
        series = np.random.default_rng(0).normal(size=(3, n_frames))
        expected = savgol_filter(series, 9, order, deriv=order, mode="interp")
        np.testing.assert_allclose(delta(series, order), expected, atol=1e-12)

    @pytest.mark.parametrize("n_frames", range(1, 9))
    def test_a_short_series_is_fitted_by_what_it_has(self, n_frames):
        line = 2 * np.arange(float(n_frames))[None]
        expected = 2 if n_frames >= 3 else 0
        np.testing.assert_allclose(delta(line, 1), expected)
        parabola = line**2
        expected = 8 if n_frames >= 3 else 0
        np.testing.assert_allclose(delta(parabola, 2), expected, atol=1e-9)

    def test_does_not_write_to_the_series(self):
        series = np.random.default_rng(0).normal(size=(3, 30))
        before = series.copy()
        delta(series, 1)
        np.testing.assert_array_equal(series, before)
