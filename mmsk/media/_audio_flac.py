"""What of a FLAC file is handed to the decoder."""

from ..exceptions import MediaError
from ._audio_source import AudioSource

_STREAM_INFO_BYTES = 34
_SUBTYPES = frozenset({"PCM_S8", "PCM_16", "PCM_24"})
_MAX_BLOCKS = 1000


def strip_flac(data: bytes) -> AudioSource:
    """Leave out of a FLAC file its tags, pictures and tables.

    Whether the frames are whole is found when they are decoded: each has a checksum.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    source : AudioSource
        Header and frames.

    Raises
    ------
    MediaError
        With code TRUNCATED or CORRUPT.
    """
    info, position = None, 4
    for _ in range(_MAX_BLOCKS):
        head = data[position : position + 4]
        size = int.from_bytes(head[1:], "big")
        body = data[position + 4 : position + 4 + size]
        if len(head) < 4 or len(body) < size:
            raise MediaError("TRUNCATED", "a truncated FLAC")
        if info is None:
            if head[0] & 0x7F or size != _STREAM_INFO_BYTES:
                raise MediaError("CORRUPT", "a FLAC that does not start by its header")
            info = body
        position += 4 + size
        if head[0] & 0x80:  # the last one
            break
    else:
        raise MediaError("CORRUPT", f"a FLAC of more than {_MAX_BLOCKS} blocks")
    head = b"fLaC" + bytes([0x80, 0, 0, _STREAM_INFO_BYTES]) + info
    # 36 bits; 0 is "not known"
    n_samples = int.from_bytes(info[13:18], "big") & (1 << 36) - 1
    clean = b"".join([head, memoryview(data)[position:]])
    return AudioSource("FLAC", clean, "FLAC", _SUBTYPES, None, n_samples or None)
