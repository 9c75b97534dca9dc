"""The same numbers as librosa's, over its parameters: needs librosa 0.11."""

import itertools
import warnings

import numpy as np
import pytest

from mmsk.feature_extraction.audio import (
    MelSpectrogramExtractor,
    MFCCExtractor,
    SpectralExtractor,
)
from mmsk.feature_extraction.audio._mfcc import delta
from mmsk.feature_extraction.audio._trim import trim


@pytest.fixture(scope="module")
def librosa():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        librosa = pytest.importorskip("librosa", minversion="0.11")
        librosa.feature.mfcc(y=np.ones(2048, np.float32))  # loads the rest
    return librosa


def clip(n_samples, rate):
    """Return a voice that rises and fades, in noise."""
    t = np.arange(n_samples) / rate
    voice = sum(np.sin(2 * np.pi * k * (200 + 300 * t) * t) / k for k in (1, 2, 3))
    noise = np.random.default_rng(0).normal(0, 0.05, n_samples)
    return (0.3 * (voice + noise) * np.exp(-t)).astype(np.float32)


def close(got, expected):
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * abs(expected).max())


FRAMES = [
    {
        "n_fft": n_fft,
        "hop_length": hop_length,
        "win_length": win_length,
        "window": window,
        "center": center,
    }
    for (n_fft, win_length), hop_length, window, center in itertools.product(
        [(512, None), (512, 400), (2048, None), (1023, 1000)],
        [160, 512],
        ["hann", ("kaiser", 8.0)],
        [True, False],
    )
]
MELS = [
    {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": htk, "norm": norm}
    for (n_mels, fmin, fmax), htk, norm in itertools.product(
        [(128, 0.0, None), (40, 50.0, 7000.0)], [False, True], ["slaney", None]
    )
]
numbered = {"ids": lambda params: str(params).replace(" ", "")}


@pytest.mark.parametrize("frames", FRAMES, **numbered)
def test_frames_and_windows(librosa, frames):
    for rate, n_samples in ((16000, 9000), (22050, 5001)):
        y = clip(n_samples, rate)
        mel = MelSpectrogramExtractor(sample_rate=rate, decibels=False, **frames)
        close(mel._series(y), librosa.feature.melspectrogram(y=y, sr=rate, **frames))
        mfcc = MFCCExtractor(sample_rate=rate, **frames)
        close(mfcc._series(y), librosa.feature.mfcc(y=y, sr=rate, **frames))
        length, hop_length = frames["n_fft"], frames["hop_length"]
        extractor = SpectralExtractor(
            sample_rate=rate, frame_length=length, fmin=100.0, **frames
        )
        got = dict(zip(extractor.features, extractor._series(y), strict=True))
        y64 = y.astype(np.float64)
        for name in ("centroid", "bandwidth", "rolloff"):
            measure = getattr(librosa.feature, f"spectral_{name}")
            close(got[name], measure(y=y64, sr=rate, **frames)[0])
        close(got["flatness"], librosa.feature.spectral_flatness(y=y64, **frames)[0])
        longer = {
            "frame_length": length,
            "hop_length": hop_length,
            "center": frames["center"],
        }
        rate_of_crossings = librosa.feature.zero_crossing_rate(y, **longer)[0]
        close(got["zero_crossing_rate"], rate_of_crossings)
        close(got["rms"], librosa.feature.rms(y=y, **longer)[0])
        f0 = librosa.yin(y64, fmin=100.0, fmax=2093.0, sr=rate, **longer)
        np.testing.assert_allclose(got["f0"], f0, rtol=1e-5)


@pytest.mark.parametrize("mels", MELS, **numbered)
def test_filters_powers_and_transforms(librosa, mels):
    y = clip(8000, 16000)
    for power, top_db in ((2.0, 80.0), (1.0, None), (1.5, 40.0)):
        params = {**mels, "power": power}
        expected = librosa.feature.melspectrogram(y=y, sr=16000, **params)
        close(MelSpectrogramExtractor(decibels=False, **params)._series(y), expected)
        level = librosa.power_to_db(expected, top_db=top_db)
        close(MelSpectrogramExtractor(top_db=top_db, **params)._series(y), level)
    power = librosa.feature.melspectrogram(y=y, sr=16000, **mels)
    for dct_type, lifter, n_mfcc in ((1, 0, 13), (2, 22, 20), (3, 0, 40)):
        params = {"dct_type": dct_type, "lifter": lifter, "n_mfcc": n_mfcc}
        expected = librosa.feature.mfcc(S=librosa.power_to_db(power), **params)
        got = MFCCExtractor(**params, **mels)._series(y)
        close(got, expected)
        for order in (1, 2):
            slope = librosa.feature.delta(expected.astype(np.float64), order=order)
            close(delta(expected.astype(np.float64), order), slope)


@pytest.mark.parametrize("roll_percent", [0.1, 0.5, 0.99])
def test_roll_off(librosa, roll_percent):
    y = clip(8000, 16000)
    extractor = SpectralExtractor(features=["rolloff"], roll_percent=roll_percent)
    expected = librosa.feature.spectral_rolloff(
        y=y.astype(np.float64), sr=16000, roll_percent=roll_percent
    )
    close(extractor._series(y), expected)


@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.5])
def test_pitch(librosa, threshold):
    y = clip(8000, 16000)
    extractor = SpectralExtractor(
        features=["f0"], fmin=80.0, fmax=600.0, trough_threshold=threshold
    )
    expected = librosa.yin(
        y.astype(np.float64),
        fmin=80.0,
        fmax=600.0,
        sr=16000,
        trough_threshold=threshold,
    )
    np.testing.assert_allclose(extractor._series(y)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("top_db", [3, 20, 60])
@pytest.mark.parametrize("n_samples", [100, 3000, 20_000])
def test_trimming(librosa, n_samples, top_db):
    y = np.pad(clip(n_samples, 16000), (3000, 5000))
    expected, _ = librosa.effects.trim(y, top_db=top_db)
    np.testing.assert_array_equal(trim(y, top_db), expected)
