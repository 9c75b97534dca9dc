"""The limits of pictures: pixels, before anything is allocated, and memory."""

import numpy as np

from ..exceptions import MediaError

_DECODER_BYTES = 12  # a pixel: a canvas, the one before it and the frame


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture that has no pixel or too many.

    Parameters
    ----------
    width, height : int
        What the header claims.
    max_pixels : int
        The limit on their product.

    Raises
    ------
    MediaError
        With code CORRUPT or TOO_MANY_PIXELS.
    """
    if width < 1 or height < 1:
        raise MediaError("CORRUPT", f"a picture of {width} x {height} pixels")
    if width * height > max_pixels:
        raise MediaError(
            "TOO_MANY_PIXELS",
            f"{width} x {height} pixels, more than max_pixels={max_pixels}",
            advice="Shrink it, or raise max_pixels if its origin is trusted.",
        )


def check_memory(width: int, height: int) -> None:
    """Tell whether a decoder that has failed could have had the memory it needs.

    The libraries that decode WebP and progressive JPEG call a picture damaged where
    they were refused memory.

    Parameters
    ----------
    width, height : int
        Of the picture.

    Raises
    ------
    MemoryError
        If there is not as much.
    """
    np.empty(_DECODER_BYTES * width * height, dtype=np.uint8)  # asked for, not used
