"""Decode a picture cell."""

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ._cell_errors import naming
from ._image_arrays import array_to_rgb
from ._image_modes import to_array
from ._open_image import load_picture, open_image
from ._read_image import MAX_BYTES, MAX_PIXELS, fetch_image
from ._resize_image import as_height_width, as_kernel, resize_image, resized


def decode_image(
    cell: object,
    *,
    root: str | os.PathLike | None = None,
    target_size: int | Sequence[int] | None = None,
    size: int | Sequence[int] | None = None,
    resample: str = "bilinear",
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> np.ndarray:
    """Decode a picture cell to pixels: upright, 8-bit RGB, frame 0.

    Files are told by their content, not by their name: JPEG (MPO included), PNG,
    GIF, WebP, BMP and TIFF. Their EXIF orientation is applied, transparency is laid
    on white, grey, palette and CMYK become RGB, and more than 8 bits are scaled,
    not clipped: 16 bits by 255/65535; 32-bit and float files by the smallest
    of the ranges [0, 1] (floats), [0, 255] and [0, 65535] that holds the picture,
    else from its own minimum and maximum. Profiles are ignored.

    A file that is not whole is refused, never padded with grey; but of a JPEG in
    several scans (progressive), and of one in a TIFF, it is only seen whether its end
    is there. Safe to call from threads; Pillow's global settings are neither changed
    nor obeyed (but by a ``PIL.Image`` that was opened elsewhere and not loaded).

    Parameters
    ----------
    cell : str, os.PathLike, bytes, PIL.Image.Image, ndarray or dict
        A path, the bytes of a file, an open picture, or
        ``{"bytes": ..., "path": ...}`` where bytes go first; or an array of shape
        (H, W), (H, W, 3) or (H, W, 4): bool, uint8, uint16 (full range) or
        float in [0, 1]. What `read_image` returned is decoded to the same pixels.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave, symbolic links and ``..`` included.
    target_size : int or (int, int), default=None
        Height and width to which the caller is going to shrink the picture. A JPEG
        is then decoded at 1/2, 1/4 or 1/8 of its size, as long as that is at
        least twice the target; other cells are not affected.
    size : int or (int, int), default=None
        Height and width of the result: the same pixels as of `resize_image` after
        ``target_size=size``, in less time.
    resample : str, default="bilinear"
        The filter of `resize_image`, where `size` is given.
    max_pixels : int, default=50_000_000
        Limit on height times width, asked of the header before decoding.
    max_bytes : int, default=64 * 2**20
        Largest file that is accepted.

    Returns
    -------
    image : uint8 ndarray of shape (H, W, 3)
        The pixels, C-contiguous and the caller's own.

    Raises
    ------
    MediaError
        If the cell holds no usable picture; ``code`` says why: those of
        `read_image`, and UNKNOWN_FORMAT, FORMAT_NOT_ALLOWED, TRUNCATED, CORRUPT,
        TOO_MANY_PIXELS, NOT_FINITE and OUT_OF_MEMORY.
    ValueError
        If `target_size` or `size` is not a size, `resample` no filter, or `root` is
        not a folder.

    See Also
    --------
    read_image : The undecoded content of a cell.
    resize_image : Shrink a picture that has been decoded.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.media import decode_image
    >>> decode_image(np.array([[0.0, 0.5, 1.0]]))[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    kernel = as_kernel(resample)
    if size is not None:
        target_size = size = as_height_width(size)
    elif target_size is not None:
        target_size = as_height_width(target_size)
    content, path = fetch_image(cell, root=root, max_bytes=max_bytes)
    with naming(path, what="picture", limit="max_pixels"):
        if isinstance(content, np.ndarray):
            pixels = array_to_rgb(content, max_pixels)
            if size is not None:
                pixels = resize_image(pixels, size, resample=resample)
            return pixels
        if isinstance(content, Image.Image):
            picture = load_picture(content, max_pixels)
        else:
            picture = open_image(
                content, target_size=target_size, max_pixels=max_pixels
            )
        return to_array(picture) if size is None else resized(picture, size, kernel)
