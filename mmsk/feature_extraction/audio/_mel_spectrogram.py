"""Mel spectrograms of clips."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._products import product
from mmsk.feature_extraction.audio._spectrum import FrameConfig, spectra

# filters that a processor multiplies at once, and how large a band is worth a call
_STEP = 8
_BAND_AREA = 2048


@dataclass(frozen=True)
class MelConfig(FrameConfig):
    """What a mel spectrogram depends on; the words are librosa's.

    Attributes
    ----------
    n_mels : int
    fmin, fmax : float
        In Hz.
    htk : bool
    norm : {"slaney", None}
    power : float
        Exponent of the magnitudes.
    """

    n_mels: int
    fmin: float
    fmax: float
    htk: bool
    norm: str | None
    power: float


def mel_spectrogram(
    samples: NDArray[np.float32], config: MelConfig
) -> NDArray[np.float32]:
    """Compute the mel spectrogram of a clip.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : MelConfig

    Returns
    -------
    mel : float32 ndarray of shape (n_mels, n_frames)
        ``1 + n // hop_length`` frames if centred, else ``1 + (n - n_fft) //
        hop_length``; a clip shorter than a frame is padded to one.
    """
    n_frames = config.count_frames(len(samples))
    mel = np.empty((n_frames, config.n_mels), dtype=np.float32)
    bands = _bands(config)
    for which, spectrum in spectra(samples, config):
        values, out = _raised(spectrum, config.power), mel[which]
        for filters, columns, weights in bands:
            product(values[:, columns], weights, out[:, filters])
    return mel.T


def _raised(spectrum: NDArray, power: float) -> NDArray[np.float32]:
    """Return magnitudes to a power, or what adds up to them: squares in pairs."""
    if power == 2:  # the filters add the squares of both parts: no pass of its own
        values = spectrum.view(spectrum.real.dtype)
        np.square(values, out=values)
    else:
        values = np.abs(spectrum)
        if power != 1:
            values **= power
    return values.astype(np.float32, copy=False)


class _Band(NamedTuple):
    """Neighbouring filters: outside of these columns they are zero."""

    filters: slice
    columns: slice
    weights: NDArray[np.float32]  # (n_columns, n_filters)


@lru_cache(maxsize=8)
def _bands(config: MelConfig) -> tuple[_Band, ...]:
    """Cut the bank of filters, nearly all of which is zero, into dense bands."""
    bank = mel_filters(
        config.sample_rate,
        config.n_fft,
        config.n_mels,
        config.fmin,
        config.fmax,
        config.htk,
        config.norm,
    ).astype(np.float32)
    bank = np.repeat(bank, 2 if config.power == 2 else 1, axis=1)
    bands, start = [], 0
    while start < config.n_mels:
        stop = start + _STEP
        while stop < config.n_mels and _area(bank[start : stop + _STEP]) <= _BAND_AREA:
            stop += _STEP
        stop = min(stop, config.n_mels)
        used = np.flatnonzero(bank[start:stop].any(axis=0))
        columns = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
        weights = np.ascontiguousarray(bank[start:stop, columns].T)
        bands.append(_Band(slice(start, stop), columns, weights))
        start = stop
    return tuple(bands)


def _area(rows: NDArray) -> int:
    """Return how large the dense band is in which the rows are not zero."""
    used = np.flatnonzero(rows.any(axis=0))
    return len(rows) * (used[-1] - used[0] + 1 if used.size else 1)
