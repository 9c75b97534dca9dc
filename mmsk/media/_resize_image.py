"""Resize a picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ._image_modes import to_array

_FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


def resize_image(
    image: np.ndarray, size: int | Sequence[int], *, resample: str = "bilinear"
) -> np.ndarray:
    """Resize a picture, averaging over the pixels that shrinking merges.

    Parameters
    ----------
    image : uint8 ndarray of shape (H, W, 3)
        The picture, for example from `decode_image`.
    size : int or (int, int)
        Height and width of the result; one number stands for both. The aspect
        ratio is not kept.
    resample : str, default="bilinear"
        One of "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos". Each
        but "nearest" widens its filter when shrinking (antialiasing).

    Returns
    -------
    resized : uint8 ndarray of shape (height, width, 3)
        The resized picture, a copy.

    Raises
    ------
    ValueError
        If ``image`` is not of that type and shape, or a parameter is out of range.

    See Also
    --------
    decode_image : Decode a picture cell; its ``target_size`` saves time before.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.media import resize_image
    >>> image = np.zeros((4, 4, 3), dtype=np.uint8)
    >>> image[:, 2:] = 200
    >>> resize_image(image, (1, 2), resample="box")[0, :, 0]
    array([  0, 200], dtype=uint8)
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            "image must be a uint8 array of shape (H, W, 3), got "
            f"{image.dtype} {image.shape}; decode_image makes one."
        )
    kernel, height_width = as_kernel(resample), as_height_width(size)
    if image.shape[:2] == height_width:
        return np.array(image, order="C")
    return resized(Image.fromarray(image), height_width, kernel)


def resized(
    picture: Image.Image, size: tuple[int, int], kernel: Image.Resampling
) -> np.ndarray:
    """Return the pixels of an RGB picture at another height and width."""
    height, width = size
    if picture.size != (width, height):
        picture = picture.resize((width, height), kernel)
    return to_array(picture)


def as_kernel(resample: str) -> Image.Resampling:
    """Return a filter by its name."""
    if resample not in _FILTERS:
        raise ValueError(f"resample must be one of {_FILTERS}, got {resample!r}.")
    return Image.Resampling[resample.upper()]


def as_height_width(size: int | Sequence[int]) -> tuple[int, int]:
    """Return a size as (height, width), both at least 1."""
    pair = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(pair) != 2 or not all(
        isinstance(side, int | np.integer) and side >= 1 for side in pair
    ):
        raise ValueError(
            f"A size is an int of at least 1 or (height, width), got {size!r}."
        )
    return int(pair[0]), int(pair[1])
