"""What of an AIFF file is handed to the decoder."""

import struct

from ..exceptions import MediaError
from ._audio_source import SAMPLE_BYTES, AudioSource, RawLayout, raw_source

_PCM = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}
_CODECS = {
    b"fl32": "FLOAT",
    b"fl64": "DOUBLE",
    b"ulaw": "ULAW",
    b"alaw": "ALAW",
}
_PLAIN = frozenset({b"none", b"twos", b"in24", b"in32"})
_LITTLE = b"sowt"
_MAX_CHUNKS = 1000


def strip_aiff(data: bytes) -> AudioSource:
    """Find the samples of an AIFF or AIFF-C file, all that it claims to have.

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
        raise MediaError("TRUNCATED", "a truncated AIFF") from error


def _strip(data: bytes) -> AudioSource:
    common = start = None
    position = 12
    for _ in range(_MAX_CHUNKS):
        name, size = struct.unpack_from(">4sL", data, position)
        end = position + 8 + size
        if name == b"COMM":
            common = _common(data[position + 8 : end], compressed=data[8:12] == b"AIFC")
        elif name == b"SSND":
            (offset,) = struct.unpack_from(">L", data, position + 8)
            start, stop = position + 16 + offset, end
        if common is not None and start is not None:
            break
        position = end + size % 2
    else:
        raise MediaError("CORRUPT", f"an AIFF of more than {_MAX_CHUNKS} chunks")
    layout, n_samples = common
    needed = n_samples * layout.n_channels * SAMPLE_BYTES[layout.subtype]
    if start + needed > min(stop, len(data)):
        raise MediaError("TRUNCATED", "an AIFF that is shorter than it claims")
    return raw_source("AIFF", memoryview(data)[start : start + needed], layout)


def _common(header: bytes, *, compressed: bool) -> tuple[RawLayout, int]:
    n_channels, n_samples, bits, exponent, mantissa = struct.unpack_from(
        ">HLHHQ", header
    )
    codec = header[18:22] if compressed else b"NONE"
    name = codec.lower()
    subtype = _CODECS.get(name)
    if name in _PLAIN or name == _LITTLE:
        subtype = _PCM.get(bits)
    if subtype is None:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"an AIFF of {bits} bits with codec {codec!r}",
            advice="Save it again as 16-bit PCM or FLAC.",
        )
    endian = "LITTLE" if name == _LITTLE else "BIG"
    # the rate is a float of 80 bits, here cut to whole Hz; a wild one comes out as 0
    # or as more than any rate
    shift = 16383 + 63 - exponent
    rate = mantissa >> shift if shift >= 0 else 2**32
    return RawLayout(rate, n_channels, subtype, endian), n_samples
