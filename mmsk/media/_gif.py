"""What of a GIF file is handed to the decoder."""

import struct

from ..exceptions import MediaError
from ._limits import check_pixels

_EXTENSION, _FRAME, _TRAILER = b"!", b",", b";"
_GRAPHIC_CONTROL = 0xF9


def strip_gif(data: bytes, max_pixels: int) -> tuple[bytes, int | None]:
    """Leave out of a GIF file what stands between its header and its first frame.

    Of comments and control blocks only the transparent colour is kept. The canvas
    is widened to hold the frame, as a decoder would do it.

    Parameters
    ----------
    data : bytes
        The file.
    max_pixels : int
        Limit on width times height of the canvas.

    Returns
    -------
    clean : bytes
        The same picture.
    transparent : int or None
        The colour of the palette that is transparent.
    """
    try:
        return _strip(data, max_pixels)
    except (struct.error, IndexError) as error:
        raise MediaError("TRUNCATED", "a truncated GIF") from error


def _strip(data: bytes, max_pixels: int) -> tuple[bytes, int | None]:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _table_size(flags)
    head = data[13:position]
    transparent = None
    while True:
        sign = data[position : position + 1]
        if sign == _FRAME:
            break
        if sign == _EXTENSION:
            if data[position + 1] == _GRAPHIC_CONTROL:
                has_one, index = data[position + 3] & 1, data[position + 6]
                transparent = index if has_one else None
            position = _after_blocks(data, position + 2)
        elif sign == _TRAILER:
            raise MediaError("CORRUPT", "a GIF without a picture")
        else:  # garbage, or the end
            position += 1
            data[position]
    left, top, frame_width, frame_height, _ = struct.unpack_from(
        "<HHHHB", data, position + 1
    )
    check_pixels(frame_width, frame_height, max_pixels)
    width, height = max(width, left + frame_width), max(height, top + frame_height)
    check_pixels(width, height, max_pixels)
    if max(width, height) > 0xFFFF:
        raise MediaError("CORRUPT", "a GIF whose frame is out of its canvas")
    screen = struct.pack("<6sHHB2x", data[:6], width, height, flags)
    if transparent is not None:
        head += bytes([0x21, _GRAPHIC_CONTROL, 4, 1, 0, 0, transparent, 0])
    return b"".join([screen, head, memoryview(data)[position:]]), transparent


def _table_size(flags: int) -> int:
    """Return how many bytes a colour table has, if the flags say there is one."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1
