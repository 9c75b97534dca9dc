"""Arrays that are given as clips."""

import sys
from numbers import Real

import numpy as np

from ..exceptions import MediaError
from ._audio_limits import MAX_CHANNELS, check_rate
from ._audio_source import SAMPLE_BYTES
from ._audio_wav import pack_wav

# by kind and size of a dtype: whole numbers use their full range
_INTEGERS = {("u", 1): "PCM_U8", ("i", 2): "PCM_16", ("i", 4): "PCM_32"}
_MAX_BYTES = 2**32 - 64  # what a WAV can state
# 24 dB over full scale, more than float sound overshoots it by; of 16 bits in floats
# only a clip that stays below -66 dB of its full scale gets past
_MAX_LEVEL = 16


def array_to_wav(array: object, sample_rate: object) -> bytes:
    """Return a clip in memory as a file, so that both are hashed and decoded alike.

    Parameters
    ----------
    array : ndarray or list of numbers, of shape (n,) or (n, n_channels)
        Floats have full scale 1, and may overshoot it up to 16; uint8 (128 is
        silence), int16 and int32 use their full range. Samples of 16 bits kept in
        int32 cannot be told from a quiet clip: cast them to int16.
    sample_rate : int
        In Hz.

    Returns
    -------
    wav : bytes
        The samples in a WAV file, floats in 32 bits.

    Raises
    ------
    MediaError
        With code BAD_TYPE, BAD_RATE, BAD_CHANNELS, ZERO_LENGTH or TOO_LONG.
    """
    if isinstance(array, list | tuple):
        try:
            array = np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise MediaError("BAD_TYPE", "a list that is not of numbers") from error
    rate = _checked_rate(sample_rate)
    _check_shape(array)
    subtype = _INTEGERS.get((array.dtype.kind, array.dtype.itemsize))
    if subtype is None and array.dtype.kind != "f":
        raise MediaError(
            "BAD_TYPE",
            f"an array of {array.dtype}",
            advice="Pass floats with full scale 1, int16, int32 or uint8.",
        )
    subtype = subtype or "FLOAT"
    if array.size * SAMPLE_BYTES[subtype] > _MAX_BYTES:
        raise MediaError("TOO_LONG", f"an array of {array.size} values")
    if subtype == "FLOAT":
        with np.errstate(over="ignore"):  # infinity is refused when it is decoded
            array = array.astype(np.float32)
        _check_level(array)
    if array.dtype.byteorder == ">" or sys.byteorder == "big":
        array = array.astype(array.dtype.newbyteorder("<"))
    n_channels = array.shape[1] if array.ndim == 2 else 1
    return pack_wav(array.tobytes(), rate, n_channels, subtype)


def _checked_rate(sample_rate: object) -> int:
    if not isinstance(sample_rate, Real) or isinstance(sample_rate, bool):
        raise MediaError(
            "BAD_TYPE",
            f"a sample rate that is a {type(sample_rate).__name__}, not a number",
        )
    check_rate(sample_rate)
    return int(sample_rate)


def _check_shape(array: np.ndarray) -> None:
    if array.ndim not in (1, 2):
        raise MediaError(
            "BAD_TYPE",
            f"an array of shape {array.shape}",
            advice="A clip has the shape (n,) or (n, n_channels).",
        )
    if not array.size:
        raise MediaError("ZERO_LENGTH", f"an empty array of shape {array.shape}")
    if array.ndim == 2 and array.shape[1] > MAX_CHANNELS:
        raise MediaError(
            "BAD_CHANNELS",
            f"an array of shape {array.shape}",
            advice="Channels are the last axis: pass its transpose.",
        )


def _check_level(array: np.ndarray) -> None:
    """Refuse floats on the scale of whole numbers."""
    level = max(float(array.max()), -float(array.min()))
    if _MAX_LEVEL < level < np.inf:
        raise MediaError(
            "BAD_TYPE",
            f"an array of floats up to {level:g}, where full scale is 1",
            advice="Divide it by its full range (32768 for 16 bits?), or pass "
            'astype("int16").',
        )
