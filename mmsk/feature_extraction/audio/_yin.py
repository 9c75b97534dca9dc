"""Fundamental frequency by YIN."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._spectrum import FrameConfig, framed

_TINY = np.finfo(np.float32).tiny


class Pitch(NamedTuple):
    """Fundamental frequency and what speaks against it, each a value a frame."""

    f0: NDArray[np.float64]
    aperiodicity: NDArray[np.float64]


def yin(
    samples: NDArray[np.float32],
    config: FrameConfig,
    fmin: float,
    fmax: float,
    trough_threshold: float,
) -> Pitch:
    r"""Estimate the fundamental frequency of each frame, by librosa's definition.

    With the autocorrelation :math:`r` of a frame the difference from itself
    :math:`\tau` samples later, and its ratio to the mean of all shorter shifts, are

    .. math:: d(\tau) = 2 (r(0) - r(\tau)) - \sum_{m < \tau} x_m^2, \qquad
              d'(\tau) = \tau\, d(\tau) / \sum_{j=1}^{\tau} d(j).

    The period is the shortest local minimum of :math:`d'` below the threshold, else
    its global minimum, refined by a parabola.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : FrameConfig
        ``n_fft`` is the length of a frame; the window plays no part.
    fmin, fmax : float
        In Hz.
    trough_threshold : float

    Returns
    -------
    pitch : Pitch
        ``f0`` in Hz, and the value of :math:`d'` at the period, 0 for what repeats
        itself exactly, about 1 for noise. Digital silence has the f0 of the shortest
        period and the aperiodicity 1.
    """
    shortest = int(np.floor(config.sample_rate / fmax))
    longest = min(int(np.ceil(config.sample_rate / fmin)), config.n_fft - 1)
    n_frames = config.count_frames(len(samples))
    pitch = Pitch(np.empty(n_frames), np.empty(n_frames))
    for which, frames in framed(samples, config):
        normalized = _normalized_difference(frames.astype(np.float64), longest)
        silent = ~frames.any(axis=1)
        ratios = normalized[:, shortest - 1 :]  # of the shifts shortest ... longest
        chosen = _troughs(ratios, trough_threshold)
        period = shortest + chosen + _shifts(ratios, chosen)
        pitch.f0[which] = config.sample_rate / period
        value = ratios[np.arange(len(ratios)), chosen]
        pitch.aperiodicity[which] = np.where(silent, 1.0, value)
    return pitch


def _normalized_difference(
    frames: NDArray[np.float64], longest: int
) -> NDArray[np.float64]:
    """Return d' of the shifts 1 ... longest, of shape (n_frames, longest)."""
    import torch

    size = _fast_length(frames.shape[1] + longest)
    spectrum = torch.fft.rfft(torch.from_numpy(frames), n=size)
    parts = spectrum.numpy().view(np.float64)
    np.square(parts, out=parts)
    parts[:, ::2] += parts[:, 1::2]
    parts[:, 1::2] = 0
    correlation = torch.fft.irfft(spectrum, n=size).numpy()[:, : longest + 1]
    energy = np.cumsum(np.square(frames[:, :longest]), axis=1)
    difference = 2 * (correlation[:, :1] - correlation[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    return difference / (mean + _TINY)


@lru_cache(maxsize=8)
def _fast_length(size: int) -> int:
    return scipy.fft.next_fast_len(size, real=True)


def _troughs(ratios: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Return where the first minimum below the threshold is, or the lowest."""
    falls = ratios[:, 1:] < ratios[:, :-1]
    rises = ratios[:, 1:] >= ratios[:, :-1]
    trough = np.empty(ratios.shape, dtype=bool)
    trough[:, 1:-1] = falls[:, :-1] & rises[:, 1:]
    trough[:, 0] = ratios[:, 0] < ratios[:, 1]
    trough[:, -1] = falls[:, -1]
    trough &= ratios < threshold
    first = trough.argmax(axis=1)
    return np.where(trough.any(axis=1), first, ratios.argmin(axis=1))


def _shifts(
    ratios: NDArray[np.float64], chosen: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return how far from a chosen shift the minimum of the parabola around it is."""
    inside = chosen.clip(1, ratios.shape[1] - 2)
    row = np.arange(len(ratios))
    before, here, behind = (ratios[row, inside + step] for step in (-1, 0, 1))
    curve = behind + before - 2 * here
    slope = (behind - before) / 2
    usable = (abs(slope) < abs(curve)) & (inside == chosen)
    return np.where(usable, -slope / np.where(usable, curve, 1.0), 0.0)
