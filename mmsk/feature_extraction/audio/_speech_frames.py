"""Frames that suit speech."""

import math

_FRAME_S = 0.032
_HOP_S = 0.010


def speech_frames(sample_rate: int = 16000) -> dict[str, int]:
    """Return the frames that are usual for speech, as parameters of an extractor.

    The voice changes every few hundredths of a second: a frame takes about 32 ms, to
    the next power of two in samples, and the next one starts 10 ms later [1]_. The
    defaults of the extractors are librosa's, 2048 and 512 samples, and suit music.

    Parameters
    ----------
    sample_rate : int, default=16000
        Rate in Hz. Of speech at most 8 kHz matter, so that 16000 is enough.

    Returns
    -------
    parameters : dict of str to int
        ``sample_rate``, ``n_fft`` and ``hop_length``.

    Raises
    ------
    ValueError
        If the rate is not at least 100 Hz.

    References
    ----------
    .. [1] L. R. Rabiner and R. W. Schafer, "Theory and Applications of Digital Speech
           Processing", Pearson, 2010.

    Examples
    --------
    >>> from mmsk.feature_extraction.audio import MFCCExtractor, speech_frames
    >>> speech_frames(16000)
    {'sample_rate': 16000, 'n_fft': 512, 'hop_length': 160}
    >>> extractor = MFCCExtractor(**speech_frames(8000), n_mels=40)
    >>> extractor.n_fft, extractor.hop_length
    (256, 80)
    """
    if sample_rate < 100:
        raise ValueError(f"sample_rate must be at least 100 Hz, got {sample_rate}.")
    n_fft = 2 ** round(math.log2(_FRAME_S * sample_rate))
    hop_length = max(1, round(_HOP_S * sample_rate))
    return {"sample_rate": sample_rate, "n_fft": n_fft, "hop_length": hop_length}
