"""Decode sound files through libsndfile, checked before and after.

libsndfile is lenient: a WAV, Ogg or MP3 that was cut comes back short without a word,
a header's claim is allocated before anything is read, and parsers of rare codecs are
little tested. So each file is first found whole and stripped; bare samples go past
the parsers of headers; and what comes out is counted.
"""

import io
from collections.abc import Callable

import numpy as np
import soundfile

from ..exceptions import MediaError
from ._audio_aiff import strip_aiff
from ._audio_flac import strip_flac
from ._audio_formats import sniff_audio
from ._audio_limits import AudioLimits
from ._audio_mp3 import strip_mp3
from ._audio_ogg import strip_ogg
from ._audio_source import AudioSource, without_tags
from ._audio_wav import strip_wav

_STRIPPERS: dict[str, Callable[[bytes], AudioSource]] = {
    "WAV": strip_wav,
    "AIFF": strip_aiff,
    "FLAC": strip_flac,
    "OGG": strip_ogg,
    "MP3": strip_mp3,
}
_CHUNK_VALUES = 2**18
_UNKNOWN = 2**63 - 1  # samples, where libsndfile finds no number
# no sound is so loud, and the square of what is louder overflows
_MAX_LEVEL = 2.0**32


class _Reader(soundfile.SoundFile):
    """A file that is read from its start to its end.

    soundfile seeks after each read, which costs time and, in MP3, makes the decoder
    lose the bits that a frame borrows from those before it.
    """

    def seekable(self):
        return False


def open_audio(data: bytes, limits: AudioLimits) -> tuple[np.ndarray, int]:
    """Decode a sound file and mix its channels.

    Parameters
    ----------
    data : bytes
        The file.
    limits : AudioLimits
        How long it may be.

    Returns
    -------
    samples : float32 ndarray of shape (n,)
        The mean over the channels; full scale is 1.
    sample_rate : int
        In Hz.

    Raises
    ------
    MediaError
        For a file that is not a whole sound in an allowed format.
    """
    data = without_tags(data)
    source = _STRIPPERS[sniff_audio(data)](data)
    try:
        with _open(source, limits) as file:
            claimed = _claimed(file, source)
            limits.check(file.samplerate, file.channels, claimed or 0)
            blocks = _read(file, source, claimed, limits)
            return np.concatenate(blocks), file.samplerate
    except soundfile.SoundFileRuntimeError as error:
        text = getattr(error, "error_string", str(error))
        reason = text.removeprefix("Error : ").rstrip(".")
        raise MediaError("CORRUPT", f"damaged {source.kind} ({reason})") from error


def _open(source: AudioSource, limits: AudioLimits) -> soundfile.SoundFile:
    file = io.BytesIO(source.data)
    if source.layout is None:
        return _Reader(file)
    rate, n_channels, subtype, endian = source.layout
    limits.check(rate, n_channels, source.n_samples)
    if not source.n_samples:
        raise _empty(source)
    return _Reader(
        file,
        samplerate=rate,
        channels=n_channels,
        format=source.container,
        subtype=subtype,
        endian=endian,
    )


def _claimed(file: soundfile.SoundFile, source: AudioSource) -> int | None:
    """Return how many samples of a channel there must be, if anyone says so."""
    if file.format != source.container or file.subtype not in source.subtypes:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"{source.kind} that is {file.format} with codec {file.subtype}",
            advice="Save it again as 16-bit WAV or FLAC.",
        )
    claimed = source.n_samples or file.frames
    return None if claimed == _UNKNOWN else claimed


def _read(
    file: soundfile.SoundFile,
    source: AudioSource,
    claimed: int | None,
    limits: AudioLimits,
) -> list[np.ndarray]:
    """Read a chunk at a time and mix it; refuse a file that ends before its claim."""
    n_samples, blocks = 0, []
    chunk = max(1, _CHUNK_VALUES // file.channels)
    while claimed is None or n_samples < claimed:
        wanted = chunk if claimed is None else min(chunk, claimed - n_samples)
        block = file.read(wanted, "float32", always_2d=True)
        if not len(block):
            break
        n_samples += len(block)
        limits.check(file.samplerate, file.channels, n_samples)
        blocks.append(_mixed(block))
    if claimed is not None and n_samples < claimed:
        reason = f"{source.kind} of {n_samples} samples that claims {claimed}"
        raise MediaError("TRUNCATED", reason)
    if not blocks:
        raise _empty(source)
    return blocks


def _mixed(block: np.ndarray) -> np.ndarray:
    low, high = float(block.min()), float(block.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MediaError("NOT_FINITE", "samples that are NaN or infinite")
    if max(-low, high) > _MAX_LEVEL:
        raise MediaError(
            "CORRUPT", f"samples from {low:g} to {high:g}, where full scale is 1"
        )
    if block.shape[1] == 1:
        return block[:, 0]
    return block.mean(axis=1)


def _empty(source: AudioSource) -> MediaError:
    return MediaError("ZERO_LENGTH", f"{source.kind} without a sample")
