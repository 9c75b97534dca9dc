"""Arrays that are given as pictures."""

import numpy as np
from PIL import Image

from ..exceptions import MediaError
from ._image_modes import scale_16_bit, to_array, to_rgb
from ._limits import check_pixels

_ROUNDING = 1e-6  # how far out of [0, 1] the arithmetic of floats may lead


def check_image_array(array: np.ndarray) -> None:
    """Refuse an array that cannot be a picture by its type or shape.

    Parameters
    ----------
    array : ndarray
        Should be of shape (H, W), (H, W, 3) or (H, W, 4) and of type bool, uint8,
        uint16 or float.

    Raises
    ------
    MediaError
        With code BAD_TYPE, BAD_CHANNELS or ZERO_LENGTH.
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    if not (kind in "bf" or (kind == "u" and size <= 2)):
        raise MediaError(
            "BAD_TYPE",
            f"an array of {array.dtype}",
            advice="Pass uint8 (0 to 255) or floats (0 to 1), for example by "
            'astype("uint8").',
        )
    if array.ndim not in (2, 3):
        raise MediaError(
            "BAD_TYPE",
            f"an array of shape {array.shape}",
            advice="A picture has the shape (H, W), (H, W, 3) or (H, W, 4).",
        )
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        raise MediaError(
            "BAD_CHANNELS",
            f"an array of shape {array.shape}",
            advice="Colours are the last axis, 3 or 4 long: np.moveaxis(x, 0, -1) "
            "moves them there, x[..., 0] makes a grey picture.",
        )
    if not array.size:
        raise MediaError("ZERO_LENGTH", f"an empty array of shape {array.shape}")


def array_to_rgb(array: np.ndarray, max_pixels: int) -> np.ndarray:
    """Bring an array to 8-bit RGB, transparency laid on white.

    Parameters
    ----------
    array : ndarray of shape (H, W), (H, W, 3) or (H, W, 4)
        Floats are in [0, 1], other types use their full range.
    max_pixels : int
        Limit on H times W.

    Returns
    -------
    image : uint8 ndarray of shape (H, W, 3)
        Always a copy.

    Raises
    ------
    MediaError
        As `check_image_array`, with code NOT_FINITE for NaN or infinity,
        TOO_MANY_PIXELS, and BAD_TYPE for floats out of range.
    """
    check_image_array(array)
    check_pixels(array.shape[1], array.shape[0], max_pixels)
    levels = _to_8_bit(array)
    if levels.ndim == 2:
        return np.repeat(levels[:, :, None], 3, axis=2)
    if levels.shape[2] == 4:
        rgba = Image.fromarray(np.ascontiguousarray(levels))
        return to_array(to_rgb(rgba))
    return np.array(levels, order="C")


def _to_8_bit(array: np.ndarray) -> np.ndarray:
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8) * 255
    if kind == "u":
        return array if array.dtype.itemsize == 1 else scale_16_bit(array)
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MediaError("NOT_FINITE", "an array with NaN or infinity in it")
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise MediaError(
            "BAD_TYPE",
            f"an array of floats from {low:g} to {high:g}, not from 0 to 1",
            advice='Divide it by its full range (255?), or pass astype("uint8").',
        )
    scaled = array.astype(np.float32)
    scaled *= 255
    return np.rint(scaled, out=scaled).astype(np.uint8)
