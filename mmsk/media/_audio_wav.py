"""What of a WAV file is handed to the decoder."""

import struct

from ..exceptions import MediaError
from ._audio_source import SAMPLE_BYTES, AudioSource, RawLayout, raw_source

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_SUBTYPES = {
    (_PCM, 8): "PCM_U8",
    (_PCM, 16): "PCM_16",
    (_PCM, 24): "PCM_24",
    (_PCM, 32): "PCM_32",
    (_FLOAT, 32): "FLOAT",
    (_FLOAT, 64): "DOUBLE",
    (_ALAW, 8): "ALAW",
    (_ULAW, 8): "ULAW",
}
_TAGS = {"PCM_U8": _PCM, "PCM_16": _PCM, "PCM_32": _PCM, "FLOAT": _FLOAT}
# what follows the tag in the GUID of an extensible header
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_STREAMED = 0xFFFFFFFF  # size that a writer states who cannot go back
_MAX_CHUNKS = 1000


def strip_wav(data: bytes) -> AudioSource:
    """Find the samples of a WAV file, all that it claims to have.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    source : AudioSource
        The bare samples.

    Raises
    ------
    MediaError
        With code TRUNCATED, CORRUPT or FORMAT_NOT_ALLOWED.
    """
    try:
        return _strip(data)
    except struct.error as error:
        raise MediaError("TRUNCATED", "a truncated WAV") from error


def _strip(data: bytes) -> AudioSource:
    layout, position = None, 12
    for _ in range(_MAX_CHUNKS):
        name, size = struct.unpack_from("<4sL", data, position)
        start, end = position + 8, position + 8 + size
        if name == b"data":
            break
        if end > len(data):
            raise MediaError("TRUNCATED", "a truncated WAV")
        if name == b"fmt ":
            layout = _layout(data[start:end])
        position = end + size % 2
    else:
        raise MediaError("CORRUPT", f"a WAV of more than {_MAX_CHUNKS} chunks")
    if layout is None:
        raise MediaError("CORRUPT", "a WAV that does not say what its samples are")
    frame = SAMPLE_BYTES[layout.subtype] * layout.n_channels
    cut = len(data) < end
    if size == _STREAMED:  # whatever is there, in whole samples
        cut = frame and (len(data) - start) % frame
    if cut:
        raise MediaError("TRUNCATED", "a WAV that is shorter than it claims")
    return raw_source("WAV", memoryview(data)[start:end], layout)


def _layout(header: bytes) -> RawLayout:
    tag, n_channels, rate, _, block, bits = struct.unpack_from("<HHLLHH", header)
    if tag == _EXTENSIBLE and header[26:40] == _GUID_TAIL:
        (tag,) = struct.unpack_from("<H", header, 24)
    subtype = _SUBTYPES.get((tag, bits))
    if subtype is None:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"a WAV of {bits} bits with codec {tag:#x}",
            advice="Save it again as 16-bit PCM or FLAC.",
        )
    if block != n_channels * SAMPLE_BYTES[subtype]:
        raise MediaError("CORRUPT", "a WAV whose header contradicts itself")
    return RawLayout(rate, n_channels, subtype, "LITTLE")


def pack_wav(samples: bytes, rate: int, n_channels: int, subtype: str) -> bytes:
    """Put a header before bare little-endian samples.

    Parameters
    ----------
    samples : bytes
    rate : int
        In Hz.
    n_channels : int
    subtype : {"PCM_U8", "PCM_16", "PCM_32", "FLOAT"}

    Returns
    -------
    wav : bytes
    """
    width = SAMPLE_BYTES[subtype]
    block = n_channels * width
    layout = struct.pack(
        "<HHLLHH", _TAGS[subtype], n_channels, rate, rate * block, block, 8 * width
    )
    head = struct.pack(
        "<4sL4s4sL16s4sL",
        *(b"RIFF", 36 + len(samples), b"WAVE"),
        *(b"fmt ", 16, layout),
        *(b"data", len(samples)),
    )
    return head + samples
