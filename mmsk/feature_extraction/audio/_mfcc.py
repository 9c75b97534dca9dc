"""Mel-frequency cepstral coefficients and their change over time."""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.signal import savgol_coeffs

from mmsk.feature_extraction.audio._products import product

_FLOOR = 1e-10
_DELTA_WIDTH = 9


def power_to_db(mel: NDArray[np.float32], top_db: float | None) -> NDArray[np.float32]:
    """Convert power to decibels.

    Parameters
    ----------
    mel : float32 ndarray of shape (n_mels, n_frames)
    top_db : float or None
        What is further below the loudest is raised to there.

    Returns
    -------
    level : float32 ndarray of shape (n_mels, n_frames)
        In dB; silence is -100.
    """
    level = np.maximum(mel, _least_power(mel, top_db))
    np.log10(level, out=level)
    level *= 10
    return level


def _least_power(mel: NDArray[np.float32], top_db: float | None) -> np.float32:
    """Return what lower powers are raised to."""
    if top_db is None:
        return np.float32(_FLOOR)
    frames = mel.T  # in the order of memory
    loudest = frames.item(frames.argmax())  # in less time than by max
    return np.float32(max(_FLOOR, loudest * 10 ** (-top_db / 10)))


def mfcc(
    mel: NDArray[np.float32],
    top_db: float | None,
    n_mfcc: int,
    dct_type: int,
    lifter: float,
) -> NDArray[np.float32]:
    """Compute the coefficients of each frame.

    Parameters
    ----------
    mel : float32 ndarray of shape (n_mels, n_frames)
        Powers; overwritten, as new memory costs more than the logarithm.
    top_db : float or None
        As of `power_to_db`.
    n_mfcc : int
        At most n_mels.
    dct_type : {1, 2, 3}
        Of the orthonormal cosine transform.
    lifter : float
        0, or what raises the higher coefficients.

    Returns
    -------
    coefficients : float32 ndarray of shape (n_mfcc, n_frames)
    """
    cosines = _cosines(len(mel), n_mfcc, dct_type, lifter)
    np.maximum(mel, _least_power(mel, top_db), out=mel)
    np.log10(mel, out=mel)
    return product(mel.T, cosines).T


@lru_cache(maxsize=8)
def _cosines(
    n_mels: int, n_mfcc: int, dct_type: int, lifter: float
) -> NDArray[np.float32]:
    unit = np.eye(n_mels)
    matrix = scipy.fft.dct(unit, dct_type, axis=1, norm="ortho")[:, :n_mfcc]
    if lifter:
        order = np.arange(1, 1 + n_mfcc)
        matrix = matrix * (1 + lifter / 2 * np.sin(np.pi * order / lifter))
    matrix = 10 * matrix  # of decibels, given bels
    return np.ascontiguousarray(matrix, dtype=np.float32)  # (n_mels, n_mfcc)


def delta(series: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Estimate a derivative over time by fitting a polynomial to nine frames.

    Near the ends the first and last nine frames serve; a shorter series is fitted
    by an odd number of as many frames as it has.

    Parameters
    ----------
    series : float64 ndarray of shape (n_series, n_frames)
    order : {1, 2}
        Which derivative; also the polynomial's degree.

    Returns
    -------
    derivative : float64 ndarray of shape (n_series, n_frames)
        A step; zero where there are too few frames.
    """
    n_frames = series.shape[1]
    width = min(_DELTA_WIDTH, n_frames - 1 + n_frames % 2)
    if width <= order:
        return np.zeros_like(series)
    inner = correlate1d(series, _slope(width, order), axis=1)
    first, last = width // 2, n_frames - width // 2 - 1
    # of a polynomial of this degree the derivative is the same everywhere
    inner[:, :first] = inner[:, first, None]
    inner[:, last:] = inner[:, last, None]
    return inner


@lru_cache(maxsize=8)
def _slope(width: int, order: int) -> NDArray[np.float64]:
    return savgol_coeffs(width, order, deriv=order, use="dot")
