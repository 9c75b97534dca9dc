import numpy as np
import pytest

from mmsk.feature_extraction.audio._mel_filters import (
    hz_to_mel,
    mel_filters,
    mel_to_hz,
)
from tests.feature_extraction.audio import _librosa


@pytest.mark.parametrize(
    ("htk", "mels"), [(False, _librosa.SLANEY), (True, _librosa.HTK)]
)
def test_scales_are_librosas(htk, mels):
    np.testing.assert_allclose(
        hz_to_mel(_librosa.FREQUENCIES, htk=htk), mels, rtol=1e-6
    )
    np.testing.assert_allclose(
        mel_to_hz(mels, htk=htk), _librosa.FREQUENCIES, rtol=1e-5
    )


@pytest.mark.parametrize("htk", [False, True])
def test_scales_are_each_others_inverse(htk):
    hz = np.linspace(0, 20_000, 300)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, htk=htk), htk=htk), hz)


@pytest.mark.parametrize(
    ("htk", "norm", "start", "weights"),
    [
        (False, "slaney", _librosa.FILTER_START, _librosa.FILTER),
        (True, None, _librosa.FILTER_START_HTK, _librosa.FILTER_HTK),
    ],
)
def test_filters_are_librosas(htk, norm, start, weights):
    bank = mel_filters(16000, 64, 6, 0.0, 8000.0, htk, norm)
    assert bank.shape == (6, 33)
    stop = start + len(weights)
    np.testing.assert_allclose(bank[2, start:stop], weights, rtol=1e-6)
    assert not bank[2, :start].any()


@pytest.mark.parametrize("htk", [False, True])
def test_triangles(htk):
    bank = mel_filters(16000, 4096, 20, 300.0, 6000.0, htk, None)
    bins = np.fft.rfftfreq(4096, 1 / 16000)
    corners = mel_to_hz(np.linspace(*hz_to_mel([300.0, 6000.0], htk=htk), 22), htk=htk)
    for row, (low, top, high) in zip(
        bank, np.lib.stride_tricks.sliding_window_view(corners, 3), strict=True
    ):
        expected = np.interp(bins, [low, top, high], [0, 1, 0], left=0, right=0)
        np.testing.assert_allclose(row, expected, atol=1e-12)
    # neighbours overlap so that nothing between the tops is lost
    inside = (bins >= corners[1]) & (bins <= corners[-2])
    np.testing.assert_allclose(bank.sum(axis=0)[inside], 1)


def test_slaneys_filters_have_area_1():
    bank = mel_filters(16000, 2**16, 20, 0.0, 8000.0, False, "slaney")
    step = 16000 / 2**16
    np.testing.assert_allclose(bank.sum(axis=1) * step, 1, rtol=1e-4)


def test_a_filter_narrower_than_a_bin_is_empty():
    bank = mel_filters(16000, 128, 128, 0.0, 8000.0, False, "slaney")
    assert not bank[0].any()
    assert bank[-1].any()
