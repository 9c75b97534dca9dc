"""What of a TIFF file is handed to the decoder."""

import struct

from ..exceptions import MediaError
from ._exif import UPRIGHT
from ._limits import check_pixels

_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_SIZES = 273, 274, 277, 278, 279
_PLANES, _PHOTOMETRIC, _SAMPLE_FORMAT = 284, 262, 339
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES = 322, 323, 324, 325

# of one integer each: size, compression, photometric, fill order, samples, rows of
# a strip, planes, fax options, predictor, size of a tile, ink set
_SINGLE = frozenset(
    {256, 257, 259, 262, 266, 274, 277, 278, 284, 292, 293, 317, 322, 323, 332}
)
# of several: bits, strips and their sizes, palette, tiles and their sizes, extra
# samples, sample format, subsampling, position of chroma
_SEVERAL = frozenset({258, 273, 279, 320, 324, 325, 338, 339, 530, 531})
# kept as they are: JPEG tables, chroma coefficients, black and white
_OPAQUE = frozenset({347, 529, 532})
_KEPT = _SINGLE | _SEVERAL | _OPAQUE

_CODES = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q"}  # field type to struct code
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8, 13: 4, 16: 8}

_NOT_COMPRESSED = 1
# fax, LZW, JPEG, deflate, packed bits; the others are rare, and little tested
_COMPRESSIONS = frozenset({_NOT_COMPRESSED, 2, 3, 4, 5, 7, 8, 32773, 32946})
_MAX_SEGMENTS = 2**18  # strips or tiles


def strip_tiff(data: bytes, max_pixels: int) -> tuple[bytes, int]:
    """Check a TIFF file's first page and leave only what makes its picture.

    The page's directory is written anew behind the file, without notes, further
    pages or values that lie out of the file, so that decoders neither warn nor
    follow them. A BigTIFF becomes a TIFF.

    Parameters
    ----------
    data : bytes
        The file.
    max_pixels : int
        Limit on width times height.

    Returns
    -------
    clean : bytes
        The same picture.
    orientation : int
        1 (upright) to 8.
    """
    order = "<" if data.startswith(b"II") else ">"
    try:
        fields = _read_directory(data, order)
    except (struct.error, OverflowError) as error:
        raise MediaError("TRUNCATED", "a truncated TIFF") from error
    orientation = fields.pop(_ORIENTATION, [1])[0]
    _check(fields, len(data), max_pixels)
    return (
        _write_directory(data, order, fields),
        orientation if orientation in UPRIGHT else 1,
    )


def _read_directory(data: bytes, order: str) -> dict[int, list[int] | tuple]:
    """Return the values of the first page: integers, or (type, count, bytes)."""
    big = data[2:4] in (b"+\0", b"\0+")
    # of a count of entries, an entry without its value, an offset
    n_code, head_code, offset_code = ("Q", "HHQ", "Q") if big else ("H", "HHL", "L")
    (where,) = struct.unpack_from(order + offset_code, data, 8 if big else 4)
    (n_entries,) = struct.unpack_from(order + n_code, data, where)
    where += struct.calcsize(order + n_code)
    head_size = struct.calcsize(order + head_code)
    room = struct.calcsize(order + offset_code)
    fields = {}
    for entry in range(where, where + n_entries * (head_size + room), head_size + room):
        tag, kind, count = struct.unpack_from(order + head_code, data, entry)
        if tag not in _KEPT or tag in fields:
            continue
        if not count or kind not in (_SIZES if tag in _OPAQUE else _CODES):
            raise MediaError("CORRUPT", f"a TIFF whose field {tag} is of no use")
        place, size = entry + head_size, count * _SIZES[kind]
        if size > room:
            (place,) = struct.unpack_from(order + offset_code, data, place)
        if place + size > len(data):
            raise MediaError("TRUNCATED", "a truncated TIFF")
        if tag in _OPAQUE:
            fields[tag] = (kind, count, data[place : place + size])
        else:
            n_read = 1 if tag in _SINGLE else min(count, _MAX_SEGMENTS)
            code = f"{order}{n_read}{_CODES[kind]}"
            fields[tag] = list(struct.unpack_from(code, data, place))
    return fields


