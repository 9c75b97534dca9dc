"""Mel spectrograms of clips."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._spectrum import (
    FrameConfig,
    chunk_size,
    empty,
    frame_memory,
    kept,
    places,
)

# filters that a processor multiplies at once
_STEP = 16


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


mel_config = lru_cache(maxsize=32)(MelConfig)
"""Return the same object for the same values: it is asked for with each clip."""


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
    mel = np.empty((config.count_frames(len(samples)), config.n_mels), dtype=np.float32)
    place, power = None, config.power
    for which, new in places(samples, config):
        if new is not place:
            place = new
            powers, products, sums = _sums(config, len(place.frames))
            shape = powers.shape
        spectrum = place.transform()
        if power == 2:  # the filters add the squares of both parts
            parts = torch.view_as_real(spectrum).view(shape)
            torch.square(parts, out=powers)
            del parts
        else:
            powers.numpy()[:] = np.abs(spectrum.numpy()) ** power
        del spectrum  # its memory, still in the cache, is that of the next one
        for values, weights, out in products:
            torch.mm(values, weights, out=out)
        mel[which] = sums
    return mel.T


class _Sums(NamedTuple):
    """Memory for the powers of frames and the sums of filters, and views of it."""

    powers: torch.Tensor  # (n_frames, n_columns)
    products: tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], ...]
    sums: NDArray[np.float32]  # (n_frames, n_mels)


def _sums(config: MelConfig, n_frames: int) -> _Sums:
    """Return what this thread needs for the filters of so many frames."""

    def make() -> _Sums:
        n_columns = (2 if config.power == 2 else 1) * (config.n_fft // 2 + 1)
        powers = frame_memory(config, n_frames)[:, :n_columns]
        shape = chunk_size(config), config.n_mels
        sums = kept(("mel", *shape), lambda: empty(shape))[:n_frames]
        products = tuple(
            (powers[:, columns], torch.from_numpy(weights), sums[:, filters])
            for filters, columns, weights in _bands(config)
        )
        return _Sums(powers, products, sums.numpy())

    return kept(("sums", config, n_frames), make)


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
    bands = []
    for start in range(0, config.n_mels, _STEP):
        filters = slice(start, min(start + _STEP, config.n_mels))
        used = np.flatnonzero(bank[filters].any(axis=0))
        columns = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
        weights = np.ascontiguousarray(bank[filters, columns].T)
        bands.append(_Band(filters, columns, weights))
    return tuple(bands)
