"""Frames of clips and their spectra."""

import math
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import get_window

from mmsk.feature_extraction.audio._row_transform import row_transform

T = TypeVar("T")
C = TypeVar("C", bound="FrameConfig")
P = TypeVar("P", bound="Place")

# of frames that are transformed together: fewer cost calls, more do not fit the cache
_CHUNK_VALUES = 2**17
# values that rows are padded to a multiple of: what a processor reads at once
_ROW_STEP = 16
_MAX_STAGED = 2**20


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

    def __hash__(self) -> int:
        return self._hash  # looked up with each clip

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self)))

    @cached_property
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread computes some frames, and views of it.

    What is looked up between the transforms is far away, as they fill the caches:
    so all that is needed stands here, and is made once.
    """

    staged: NDArray[np.float32]  # samples that the frames overlap in
    frames: NDArray[np.float32]  # (n_frames, n_fft), a view of these
    source: torch.Tensor  # the same as a tensor
    window: torch.Tensor  # (n_fft,)
    windowed: torch.Tensor  # (n_frames, n_fft), in `frame_memory`
    transform_windowed: Callable[[], torch.Tensor]

    def transform(self) -> torch.Tensor:
        """Return a complex Tensor of shape (n_frames, n_fft // 2 + 1).

        It may stand in `frame_memory`, where the next one will.
        """
        torch.mul(self.source, self.window, out=self.windowed)
        return self.transform_windowed()


def find_place(config: FrameConfig, n_frames: int) -> Place:
    """Return this thread's place for so many frames."""
    return kept_place("frames", config, n_frames, _make_place)


def kept_place(kind: str, config: C, n_frames: int, make: Callable[[C, int], P]) -> P:
    """Return what this thread made for so many frames before, or make it.

    Places for clips with long steps are not kept.
    """
    if n_frames * config.hop_length > _MAX_STAGED:
        return make(config, n_frames)
    return kept((kind, config, n_frames), make, config, n_frames)


def _make_place(config: FrameConfig, n_frames: int) -> Place:
    n_staged = (n_frames - 1) * config.hop_length + config.n_fft
    capacity = 2 ** math.ceil(math.log2(n_staged))
    if n_frames * config.hop_length > _MAX_STAGED:
        staging = empty((n_staged,))
    else:
        staging = kept(("staging", capacity), empty, (capacity,))
    staged = staging[:n_staged].numpy()
    shape = (n_frames, config.n_fft)
    strides = (config.hop_length * staged.itemsize, staged.itemsize)
    frames = np.ndarray(shape, staged.dtype, staged, 0, strides)
    memory = frame_memory(config, n_frames, config.precise)
    return Place(
        staged=staged,
        frames=frames,
        source=torch.from_numpy(frames),
        window=torch.from_numpy(_window(config)),
        windowed=memory[:, : config.n_fft],
        transform_windowed=row_transform(memory, config.n_fft),
    )


def places(
    samples: NDArray[np.float32],
    config: C,
    mode: str = "constant",
    find: Callable[[C, int], P] = find_place,
) -> Iterator[tuple[slice, P]]:
    """Yield the frames of a clip, as many at a time as are best computed together.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : FrameConfig
    mode : {"constant", "edge"}, default="constant"
        Whether zeros stand before and behind a clip, or its first and last sample.
    find : callable, default=find_place
        Returns the place for a config and a number of frames.

    Yields
    ------
    which : slice
        Of the frames.
    place : Place
        Holds them until the next ones.
    """
    n_samples, n_frames = len(samples), config.count_frames(len(samples))
    n_chunks = -(-n_frames // chunk_size(config))
    size = -(-n_frames // n_chunks)
    step, offset = size * config.hop_length, -config.margin
    before, behind = (samples[0], samples[-1]) if mode == "edge" else (0, 0)
    for start in range(0, n_frames, size):
        if start == 0 or start + size > n_frames:
            place = find(config, min(size, n_frames - start))
            staged = place.staged
            n_staged = len(staged)
        end = offset + n_staged
        if offset >= 0 and end <= n_samples:
            staged[:] = samples[offset:end]
        else:
            first = min(max(0, -offset), n_staged)
            last = max(first, min(n_staged, n_samples - offset))
            staged[:first] = before
            staged[first:last] = samples[offset + first : offset + last]
            staged[last:] = behind
        yield slice(start, min(start + size, n_frames)), place
        offset += step


def framed(
    samples: NDArray[np.float32], config: FrameConfig, mode: str = "constant"
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield the frames of a clip, some at a time.

    Parameters are those of `places`.

    Yields
    ------
    which : slice
        Of the frames.
    frames : float32 ndarray of shape (n_which, n_fft)
        An overlapping view of what is overwritten by the next ones.
    """
    for which, place in places(samples, config, mode):
        yield which, place.frames


def spectra(
    samples: NDArray[np.float32], config: FrameConfig
) -> Iterator[tuple[slice, NDArray]]:
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
    spectrum : complex64 or complex128 ndarray of shape (n_which, n_fft // 2 + 1)
        complex128 if ``config.precise``; overwritten by the next one.
    """
    for which, place in places(samples, config):
        yield which, place.transform().numpy()


def frame_memory(
    config: FrameConfig, n_frames: int, double: bool = False
) -> torch.Tensor:
    """Return memory of this thread for frames, and both parts of their spectra.

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
        Its rows are further apart than they are long.
    """
    width = 2 * (config.n_fft // 2 + 1)
    shape = chunk_size(config), -(-width // _ROW_STEP) * _ROW_STEP
    memory = kept(("frames", *shape, double), empty, shape, double)
    return memory[:n_frames, :width]


def empty(shape: tuple[int, ...], double: bool = False) -> torch.Tensor:
    """Return a CPU tensor of an aligned beginning, in whatever mode torch is."""
    with torch.inference_mode(False):  # its tensors could not be used outside of it
        dtype = torch.float64 if double else torch.float32
        return torch.empty(shape, dtype=dtype, device="cpu")


_own = threading.local()
_MAX_KEPT = 200


def kept(key: Hashable, make: Callable[..., T], *args: object) -> T:
    """Return what this thread made for a key before, or make it of `args`.

    Memory that is taken and given back for each clip costs more, in page faults,
    than the computation of the mel filters; so do views of it.
    """
    known = vars(_own)
    value = known.get(key)
    if value is None:
        if len(known) >= _MAX_KEPT:
            known.clear()
        value = known[key] = make(*args)
    return value


@lru_cache(maxsize=8)
def _window(config: FrameConfig) -> NDArray:
    """Return the window, zeros around it, of shape (n_fft,)."""
    window = np.zeros(config.n_fft, np.float64 if config.precise else np.float32)
    start = (config.n_fft - config.win_length) // 2
    window[start : start + config.win_length] = get_window(
        config.window, config.win_length
    )
    return window