def _check(fields: dict, size: int, max_pixels: int) -> None:
    """Refuse a picture that is not all there; put its fields in order."""
    if _WIDTH not in fields or _HEIGHT not in fields:
        raise MediaError("CORRUPT", "a TIFF without a size")
    check_pixels(fields[_WIDTH][0], fields[_HEIGHT][0], max_pixels)
    compression = fields.get(_COMPRESSION, [_NOT_COMPRESSED])[0]
    if compression not in _COMPRESSIONS:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"a TIFF with compression {compression}",
            advice="Save it again without compression, or as PNG.",
        )
    _refuse_misread(fields, compression)
    offsets, sizes, full = _layout(fields, max_pixels)
    starts = fields.get(offsets, ())[: len(full)]
    # what an uncompressed file states is often wrong, and needed by nobody
    stated = fields.get(sizes, ())[: len(full)]
    lengths = full if compression == _NOT_COMPRESSED else stated
    if len(starts) < len(full) or len(lengths) < len(full):
        raise MediaError("CORRUPT", "a TIFF without all its strips or tiles")
    fields[offsets], fields[sizes] = starts, lengths
    ends = (start + length for start, length in zip(starts, lengths, strict=True))
    if max(ends) > size:
        raise MediaError("TRUNCATED", "a truncated TIFF")


def _layout(fields: dict, max_pixels: int) -> tuple[int, int, list[int]]:
    """Return the fields of a page's segments and their sizes without compression."""
    width, height = fields[_WIDTH][0], fields[_HEIGHT][0]
    tiled = _TILES in fields
    if tiled:
        segment_width = fields.get(_TILE_WIDTH, [0])[0]
        segment_rows = fields.get(_TILE_HEIGHT, [0])[0]
        check_pixels(segment_width, segment_rows, max_pixels)
    else:
        segment_width = width
        segment_rows = min(max(1, fields.get(_ROWS, [height])[0]), height)
        fields[_ROWS] = [segment_rows]
    n_planes, bits = _bits_of_a_pixel(fields)
    across, down = -(-width // segment_width), -(-height // segment_rows)
    if n_planes * across * down > _MAX_SEGMENTS:
        raise MediaError("CORRUPT", "a TIFF of too many strips or tiles")
    row_bytes = (segment_width * bits + 7) // 8
    full = [segment_rows * row_bytes] * (across * down)
    if tiled:
        return _TILES, _TILE_SIZES, full * n_planes
    # the last strip may be shorter; the last tiles are padded
    full[-1] = (height - segment_rows * (down - 1)) * row_bytes
    return _STRIPS, _STRIP_SIZES, full * n_planes


def _refuse_misread(fields: dict, compression: int) -> None:
    """Refuse kinds of pixels of which Pillow silently makes wrong ones."""
    deep = max(fields.get(_BITS, [1])) > 8
    in_planes = fields.get(_PLANES, [1])[0] == 2
    white_is_zero = fields.get(_PHOTOMETRIC, [1])[0] == 0
    signed = fields.get(_SAMPLE_FORMAT, [1])[0] == 2
    if deep and in_planes and compression == _NOT_COMPRESSED:
        kind = "more than 8 bits in separate planes"
    elif deep and white_is_zero:
        kind = "more than 8 bits where 0 is white"
    elif signed and not deep:
        kind = "signed numbers of 8 bits"
    else:
        return
    raise MediaError(
        "FORMAT_NOT_ALLOWED", f"a TIFF of {kind}", advice="Save it again as PNG."
    )


def _bits_of_a_pixel(fields: dict) -> tuple[int, int]:
    """Return the number of planes, and the bits of a pixel in one plane."""
    n_samples = fields.get(_SAMPLES, [1])[0]
    bits = fields.get(_BITS, [1])
    if fields.get(_PLANES, [1])[0] == 2:
        return max(1, n_samples), bits[0]
    return 1, sum(bits) if len(bits) >= n_samples else bits[0] * n_samples


def _write_directory(data: bytes, order: str, fields: dict) -> bytes:
    start = len(data) + len(data) % 2
    n_fields = len(fields)
    entries = [struct.pack(order + "H", n_fields)]
    values, position = [], start + 2 + 12 * n_fields + 4
    for tag, field in sorted(fields.items()):
        if tag in _OPAQUE:
            kind, count, value = field
        else:
            kind = 3 if max(field) < 2**16 else 4
            count = len(field)
            value = struct.pack(f"{order}{count}{_CODES[kind]}", *field)
        if len(value) <= 4:
            place = value.ljust(4, b"\0")
        else:
            place = struct.pack(order + "L", position)
            value += b"\0" * (len(value) % 2)
            values.append(value)
            position += len(value)
        entries.append(struct.pack(order + "HHL", tag, kind, count) + place)
    entries.append(b"\0\0\0\0")  # no further page
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "L", start)
    padding = b"\0" * (len(data) % 2)
    return b"".join([head, memoryview(data)[8:], padding, *entries, *values])
