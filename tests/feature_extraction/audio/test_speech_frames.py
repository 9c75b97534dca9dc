import pytest

from mmsk.feature_extraction.audio import speech_frames


@pytest.mark.parametrize(
    ("rate", "n_fft", "hop_length"),
    [(8000, 256, 80), (16000, 512, 160), (22050, 512, 220), (44100, 1024, 441)],
)
def test_32_ms_every_10_ms(rate, n_fft, hop_length):
    assert speech_frames(rate) == {
        "sample_rate": rate,
        "n_fft": n_fft,
        "hop_length": hop_length,
    }


def test_refuses_what_is_no_rate():
    with pytest.raises(ValueError, match="at least 100 Hz, got 50"):
        speech_frames(50)
