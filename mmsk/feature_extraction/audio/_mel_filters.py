"""Triangular filters on the mel scale."""

import numpy as np
from numpy.typing import NDArray

# Slaney's scale is linear below 1 kHz and logarithmic above
_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(frequencies_hz: NDArray | float, *, htk: bool) -> NDArray[np.float64]:
    """Convert frequencies to mels.

    Parameters
    ----------
    frequencies_hz : float or array-like
    htk : bool
        Whether by HTK's formula, else by that of Slaney's Auditory Toolbox.

    Returns
    -------
    mels : float64 ndarray of the same shape
    """
    hz = np.asarray(frequencies_hz, dtype=np.float64)
    if htk:
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.minimum(hz, _BREAK_HZ) / _LINEAR_HZ + above


def mel_to_hz(mels: NDArray | float, *, htk: bool) -> NDArray[np.float64]:
    """Convert mels to frequencies, the inverse of `hz_to_mel`."""
    mels = np.asarray(mels, dtype=np.float64)
    if htk:
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    above = np.exp(_LOG_STEP * np.maximum(mels - _BREAK_MEL, 0.0))
    return np.minimum(mels, _BREAK_MEL) * _LINEAR_HZ * above


def mel_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float,
    htk: bool,
    norm: str | None,
) -> NDArray[np.float64]:
    """Return triangular filters whose corners are equally spaced in mels.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Length of a frame in samples.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Lowest and highest corner in Hz.
    htk : bool
        Which mel scale, see `hz_to_mel`.
    norm : {"slaney", None}
        Whether a filter's area over frequency is 1, or its peak.

    Returns
    -------
    filters : float64 ndarray of shape (n_mels, n_fft // 2 + 1)
        A filter that is narrower than the spectrum's step may be all zero.
    """
    low, high = hz_to_mel([fmin, fmax], htk=htk)
    corners = mel_to_hz(np.linspace(low, high, n_mels + 2), htk=htk)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    distance = corners[:, None] - bins  # (n_mels + 2, n_bins)
    width = np.diff(corners)[:, None]
    rising, falling = -distance[:-2] / width[:-1], distance[2:] / width[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        filters *= 2.0 / (corners[2:] - corners[:-2])[:, None]
    return filters
