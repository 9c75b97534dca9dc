"""Decode the first picture of a WebP file."""

import struct

from PIL import Image

from ..exceptions import MediaError
from ._exif import read_orientation
from ._limits import check_memory, check_pixels


def decode_webp(data: bytes, max_pixels: int) -> tuple[Image.Image, int]:
    """Decode a WebP file by libwebp itself.

    Pillow's plugin asks a module variable that others may set for the greatest
    size; here the header is asked.

    Parameters
    ----------
    data : bytes
        The file.
    max_pixels : int
        Limit on width times height of the canvas.

    Returns
    -------
    picture : PIL.Image.Image
        The first frame, in the mode RGB or RGBA.
    orientation : int
        1 (upright) to 8.
    """
    try:
        from PIL._webp import WebPAnimDecoder
    except ImportError as error:
        raise MediaError(
            "FORMAT_NOT_ALLOWED", "a WebP, and this Pillow was built without WebP"
        ) from error

    canvas = _canvas(data)
    check_pixels(*canvas, max_pixels)
    try:
        decoder = WebPAnimDecoder(data)
        size, _, _, _, raw_mode = decoder.get_info()
        check_pixels(*size, max_pixels)
        pixels, _ = decoder.get_next()
    except OSError:
        check_memory(*canvas)
        raise
    mode = "RGB" if raw_mode == "RGBX" else raw_mode
    picture = Image.frombuffer(mode, size, pixels, "raw", raw_mode, 0, 1)
    return picture, read_orientation(decoder.get_chunk("EXIF") or b"")


def _canvas(data: bytes) -> tuple[int, int]:
    """Read width and height from the header: the decoder allocates them at once."""
    kind = data[12:16]
    try:
        if kind == b"VP8X":
            low, high, top = struct.unpack_from("<HHH", data, 24)
            # two numbers of 24 bits, less one
            return (low | (high & 0xFF) << 16) + 1, (high >> 8 | top << 8) + 1
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<L", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    except struct.error as error:
        raise MediaError("TRUNCATED", "a truncated WebP") from error
    raise MediaError("CORRUPT", f"a WebP that starts with {kind!r}")
