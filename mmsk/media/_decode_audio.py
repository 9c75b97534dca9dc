"""Decode an audio cell."""

import os
from numbers import Real

import numpy as np
import soxr

from ..exceptions import MediaError
from ._audio_limits import (
    MAX_RATE,
    MAX_SECONDS,
    MAX_VALUES,
    MIN_RATE,
    AudioLimits,
)
from ._cell_errors import naming
from ._open_audio import open_audio
from ._read_audio import MAX_BYTES, fetch_audio


def decode_audio(
    cell: object,
    *,
    sample_rate: int | None = None,
    root: str | os.PathLike | None = None,
    max_seconds: float = MAX_SECONDS,
    max_values: int = MAX_VALUES,
    max_bytes: int = MAX_BYTES,
) -> tuple[np.ndarray, int]:
    """Decode an audio cell to samples: one channel, at the rate that is asked for.

    Files are told by their content, not by their name: WAV and AIFF (8 to 32 bits,
    floats, u-law, A-law), FLAC, Ogg Vorbis, Ogg Opus and MP3. Channels are mixed by
    their mean.

    A file that is shorter than it claims, or damaged where its format can tell, is
    refused, never cut short. Safe to call from threads.

    Parameters
    ----------
    cell : str, os.PathLike, bytes, (array, sample_rate) or dict
        A path, the bytes of a file, ``{"bytes": ..., "path": ...}``, or samples in
        memory: ``(array, sample_rate)`` or ``{"array": ..., "sampling_rate": ...}``
        with an array of shape (n,) or (n, n_channels). Its floats have full scale 1
        and are refused above 16; uint8, int16 and int32 use their full range, so
        that samples of 16 bits kept in int32 are taken for a quiet clip. In a dict
        bytes go first, then the array.
    sample_rate : int, default=None
        Rate in Hz, from 100 to 768,000, to which the clip is resampled; of another
        rate, n samples become ``ceil(n * sample_rate / rate)``. ``None`` keeps that
        of the clip.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave, symbolic links and ``..`` included.
    max_seconds : float, default=600
        Longest clip that is accepted.
    max_values : int, default=64 * 2**20
        Limit on samples times channels, before resampling and after.
    max_bytes : int, default=64 * 2**20
        Largest file that is accepted.

    Returns
    -------
    samples : float32 ndarray of shape (n,)
        The samples, full scale is 1, at least one; the caller's own.
    sample_rate : int
        Their rate in Hz.

    Raises
    ------
    MediaError
        If the cell holds no usable clip; ``code`` says why: those of `read_audio`,
        and UNKNOWN_FORMAT, FORMAT_NOT_ALLOWED, TRUNCATED, CORRUPT, TOO_LONG,
        BAD_RATE, BAD_CHANNELS, ZERO_LENGTH, NOT_FINITE and OUT_OF_MEMORY.
    ValueError
        If ``sample_rate`` is not a rate, or `root` is not a folder.

    See Also
    --------
    read_audio : The undecoded content of a cell.

    Notes
    -----
    Resampling is by soxr at its high quality: the error stays 130 dB below full
    scale.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.media import decode_audio
    >>> stereo = np.array([[0, 16384], [-32768, 0]], dtype=np.int16)
    >>> decode_audio((stereo, 8000))
    (array([ 0.25, -0.5 ], dtype=float32), 8000)
    """
    if sample_rate is not None:
        sample_rate = _checked_rate(sample_rate)
    content, path = fetch_audio(cell, root=root, max_bytes=max_bytes)
    with naming(path, what="clip", limit="max_values"):
        samples, rate = open_audio(content, AudioLimits(max_seconds, max_values))
        if sample_rate is None or sample_rate == rate:
            return samples, rate
        return _resample(samples, rate, sample_rate, max_values), sample_rate


def _checked_rate(sample_rate: Real) -> int:
    good = isinstance(sample_rate, Real) and MIN_RATE <= sample_rate <= MAX_RATE
    if not good or sample_rate != int(sample_rate):
        raise ValueError(
            f"sample_rate must be from {MIN_RATE} to {MAX_RATE} Hz, a whole number, "
            f"got {sample_rate!r}."
        )
    return int(sample_rate)


def _resample(
    samples: np.ndarray, rate: int, new_rate: int, max_values: int
) -> np.ndarray:
    n_samples = -(-len(samples) * new_rate // rate)
    if n_samples > max_values:
        raise MediaError(
            "TOO_LONG",
            f"{n_samples} samples at {new_rate} Hz, more than max_values={max_values}",
            advice="Cut it, lower sample_rate, or raise max_values.",
        )
    resampled = soxr.resample(samples, rate, new_rate, quality="HQ")
    # it rounds: short of one sample, or none is left of a very short clip
    missing = max(0, n_samples - len(resampled))
    return np.pad(resampled[:n_samples], (0, missing))
