"""Mel spectrograms of clips."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._mel_filters import mel_filters
from mmsk.feature_extraction.audio._spectrum import (
    FrameConfig,
    empty,
    frame_memory,
    kept,
    spectra,
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
    import torch  # its products of small matrices are the fastest

    mel = np.empty((config.count_frames(len(samples)), config.n_mels), dtype=np.float32)
    for which, spectrum in spectra(samples, config):
        chunk = _chunk(config, len(spectrum))
        _raise(spectrum, config.power, chunk.powers)
        for powers, weights, sums in chunk.products:
            torch.mm(powers, weights, out=sums)
        mel[which] = chunk.sums
    return mel.T


def _raise(spectrum: Any, power: float, out: Any) -> None:
    """Write magnitudes to a power, or what adds up to them: squares of both parts."""
    import torch

    if power == 2:  # the filters add the squares: no pass of its own
        torch.square(torch.view_as_real(spectrum).flatten(1), out=out)
    else:
        magnitudes = np.abs(spectrum.numpy())
        if power != 1:
            magnitudes **= power
        out.numpy()[:] = magnitudes


class _Chunk(NamedTuple):
    """Memory for the powers of frames and the sums of filters, and views of it."""

    powers: Any  # (n_frames, n_columns)
    products: tuple[tuple[Any, Any, Any], ...]
    sums: NDArray[np.float32]  # (n_frames, n_mels)


def _chunk(config: MelConfig, n_frames: int) -> _Chunk:
    """Return what this thread needs for so many frames."""
    return kept((config, n_frames), lambda: _make_chunk(config, n_frames))


def _make_chunk(config: MelConfig, n_frames: int) -> _Chunk:
    import torch

    n_columns = (2 if config.power == 2 else 1) * (config.n_fft // 2 + 1)
    powers = frame_memory(config, n_frames)[:, :n_columns]
    sums = empty((n_frames, config.n_mels))
    products = tuple(
        (powers[:, columns], torch.from_numpy(weights), sums[:, filters])
        for filters, columns, weights in _bands(config)
    )
    return _Chunk(powers, products, sums.numpy())


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
