import numpy as np
import pytest

from mmsk.feature_extraction.audio._trim import mean_power, trim
from tests.feature_extraction.audio import _librosa


@pytest.mark.parametrize("top_db", _librosa.TRIMMED)
def test_is_cut_where_librosa_cuts(top_db):
    zeros = np.zeros(5000, np.float32)
    samples = np.concatenate([zeros[:3000], _librosa.clip(), zeros])
    start, stop = _librosa.TRIMMED[top_db]
    np.testing.assert_array_equal(trim(samples, top_db), samples[start:stop])


def test_silence_and_what_is_loud_throughout_stay():
    zeros = np.zeros(4000, np.float32)
    assert len(trim(zeros, 60.0)) == 4000
    assert len(trim(np.ones(4000, np.float32), 60.0)) == 4000


@pytest.mark.parametrize("n_samples", [1, 2, 511, 512, 513, 1024, 3000])
@pytest.mark.parametrize("top_db", [1e-6, 1.0, 80.0])
def test_something_is_always_left(n_samples, top_db):
    rng = np.random.default_rng(0)
    for samples in (rng.normal(size=n_samples), np.arange(n_samples)):
        assert len(trim(samples.astype(np.float32), top_db)) >= 1


def test_mean_power_of_frames():
    samples = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    padded = np.pad(samples.astype(float), 50)
    expected = [(padded[i : i + 100] ** 2).mean() for i in range(0, 1001, 30)]
    np.testing.assert_allclose(mean_power(samples, 100, 30), expected)
    inner = [
        (samples[i : i + 100].astype(float) ** 2).mean() for i in range(0, 901, 30)
    ]
    np.testing.assert_allclose(mean_power(samples, 100, 30, False), inner)
