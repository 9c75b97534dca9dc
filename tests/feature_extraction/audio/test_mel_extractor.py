import numpy as np
import pytest

from mmsk.feature_extraction.audio import MelSpectrogramExtractor
from tests.feature_extraction._samples import table
from tests.feature_extraction.audio import _librosa

RATE = 8000
SMALL = {"sample_rate": RATE, "n_fft": 256, "hop_length": 128, "n_mels": 10}


@pytest.mark.parametrize("name", ["default", "htk", "magnitudes", "not centred"])
def test_powers_are_librosas(name):
    case = _librosa.CASES[name]
    params = {
        key: value for key, value in case.params.items() if key not in ("dct_type",)
    }
    mel = MelSpectrogramExtractor(**params, decibels=False)._series(_librosa.clip())
    for place, power in case.mel.items():
        assert mel[place] == pytest.approx(power, rel=1e-5, abs=1e-9 * float(mel.max()))


def test_decibels_are_cut_off_below_the_loudest():
    clip = _librosa.clip()
    power = MelSpectrogramExtractor(decibels=False)._series(clip)
    level = MelSpectrogramExtractor(top_db=30.0)._series(clip)
    expected = 10 * np.log10(power)
    np.testing.assert_allclose(
        level, np.maximum(expected, expected.max() - 30), atol=1e-4
    )


def test_columns_are_statistics_of_filters():
    tone = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE)
    extractor = MelSpectrogramExtractor(**SMALL, statistics=["mean"], deltas=1)
    row = extractor.fit_transform(table([(tone, RATE)]))[0]
    names = extractor.get_feature_names_out().tolist()
    assert names == [
        *[f"x0_mel_{i}_mean" for i in range(10)],
        *[f"x0_delta_mel_{i}_mean" for i in range(10)],
        "modality_present",
    ]
    assert (row[8:10] > row[:8].max() + 50).all()
    np.testing.assert_allclose(row[10:20], 0, atol=0.5)


def test_refuses_filters_beyond_half_of_the_rate():
    with pytest.raises(ValueError, match="half of the sample rate, 4000 Hz"):
        MelSpectrogramExtractor(**SMALL, fmax=4001.0).fit(table([(np.ones(400), RATE)]))
