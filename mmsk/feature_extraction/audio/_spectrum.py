"""Frames of clips and their spectra."""

import math
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

T = TypeVar("T")

# of frames that are transformed together: fewer cost calls, more do not fit the cache
_CHUNK_VALUES = 80 * 2**11
# values that rows are padded to a multiple of: what a processor reads at once
_ROW_STEP = 16


@dataclass(frozen=True)
class FrameConfig:
    """How clips are cut into frames; the words are librosa's.

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
    precise: bool

    @property
    def margin(self) -> int:
        """How many samples before the clip the first frame starts."""
        return self.n_fft // 2 if self.center else 0

    def count_frames(self, n_samples: int) -> int:
        """Return how many frames a clip has, at least one."""
        spare = n_samples + 2 * self.margin - self.n_fft
        return 1 + max(0, spare) // self.hop_length


def chunk_size(config: FrameConfig) -> int:
    """Return how many frames are computed together at most."""
    return max(1, _CHUNK_VALUES // config.n_fft)


def framed(
    samples: NDArray[np.float32], config: FrameConfig, mode: str = "constant"
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield the frames of a clip, as many at a time as are best computed together.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : FrameConfig
    mode : {"constant", "edge"}, default="constant"
        Whether zeros stand before and behind a clip, or its first and last sample.

    Yields
    ------
    which : slice
        Of the frames.
    frames : float32 ndarray of shape (n_which, n_fft)
        An overlapping view of what is overwritten by the next ones.
    """
    n_frames = config.count_frames(len(samples))
    n_chunks = -(-n_frames // chunk_size(config))
    size = -(-n_frames // n_chunks)
    n_staged = (size - 1) * config.hop_length + config.n_fft
    staging = _staging(n_staged)
    before, behind = (samples[0], samples[-1]) if mode == "edge" else (0, 0)
    for start in range(0, n_frames, size):
        which = slice(start, min(start + size, n_frames))
        count = which.stop - start
        used = staging[: (count - 1) * config.hop_length + config.n_fft]
        offset = start * config.hop_length - config.margin  # of `used` in the clip
        first = min(max(0, -offset), len(used))
        last = max(first, min(len(used), len(samples) - offset))
        used[:first] = before
        used[first:last] = samples[offset + first : offset + last]
        used[last:] = behind
        shape = (count, config.n_fft)
        strides = (config.hop_length * used.itemsize, used.itemsize)
        yield which, np.ndarray(shape, used.dtype, used, 0, strides)


def _staging(size: int) -> NDArray[np.float32]:
    """Return memory of this thread for at least so many samples, not much more."""
    if size > 8 * _CHUNK_VALUES:  # of clips with long steps
        return empty((size,)).numpy()
    power = 2 ** math.ceil(math.log2(size))
    return kept(("staging", power), lambda: empty((power,)).numpy())


def spectra(
    samples: NDArray[np.float32], config: FrameConfig
) -> Iterator[tuple[slice, Any]]:
    """Yield the spectra of a clip, some frames at a time.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : FrameConfig

    Yields
    ------
    which : slice
        Of the frames.
    spectrum : complex64 or complex128 Tensor of shape (n_which, n_fft // 2 + 1)
        complex128 if ``config.precise``; the caller's own.
    """
    import torch  # its transform takes half the time of SciPy's

    window = torch.from_numpy(_window(config))
    for which, frames in framed(samples, config):
        windowed = frame_memory(config, len(frames), config.precise)[:, : config.n_fft]
        torch.mul(torch.from_numpy(frames), window, out=windowed)
        yield which, torch.fft.rfft(windowed)


def frame_memory(config: FrameConfig, n_frames: int, double: bool = False) -> Any:
    """Return memory of this thread for both parts of the spectra of frames.

    `spectra` puts windowed frames there, and is done with them when it yields.

    Parameters
    ----------
    config : FrameConfig
    n_frames : int
        At most `chunk_size`.
    double : bool, default=False
        Whether in double precision.

    Returns
    -------
    memory : float32 or float64 Tensor of shape (n_frames, 2 * (n_fft // 2 + 1))
        For each shape the same tensor, as long as it is among those used last. Its
        rows are further apart than they are long.
    """
    width = 2 * (config.n_fft // 2 + 1)
    step = -(-width // _ROW_STEP) * _ROW_STEP
    key = "frames", config.n_fft, chunk_size(config), double

    def view() -> Any:
        memory = kept(key, lambda: empty((chunk_size(config), step), double))
        return memory[:n_frames, :width]

    return kept((*key, n_frames), view)


def empty(shape: tuple[int, ...], double: bool = False) -> Any:
    """Return a CPU tensor of an aligned beginning, in whatever mode torch is."""
    import torch

    with torch.inference_mode(False):  # its tensors could not be used outside of it
        dtype = torch.float64 if double else torch.float32
        return torch.empty(shape, dtype=dtype, device="cpu")


_own = threading.local()
_MAX_KEPT = 200


def kept(key: Hashable, make: Callable[[], T]) -> T:
    """Return what this thread made for a key before, or make it.

    Memory that is taken and given back for each clip costs more, in page faults,
    than the computation of the mel filters; so do views of it.
    """
    known = vars(_own)
    if key not in known:
        if len(known) >= _MAX_KEPT:
            known.clear()
        known[key] = make()
    return known[key]


@lru_cache(maxsize=8)
def _window(config: FrameConfig) -> NDArray:
    """Return the window, zeros around it, of shape (n_fft,)."""
    window = np.zeros(config.n_fft, np.float64 if config.precise else np.float32)
    start = (config.n_fft - config.win_length) // 2
    window[start : start + config.win_length] = get_window(
        config.window, config.win_length
    )
    return window
