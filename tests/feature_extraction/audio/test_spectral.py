import numpy as np
import pytest

from mmsk.feature_extraction.audio._spectral import (
    SPECTRAL,
    spectral_series,
    zero_crossing_rate,
)
from mmsk.feature_extraction.audio._spectrum import FrameConfig

RATE = 8000


def config(n_fft=512, center=False):
    return FrameConfig(RATE, n_fft, 128, n_fft, "hann", center, True)


def series(samples, share=0.85, **params):
    return spectral_series(
        np.asarray(samples, np.float32), config(**params), SPECTRAL, share
    )


def tone(hz, n=2000):
    return np.sin(2 * np.pi * hz * np.arange(n) / RATE)


def test_of_a_tone_everything_is_at_its_frequency():
    got = series(tone(1000))
    np.testing.assert_allclose(got["centroid"], 1000, rtol=1e-3)
    np.testing.assert_allclose(got["rolloff"], 1000, atol=RATE / 512)
    assert (got["bandwidth"] < 20).all()
    assert (got["flatness"] < 1e-4).all()


def test_of_two_equal_tones_the_centroid_is_between_them():
    got = series(tone(1000) + tone(3000))
    np.testing.assert_allclose(got["centroid"], 2000, rtol=1e-3)
    np.testing.assert_allclose(got["bandwidth"], 1000, rtol=1e-2)
    np.testing.assert_allclose(got["rolloff"], 3000, atol=RATE / 512)
    low = series(tone(1000) + tone(3000), share=0.3)["rolloff"]
    np.testing.assert_allclose(low, 1000, atol=RATE / 512)


def test_a_click_is_flat():
    click = np.zeros(512)
    click[256] = 1
    got = series(click)
    np.testing.assert_allclose(got["flatness"], 1, rtol=1e-4)
    np.testing.assert_allclose(got["centroid"], RATE / 4, rtol=1e-4)
    np.testing.assert_allclose(got["bandwidth"], RATE / 4 / 3**0.5, rtol=1e-2)


def test_silence():
    got = series(np.zeros(1000))
    for name, value in {
        "centroid": 0,
        "bandwidth": 0,
        "rolloff": 0,
        "flatness": 1,
    }.items():
        np.testing.assert_allclose(got[name], value, atol=1e-12)


def test_loudness_changes_nothing():
    noise = np.random.default_rng(0).normal(size=2000)
    quiet, loud = series(noise), series(16 * noise)
    for name in SPECTRAL:
        np.testing.assert_allclose(quiet[name], loud[name], rtol=1e-6)


class TestZeroCrossings:
    def test_of_what_alternates(self):
        samples = np.tile([0.5, -0.5], 500).astype(np.float32)
        np.testing.assert_allclose(zero_crossing_rate(samples, config()), 511 / 512)

    def test_the_surroundings_have_the_sign_of_the_ends(self):
        samples = np.full(1000, -1, np.float32)
        assert not zero_crossing_rate(samples, config(center=True)).any()
        samples[500:] = 1
        got = zero_crossing_rate(samples, config(center=True))
        assert got.max() == 1 / 512
        assert got[0] == got[-1] == 0

    def test_what_is_next_to_nothing_is_positive(self):
        samples = np.tile([1e-11, -1e-11], 500).astype(np.float32)
        assert not zero_crossing_rate(samples, config()).any()

    @pytest.mark.parametrize("center", [True, False])
    @pytest.mark.parametrize("n_samples", [1, 2, 511, 512, 513, 3000])
    def test_frame_by_frame(self, n_samples, center):
        samples = np.random.default_rng(0).normal(size=n_samples).astype(np.float32)
        padded = np.pad(samples, 256 if center else 0, mode="edge")
        padded = np.pad(padded, (0, max(0, 512 - len(padded))), mode="edge")
        expected = [
            np.mean(
                np.diff(
                    np.signbit(padded[start : start + 512]), prepend=padded[start] < 0
                )
            )
            for start in range(0, len(padded) - 511, 128)
        ]
        np.testing.assert_allclose(
            zero_crossing_rate(samples, config(center=center)), expected
        )
