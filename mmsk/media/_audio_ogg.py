"""What of an Ogg file is handed to the decoder."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ..exceptions import MediaError
from ._audio_source import AudioSource

_CODECS = {b"\x01vorbis": "VORBIS", b"OpusHead": "OPUS"}
_HEAD_BYTES = 27
_FIRST, _LAST = 2, 4  # flags
_MAX_PAGES = 2**17  # ten minutes in pages of 20 ms are 30,000
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    flags: int
    serial: int
    number: int
    end: int
    packet: bytes  # how the first packet starts


def strip_ogg(data: bytes) -> AudioSource:
    """Check an Ogg file page by page.

    Every page must be there, in order, up to the one that says it is the last, and
    every checksum must hold: the decoder would pass over damaged pages.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    source : AudioSource
        The pages of its only stream.

    Raises
    ------
    MediaError
        With code TRUNCATED, CORRUPT or FORMAT_NOT_ALLOWED.
    """
    first, previous = None, None
    for page in _pages(data):
        if first is None:
            first = page
        elif page.serial != first.serial:
            raise _several()
        elif page.number != (previous.number + 1) % 2**32:
            raise MediaError("CORRUPT", "an Ogg with missing pages")
        previous = page
        if page.flags & _LAST:
            break
    if data.startswith(b"OggS", previous.end):
        raise _several()
    subtype = _codec(first)
    clean = data[: previous.end]
    return AudioSource(f"Ogg {subtype.title()}", clean, "OGG", frozenset({subtype}))


def _codec(first: _Page) -> str:
    if not first.flags & _FIRST:
        raise MediaError("CORRUPT", "an Ogg that does not start by its header")
    for start, subtype in _CODECS.items():
        if first.packet.startswith(start):
            return subtype
    raise MediaError(
        "FORMAT_NOT_ALLOWED",
        f"an Ogg whose stream starts with {first.packet!r}",
        advice="Save it again as Vorbis, Opus or FLAC.",
    )


def _several() -> MediaError:
    return MediaError(
        "FORMAT_NOT_ALLOWED",
        "an Ogg of several streams",
        advice="Save its sound alone.",
    )


def _pages(data: bytes) -> Iterator[_Page]:
    view, position = memoryview(data), 0
    for _ in range(_MAX_PAGES):
        head = data[position : position + _HEAD_BYTES]
        if len(head) < _HEAD_BYTES and b"OggS".startswith(head[:4]):
            raise MediaError("TRUNCATED", "a truncated Ogg")
        if not head.startswith(b"OggS"):
            raise MediaError("CORRUPT", "an Ogg with garbage between its pages")
        flags, serial, number, checksum, n_segments = struct.unpack_from(
            "<5xB8xLLLB", head
        )
        body = position + _HEAD_BYTES + n_segments
        end = body + sum(data[position + _HEAD_BYTES : body])
        if end > len(data):
            raise MediaError("TRUNCATED", "a truncated Ogg")
        # the checksum is of the page with zeros in its place
        blank = b"".join(
            [head[:22], bytes(4), head[26:], view[body - n_segments : end]]
        )
        if _crc(blank) != checksum:
            raise MediaError("CORRUPT", "an Ogg with a damaged page")
        yield _Page(flags, serial, number, end, data[body : min(end, body + 8)])
        position = end
    raise MediaError("CORRUPT", f"an Ogg of more than {_MAX_PAGES} pages")


def _crc(data: bytes) -> int:
    """Return Ogg's checksum: zlib's polynomial, highest bit first, not inverted."""
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")
