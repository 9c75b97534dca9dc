"""What of a JPEG file is handed to the decoder."""

import re
import struct

from ..exceptions import MediaError
from ._exif import read_orientation
from ._limits import check_pixels

# a marker, past garbage and padding; FF 00 is an escaped byte, not a marker
_NEXT_MARKER = re.compile(rb"\xff([^\x00\xff])")
_END_MARKER = re.compile(rb"\xff\xd9")  # found in a third of the time of bytes.find
_SEQUENTIAL = frozenset({0xC0, 0xC1})  # Huffman coded; most files are
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_EXIF, _SCAN, _END = 0xE1, 0xDA, 0xD9
# JFIF (E0) and Adobe (EE) say what the colours are; no other note is needed
_NOTES = frozenset({*range(0xE1, 0xF0), 0xFE}) - {0xEE}
# a decoder passes over the whole picture for each scan; encoders write 10
_MAX_SCANS = 100
# Stands for the end marker, at which a decoder that still lacks pixels makes them up
# in grey. Without one it asks for more: it reads at most 8 bytes ahead.
_END_OF_SCAN = b"\xff\0" * 8


def strip_jpeg(data: bytes, max_pixels: int) -> tuple[bytes, int]:
    """Check a JPEG file's header and leave out its notes.

    Profiles, thumbnails and EXIF are not decoded; leaving them out keeps Pillow
    from parsing (and warning of) them. Of an MPO file the first picture remains.

    Parameters
    ----------
    data : bytes
        The file.
    max_pixels : int
        Limit on width times height.

    Returns
    -------
    clean : bytes
        The same picture; one that was closed too early lacks its end, too.
    orientation : int
        1 (upright) to 8.
    """
    kept, orientation = [data[:2]], 1
    n_components, frame = 0, None
    position = 2
    while True:
        found = _NEXT_MARKER.search(data, position)
        if found is None:
            raise _truncated()
        marker, position = found.group(1)[0], found.end()
        if marker in _ALONE:
            continue
        if marker == _END:
            raise MediaError("CORRUPT", "a JPEG without picture data")
        segment = _segment(data, position)
        if marker in _FRAME:
            if len(segment) < 8:
                raise MediaError("CORRUPT", "a JPEG with a broken frame header")
            height, width, n_components = struct.unpack_from(">HHB", segment, 3)
            check_pixels(width, height, max_pixels)
            frame = marker
        elif marker == _SCAN:
            break
        elif marker == _EXIF and segment[2:8] == b"Exif\0\0" and orientation == 1:
            orientation = read_orientation(segment[2:])
        if marker not in _NOTES:
            kept += (b"\xff", found.group(1), segment)
        position += len(segment)
    if not n_components:
        raise MediaError("CORRUPT", "a JPEG without a frame header")
    # a scan of some of the components: the others follow
    several = frame in _PROGRESSIVE or segment[2:3] != bytes([n_components])
    end = _checked_end(data, position, several=several)
    kept.append(memoryview(data)[position - 2 : end])
    if not several and frame in _SEQUENTIAL:
        kept.append(_END_OF_SCAN)
    else:
        kept.append(memoryview(data)[end:])
    return b"".join(kept), orientation


def _segment(data: bytes, position: int) -> bytes:
    length = int.from_bytes(data[position : position + 2], "big")
    if position + max(length, 2) > len(data):
        raise _truncated()
    if length < 2:
        raise MediaError("CORRUPT", "a JPEG with a segment of no length")
    return data[position : position + length]


def _checked_end(data: bytes, position: int, *, several: bool) -> int:
    """Return where the end marker is, the absence of which the decoder overlooks."""
    # the first one: cameras put further pictures behind
    found = _END_MARKER.search(data, position)
    if found is None:
        raise _truncated()
    end = found.start()
    if several and data.count(b"\xff\xda", position, end) >= _MAX_SCANS:
        raise MediaError("CORRUPT", f"a JPEG of more than {_MAX_SCANS} scans")
    return end


def _truncated() -> MediaError:
    return MediaError("TRUNCATED", "a truncated JPEG")
