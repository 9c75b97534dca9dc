import numpy as np
import pytest

from mmsk.feature_extraction.audio._spectrum import FrameConfig
from mmsk.feature_extraction.audio._yin import yin

RATE = 16000


def pitch(samples, fmin=65.0, fmax=2093.0, length=2048, threshold=0.1, **changes):
    settings = {"hop_length": 512, "center": False, **changes}
    config = FrameConfig(
        RATE, length, settings["hop_length"], length, "hann", settings["center"], True
    )
    return yin(samples.astype(np.float32), config, fmin, fmax, threshold)


def time(seconds=0.5):
    return np.arange(int(seconds * RATE)) / RATE


@pytest.mark.parametrize("hz", [70, 100, 123.4, 220, 440, 987.6, 1500, 2000])
@pytest.mark.parametrize("overtones", [1, 5])
def test_the_pitch_of_a_tone_to_1_percent(hz, overtones):
    n = [k for k in range(1, overtones + 1) if k * hz < RATE / 2]
    tone = sum(np.sin(2 * np.pi * hz * k * time() + k) / k for k in n)
    got = pitch(tone)
    np.testing.assert_allclose(got.f0, hz, rtol=0.01)
    assert (got.aperiodicity < 0.1).all()


def test_a_missing_fundamental_is_heard():
    tone = sum(np.sin(2 * np.pi * 150 * k * time()) for k in (2, 3, 4, 5))
    np.testing.assert_allclose(pitch(tone).f0, 150, rtol=0.01)


def test_a_glide_is_followed():
    start, stop = 200.0, 400.0
    t = time(1.0)
    glide = np.sin(2 * np.pi * (start * t + (stop - start) / 2 * t**2))
    got = pitch(glide, length=1024, hop_length=256)
    middle = (np.arange(len(got.f0)) * 256 + 512) / RATE
    np.testing.assert_allclose(got.f0, start + (stop - start) * middle, rtol=0.02)


def test_noise_has_no_period_and_silence_neither():
    noise = np.random.default_rng(0).normal(size=8000)
    got = pitch(noise)
    assert got.aperiodicity.min() > 0.5
    got = pitch(np.zeros(8000))
    assert (got.aperiodicity == 1).all()
    np.testing.assert_allclose(got.f0, RATE / (RATE // 2093))


def test_a_louder_tone_has_the_same_pitch():
    tone = np.sin(2 * np.pi * 330 * time())
    np.testing.assert_allclose(pitch(1e-3 * tone).f0, pitch(tone).f0, rtol=1e-5)


def test_the_threshold_prefers_the_shortest_period():
    # every second period is a bit louder: the true period is the double one
    tone = np.sin(2 * np.pi * 400 * time()) * (
        1 + 0.4 * np.cos(2 * np.pi * 200 * time())
    )
    np.testing.assert_allclose(pitch(tone, threshold=0.5).f0, 400, rtol=0.01)
    np.testing.assert_allclose(pitch(tone, threshold=1e-9).f0, 200, rtol=0.01)
