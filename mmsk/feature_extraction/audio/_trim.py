"""Where a clip begins and ends."""

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._spectrum import FrameConfig, framed

_FRAME_LENGTH = 2048
_HOP_LENGTH = 512
_LEAST_POWER = 1e-10


def trim(samples: NDArray[np.float32], top_db: float) -> NDArray[np.float32]:
    """Cut off the silence before and behind a clip, by librosa's definition.

    A frame of 2048 samples, every 512, is silent if its mean power is `top_db` or
    more below that of the loudest one. The clip is cut where the first frame that
    is not silent is centred, and a step behind the last one.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    top_db : float
        Above 0.

    Returns
    -------
    trimmed : float32 ndarray of shape (m,)
        A view, at least one sample.
    """
    power = np.maximum(mean_power(samples, _FRAME_LENGTH, _HOP_LENGTH), _LEAST_POWER)
    level = 10 * np.log10(power / power.max())
    loud = np.flatnonzero(level > -top_db)
    return samples[loud[0] * _HOP_LENGTH : (loud[-1] + 1) * _HOP_LENGTH]


def mean_power(
    samples: NDArray[np.float32],
    frame_length: int,
    hop_length: int,
    center: bool = True,
) -> NDArray[np.float64]:
    """Return the mean square of each frame, of shape (n_frames,)."""
    config = FrameConfig(1, frame_length, hop_length, 1, "boxcar", center, False)
    power = np.empty(config.count_frames(len(samples)))
    for which, frames in framed(samples, config):
        np.einsum("ij,ij->i", frames, frames, out=power[which], dtype=np.float64)
    power /= frame_length
    return power
