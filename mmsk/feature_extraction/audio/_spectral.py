"""What the spectrum and the samples of each frame say in a number or two."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._spectrum import FrameConfig, spectra

_TINY = np.finfo(np.float64).tiny
_LEAST_POWER = 1e-10
_LEAST_SAMPLE = 1e-10

SPECTRAL = ("centroid", "bandwidth", "rolloff", "flatness")


def spectral_series(
    samples: NDArray[np.float32],
    config: FrameConfig,
    names: Iterable[str],
    roll_percent: float,
) -> dict[str, NDArray[np.float64]]:
    """Describe the magnitudes of each frame's spectrum, by librosa's definitions.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : FrameConfig
        In double precision: flatness depends on the smallest magnitudes.
    names : iterable of str
        Of ``SPECTRAL``.
    roll_percent : float
        Share of the magnitudes that lie below the roll-off.

    Returns
    -------
    series : dict of str to float64 ndarray of shape (n_frames,)
        Flatness in [0, 1], the others in Hz. In silence flatness is 1, the others
        are 0.
    """
    hz = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    describe: dict[str, Callable] = {
        "centroid": lambda magnitudes: _centroid(magnitudes, hz)[:, 0],
        "bandwidth": lambda magnitudes: _bandwidth(magnitudes, hz),
        "rolloff": lambda magnitudes: _rolloff(magnitudes, hz, roll_percent),
        "flatness": _flatness,
    }
    n_frames = config.count_frames(len(samples))
    series = {name: np.empty(n_frames) for name in names}
    for which, spectrum in spectra(samples, config):
        magnitudes = np.abs(spectrum)
        for name, values in series.items():
            values[which] = describe[name](magnitudes)
    return series


def _shares(magnitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    total = magnitudes.sum(axis=1, keepdims=True)
    return magnitudes / np.where(total < _TINY, 1.0, total)


def _centroid(
    magnitudes: NDArray[np.float64], hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean frequency, of shape (n_frames, 1)."""
    return np.sum(_shares(magnitudes) * hz, axis=1, keepdims=True)


def _bandwidth(
    magnitudes: NDArray[np.float64], hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the standard deviation of frequency."""
    deviation = hz - _centroid(magnitudes, hz)
    deviation *= deviation
    deviation *= _shares(magnitudes)
    return np.sqrt(deviation.sum(axis=1))


def _rolloff(
    magnitudes: NDArray[np.float64], hz: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Return the frequency up to which a share of the magnitudes lies."""
    total = np.cumsum(magnitudes, axis=1)
    below = total < share * total[:, -1:]
    return hz[below.sum(axis=1)]


def _flatness(magnitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the geometric mean of the powers over their arithmetic mean."""
    power = np.maximum(np.square(magnitudes), _LEAST_POWER)
    return np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)


def zero_crossing_rate(
    samples: NDArray[np.float32], config: FrameConfig
) -> NDArray[np.float64]:
    """Return the share of a frame's samples whose sign is not that of the one before.

    What surrounds a clip has the sign of its ends.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample; below 1e-10 they count as 0, which is positive.
    config : FrameConfig
        ``n_fft`` is the length of a frame.

    Returns
    -------
    rate : float64 ndarray of shape (n_frames,)
        In [0, 1).
    """
    negative = samples < -_LEAST_SAMPLE
    changes = np.zeros(len(samples), dtype=np.int64)  # up to and with each sample
    np.cumsum(negative[1:] != negative[:-1], out=changes[1:])
    n_frames = config.count_frames(len(samples))
    first = np.arange(n_frames) * config.hop_length - config.margin
    last = first + config.n_fft - 1
    end = len(samples) - 1
    return (changes[last.clip(0, end)] - changes[first.clip(0, end)]) / config.n_fft
