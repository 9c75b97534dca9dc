import numpy as np
import pytest

from mmsk.feature_extraction.audio import SpectralExtractor
from mmsk.feature_extraction.audio._spectral_extractor import FEATURES
from tests.feature_extraction._samples import table
from tests.feature_extraction.audio import _librosa

RATE = 8000
SMALL = {
    "sample_rate": RATE,
    "n_fft": 256,
    "hop_length": 128,
    "frame_length": 512,
    "fmin": 100.0,
}


@pytest.mark.parametrize("name", _librosa.SPECTRAL)
def test_measures_are_librosas(name):
    params, n_frames, expected = _librosa.SPECTRAL[name]
    extractor = SpectralExtractor(
        features=list(expected),
        frame_length=params.get("n_fft", 2048),
        fmin=80.0,
        fmax=2000.0,
        **params,
    )
    got = extractor._series(_librosa.noisy_clip())
    assert got.shape == (len(expected), n_frames)
    frames = [0, n_frames // 2, n_frames - 1]
    np.testing.assert_allclose(got[:, frames], list(expected.values()), rtol=1e-5)


def test_only_what_is_asked_for_in_its_order():
    X = table([(np.sin(np.arange(4000) * 0.3), RATE)])
    whole = SpectralExtractor(**SMALL, statistics=["mean", "quarters"])
    row = whole.fit_transform(X)[0]
    names = whole.get_feature_names_out().tolist()
    assert names[: len(FEATURES)] == [f"x0_{name}_mean" for name in FEATURES]
    for features in (["rms"], ["f0"], ["aperiodicity", "centroid"], FEATURES[::-1]):
        part = SpectralExtractor(
            **SMALL, statistics=["mean", "quarters"], features=features
        )
        got = part.fit_transform(X)[0]
        for name, value in zip(part.get_feature_names_out(), got, strict=True):
            assert value == row[names.index(name)]


def test_a_voice_that_rises():
    t = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * k * (150 * t + 50 * t**2)) / k for k in (1, 2, 3))
    extractor = SpectralExtractor(
        **SMALL, fmax=500.0, features=["f0"], statistics=["quarters"], center=False
    )
    row = extractor.fit_transform(table([(voice / 4, RATE)]))[0]
    # 150 Hz at the start, 250 Hz at the end
    np.testing.assert_allclose(row[:4], [162.5, 187.5, 212.5, 237.5], rtol=0.05)


def test_frames_of_two_lengths_agree_in_number():
    X = table([(np.random.default_rng(0).normal(0, 0.1, 1000), RATE)])
    for center in (True, False):
        for n_fft, frame_length in ((256, 1023), (511, 512)):
            extractor = SpectralExtractor(
                **{**SMALL, "n_fft": n_fft, "frame_length": frame_length},
                center=center,
            )
            assert np.isfinite(extractor.fit_transform(X)).all()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"features": []}, "features is empty"),
        ({"features": ["rms", "rms"]}, "features must be different ones of"),
        ({"features": ["pitch"]}, "features must be different ones of"),
        ({"fmax": 4001.0}, "half of the sample rate, 4000 Hz.*fmax=4001"),
        ({"fmin": 600.0, "fmax": 600.0}, "fmin=600.0 and fmax=600.0"),
        ({"fmin": 15.0}, "below frame_length=512"),
        ({"fmin": 3500.0, "fmax": 4000.0}, "a range of three or more"),
        ({"roll_percent": 1.0}, "The 'roll_percent' parameter"),
        ({"trough_threshold": 0.0}, "The 'trough_threshold' parameter"),
        ({"frame_length": 1}, "The 'frame_length' parameter"),
    ],
)
def test_what_is_refused(params, words):
    X = table([(np.ones(1000), RATE)])
    with pytest.raises(ValueError, match=words):
        SpectralExtractor(**{**SMALL, **params}).fit(X)


def test_without_pitch_its_limits_do_not_matter():
    X = table([(np.ones(1000), RATE)])
    extractor = SpectralExtractor(
        **{**SMALL, "fmin": 15.0}, features=["rms"], center=False
    )
    np.testing.assert_allclose(extractor.fit_transform(X)[0, 2], 1)  # the median
