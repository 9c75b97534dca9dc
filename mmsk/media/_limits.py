"""The pixel limit, asked before anything is allocated."""

from ..exceptions import MediaError


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
