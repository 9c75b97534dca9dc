"""Bring pictures of any mode to 8-bit RGB."""

import numpy as np
from PIL import Image

from ..exceptions import MediaError

# modes in which Pillow can turn one colour, or entries of a palette, transparent
_KEYED_MODES = frozenset({"1", "L", "P", "RGB"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture as 8-bit RGB.

    Transparency is laid on white. Deep pictures are scaled, not clipped:
    16 bits by 255/65535; whole numbers and floats of 32 bits by the smallest of
    the ranges [0, 1] (floats only), [0, 255] and [0, 65535] that holds them, else
    from their own minimum and maximum.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture, its pixels loaded.

    Returns
    -------
    rgb : PIL.Image.Image
        The picture in the mode RGB, possibly the same object.

    Raises
    ------
    MediaError
        With code NOT_FINITE for NaN or infinity in a picture of floats,
        FORMAT_NOT_ALLOWED for a colour space without a conversion.
    """
    mode = picture.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return Image.fromarray(_scale(picture)).convert("RGB")
    if mode == "P" and picture.palette and picture.palette.mode.endswith("A"):
        return _on_white(picture)
    if mode in _ALPHA_MODES:
        return _on_white(picture)
    if mode in _KEYED_MODES and "transparency" in picture.info:
        return _on_white(picture)
    if mode == "RGB":
        return picture
    if mode == "LAB":
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            "a picture in Lab colours",
            advice="Convert it to RGB.",
        )
    return picture.convert("RGB")


def to_array(rgb: Image.Image) -> np.ndarray:
    """Return the pixels of a picture in the mode RGB as a new array.

    ``numpy.array`` copies three times, which for a large photograph takes longer
    than its decoding; here pieces that fit the processor's cache are copied.

    Parameters
    ----------
    rgb : PIL.Image.Image
        The picture, loaded.

    Returns
    -------
    pixels : uint8 ndarray of shape (H, W, 3)
        C-contiguous and writable.
    """
    width, height = rgb.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    room = memoryview(pixels).cast("B")
    packer = Image._getencoder("RGB", "raw", "RGB")
    packer.setimage(rgb.im, (0, 0, width, height))
    position, status = 0, 0
    while not status:
        _, status, piece = packer.encode(max(2**17, 4 * width))  # whole rows
        room[position : position + len(piece)] = piece
        position += len(piece)
    return pixels


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "La":
        picture = picture.convert("LA")
    alpha = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(alpha, mask=alpha)
    return white


def _scale(picture: Image.Image) -> np.ndarray:
    """Return the 8-bit grey values of a deep picture."""
    values = np.asarray(picture)
    key = picture.info.get("transparency")
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        grey = scale_16_bit(values)
        if isinstance(key, int):
            grey[values == key] = 255
        return grey
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MediaError("NOT_FINITE", "a picture with NaN or infinity in it")
    low, high = float(low), float(high)
    tops = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    top = next((top for top in tops if low >= 0 and high <= top), None)
    if top is not None:
        low, high = 0.0, top
    span = high - low or 1.0
    scaled = values.astype(np.float64)
    scaled -= low
    scaled *= 255 / span
    return np.rint(scaled, out=scaled).astype(np.uint8)


def scale_16_bit(values: np.ndarray) -> np.ndarray:
    """Scale 0..65535 to 0..255, rounding to the nearest.

    Parameters
    ----------
    values : uint16 ndarray
        Of any shape.

    Returns
    -------
    scaled : uint8 ndarray
        Of the same shape.
    """
    # 65535 / 255 = 257 exactly, and its half rounds without a float
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
