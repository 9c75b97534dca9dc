"""Mel spectrograms of clips."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._spectrum import (
    FrameConfig,
    Place,
    chunk_size,
    empty,
    find_place,
    frame_memory,
    kept,
    kept_place,
    places,
)

# filters that a processor multiplies at once
_STEP = 16
# columns of twice as many filters that cost less than another product
_NARROW = 200


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

    __hash__ = FrameConfig.__hash__


mel_config = lru_cache(maxsize=32)(MelConfig)
"""Return the same object for the same values: it is asked for with each clip."""


def mel_spectrogram(
    samples: NDArray[np.float32], config: MelConfig, lent: bool = False
) -> NDArray[np.float32]:
    """Compute the mel spectrogram of a clip.

    Parameters
    ----------
    samples : float32 ndarray of shape (n,)
        At least one sample.
    config : MelConfig
    lent : bool, default=False
        Whether the result may stand where this thread's next one will.

    Returns
    -------
    mel : float32 ndarray of shape (n_mels, n_frames)
        ``1 + n // hop_length`` frames if centred, else ``1 + (n - n_fft) //
        hop_length``; a clip shorter than a frame is padded to one.
    """
    n_frames, power = config.count_frames(len(samples)), config.power
    if not (lent and n_frames <= chunk_size(config)):
        lent, mel = False, np.empty((n_frames, config.n_mels), dtype=np.float32)
    for which, place in places(samples, config, find=mel_place):
        # no name for a spectrum: where it is new, its memory is that of the next one
        if power == 2:  # the filters add the squares of both parts
            torch.square(torch.view_as_real(place.transform()), out=place.powers)
        else:
            place.powers.numpy()[:] = np.abs(place.transform().numpy()) ** power
        for values, weights, out in place.products:
            torch.mm(values, weights, out=out)
        if lent:
            return place.sums.T
        mel[which] = place.sums
    return mel.T


@dataclass(frozen=True, slots=True)
class MelPlace(Place):
    """Where a thread computes the mel spectra of some frames, and views of it."""

    powers: torch.Tensor  # (n_frames, n_bins), of both parts (n_frames, n_bins, 2)
    products: tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], ...]
    sums: NDArray[np.float32]  # (n_frames, n_mels)


def mel_place(config: MelConfig, n_frames: int) -> MelPlace:
    """Return this thread's place for so many frames."""
    return kept_place("mel", config, n_frames, _make_mel_place)


def _make_mel_place(config: MelConfig, n_frames: int) -> MelPlace:
    n_bins, n_parts = config.n_fft // 2 + 1, 2 if config.power == 2 else 1
    powers = frame_memory(config, n_frames)[:, : n_parts * n_bins]
    shape = chunk_size(config), config.n_mels
    sums = kept(("sums", *shape), empty, shape)[:n_frames]
    products = tuple(
        (powers[:, columns], torch.from_numpy(weights), sums[:, filters])
        for filters, columns, weights in _bands(config)
    )
    if n_parts == 2:
        powers = powers.unflatten(1, (n_bins, 2))
    place = find_place(config, n_frames)
    views = [getattr(place, field.name) for field in fields(place)]
    return MelPlace(*views, powers, products, sums.numpy())


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
    bands: list[_Band] = []
    start = 0
    while start < config.n_mels:
        for n_filters in (2 * _STEP, _STEP):
            filters = slice(start, min(start + n_filters, config.n_mels))
            used = np.flatnonzero(bank[filters].any(axis=0))
            columns = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
            if columns.stop - columns.start <= _NARROW:
                break
        weights = np.ascontiguousarray(bank[filters, columns].T)
        bands.append(_Band(filters, columns, weights))
        start = filters.stop
    return tuple(bands)
