"""Mel spectrograms of clips."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.signal import get_window

from mmsk.feature_extraction.audio._mel_filters import mel_filters

_FRAMES = 32  # transformed together: what fits the processor's cache


@dataclass(frozen=True)
class MelConfig:
    """What a mel spectrogram depends on; the words are librosa's.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    n_fft, hop_length, win_length : int
        Length of a frame, step between frames and length of the window in its
        middle, in samples.
    window : str or tuple
        As of `scipy.signal.get_window`.
    center : bool
        Whether frames are centred on their position, zeros around the clip.
    n_mels : int
    fmin, fmax : float
        In Hz.
    htk : bool
    norm : {"slaney", None}
    power : float
        Exponent of the magnitudes.
    precise : bool
        Whether the transform is computed in double precision. In single precision
        what is 100 dB below a frame's loudest is rounding noise.
    """

    sample_rate: int
    n_fft: int
    hop_length: int
    win_length: int
    window: str | tuple
    center: bool
    n_mels: int
    fmin: float
    fmax: float
    htk: bool
    norm: str | None
    power: float
    precise: bool


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
    window, filters = _window(config)[:, None], _filters(config)
    frames = _frames(samples, config)
    n_frames = frames.shape[1]
    mel = np.empty((config.n_mels, n_frames), dtype=np.float32)
    for start in range(0, n_frames, _FRAMES):
        part = slice(start, start + _FRAMES)
        spectrum = scipy.fft.rfft(frames[:, part] * window, axis=0)
        magnitude = np.abs(spectrum.astype(np.complex64, copy=False))
        mel[:, part] = filters @ _to_power(magnitude, config.power)
    return mel


def _to_power(magnitude: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    if power == 2:  # four times faster than by **
        return np.square(magnitude, out=magnitude)
    return magnitude**power


def _frames(samples: NDArray[np.float32], config: MelConfig) -> NDArray[np.float32]:
    """Return a view of shape (n_fft, n_frames) on the padded clip."""
    margin = config.n_fft // 2 if config.center else 0
    size = max(len(samples) + 2 * margin, config.n_fft)
    padded = np.zeros(size, dtype=np.float32)
    padded[margin : margin + len(samples)] = samples
    shape = config.n_fft, 1 + (size - config.n_fft) // config.hop_length
    strides = padded.itemsize, config.hop_length * padded.itemsize
    return np.ndarray(shape, padded.dtype, padded, 0, strides)


@lru_cache(maxsize=8)
def _window(config: MelConfig) -> NDArray:
    """Return the window, zeros around it, of shape (n_fft,)."""
    window = np.zeros(config.n_fft, np.float64 if config.precise else np.float32)
    start = (config.n_fft - config.win_length) // 2
    window[start : start + config.win_length] = get_window(
        config.window, config.win_length
    )
    return window


@lru_cache(maxsize=8)
def _filters(config: MelConfig) -> sp.csr_array:
    """Return the filters of shape (n_mels, n_bins), nearly all of which is zero."""
    dense = mel_filters(
        config.sample_rate,
        config.n_fft,
        config.n_mels,
        config.fmin,
        config.fmax,
        config.htk,
        config.norm,
    )
    return sp.csr_array(dense.astype(np.float32))
