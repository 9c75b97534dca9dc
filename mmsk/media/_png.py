"""What of a PNG file is handed to the decoder."""

import struct
import zlib

from ..exceptions import MediaError
from ._exif import read_orientation
from ._limits import check_pixels

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type to samples a pixel
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_MAX_TEXT = 16 * 2**20  # bytes that the compressed texts of a file may have
_DEFLATE_RATIO = 1032  # no stream of deflate expands by more


def strip_png(data: bytes, max_pixels: int) -> tuple[bytes, int]:
    """Check a PNG file whole and leave only what makes the picture.

    Every chunk must be there up to the last one, and the checksums of those that
    matter must hold (Pillow looks at neither). The frames of an animation are left
    out but for the default picture; notes and profiles are left out too.

    Parameters
    ----------
    data : bytes
        The file.
    max_pixels : int
        Limit on width times height.

    Returns
    -------
    clean : bytes
        Header, palette, transparency and one last chunk with all picture data
        but for the last byte, the end of the stream's own checksum: a decoder that
        lacks rows then asks for it, and cannot take the early end of a stream for
        the end of the picture.
    orientation : int
        1 (upright) to 8.
    """
    orientation, text_left = 1, _MAX_TEXT
    header, palette, key = b"", b"", b""
    stream = []
    for kind, body in _chunks(data):
        if not header and kind != b"IHDR":
            raise MediaError("CORRUPT", "a PNG that does not start with its header")
        if kind == b"IHDR":
            header = _checked_header(body, max_pixels)
        elif kind == b"PLTE":
            palette = bytes(body)
        elif kind == b"tRNS":
            key = bytes(body)
        elif kind == b"IDAT":
            stream.append(body)
        elif kind == b"eXIf":
            orientation = read_orientation(bytes(body))
        elif kind in (b"zTXt", b"iTXt"):
            text_left -= _text_size(kind, bytes(body), text_left)
    depth, colour = header[8], header[9]
    if colour == 3 and not palette:
        raise MediaError("CORRUPT", "a PNG without its palette")
    packed = b"".join(stream)[:-1]
    _check_stream(header, packed)
    parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header)]
    if palette:
        parts.append(_chunk(b"PLTE", palette))
    if key:
        parts.append(_chunk(b"tRNS", _scaled_key(key, depth, colour)))
    parts += (struct.pack(">L", len(packed)), b"IDAT", packed)
    return b"".join(parts), orientation


def _chunks(data: bytes):
    """Yield kind and body of each chunk before the last one."""
    view = memoryview(data)
    position = 8
    while True:
        if position + 12 > len(data):
            raise MediaError("TRUNCATED", "a truncated PNG")
        (length,) = struct.unpack_from(">L", data, position)
        kind = data[position + 4 : position + 8]
        if not kind.isalpha():
            raise MediaError("CORRUPT", f"a PNG with a chunk named {kind!r}")
        if kind == b"IEND":
            return
        end = position + 8 + length
        if end + 4 > len(data):
            raise MediaError("TRUNCATED", "a truncated PNG")
        (checksum,) = struct.unpack_from(">L", data, end)
        if zlib.crc32(view[position + 4 : end]) == checksum:
            yield kind, view[position + 8 : end]
        elif kind.isupper() or kind == b"tRNS":  # it changes the picture
            raise MediaError("CORRUPT", f"a PNG whose {kind.decode()} is damaged")
        position = end + 4


def _checked_header(body: memoryview, max_pixels: int) -> bytes:
    header = bytes(body)
    if len(header) != 13 or header[8] not in _DEPTHS.get(header[9], ()):
        raise MediaError("CORRUPT", "a PNG with a broken header")
    check_pixels(*struct.unpack_from(">LL", header), max_pixels)
    return header


def _check_stream(header: bytes, packed: bytes) -> None:
    """Refuse data that cannot fill the picture, before memory is taken for it."""
    width, height, depth, colour = struct.unpack_from(">LLBB", header)
    row_bytes = (width * depth * _SAMPLES[colour] + 7) // 8
    if row_bytes * height > _DEFLATE_RATIO * (len(packed) + 1):
        raise MediaError("TRUNCATED", "a PNG with too little picture data")


def _text_size(kind: bytes, body: bytes, limit: int) -> int:
    """Return how long a compressed text is, if within a limit."""
    rest = body.partition(b"\0")[2]
    if kind == b"iTXt":
        if rest[:1] != b"\1":  # not compressed
            return 0
        rest = b"\0" + rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    inflate = zlib.decompressobj()
    try:
        size = len(inflate.decompress(rest[1:], limit + 1))
    except zlib.error:  # a broken note is no broken picture
        return 0
    if size > limit:
        raise MediaError(
            "CORRUPT", f"a PNG whose texts expand to more than {_MAX_TEXT} bytes"
        )
    return size


def _scaled_key(key: bytes, depth: int, colour: int) -> bytes:
    """Bring a transparent colour to the 8 bits that Pillow makes of the pixels.

    A grey picture of 16 bits keeps its 16, one of 1 bit its 1.
    """
    if colour not in (0, 2) or depth in (1, 8) or (depth, colour) == (16, 0):
        return key
    n_samples = _SAMPLES[colour]
    if len(key) < 2 * n_samples:
        raise MediaError("CORRUPT", "a PNG with a broken transparency chunk")
    samples = struct.unpack_from(f">{n_samples}H", key)
    top = 2**depth - 1
    return struct.pack(
        f">{n_samples}H",
        *(s >> 8 if depth == 16 else (s & top) * 255 // top for s in samples),
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return b"%b%b%b%b" % (
        struct.pack(">L", len(body)),
        kind,
        body,
        struct.pack(">L", checksum),
    )
