"""Fetch what a picture cell holds, undecoded."""

import os

import numpy as np
from PIL import Image

from ..exceptions import MediaError
from ._cell_errors import checked_bytes, naming
from ._image_arrays import check_image_array
from ._image_modes import to_array
from ._open_image import load_picture
from ._read_bytes import read_bytes

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 2**20


def read_image(
    cell: object,
    *,
    root: str | os.PathLike | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> bytes | np.ndarray:
    """Return the content of a picture cell as it is, for hashing and decoding.

    ``decode_image`` of what is returned equals ``decode_image`` of the cell.

    Parameters
    ----------
    cell : str, os.PathLike, bytes, PIL.Image.Image, ndarray or dict
        A path, the bytes of a file, an open picture, an array of shape (H, W),
        (H, W, 3) or (H, W, 4), or ``{"bytes": ..., "path": ...}`` where bytes go
        first. A URL is refused.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave, symbolic links and ``..`` included.
    max_pixels : int, default=50_000_000
        Limit on height times width of an open picture.
    max_bytes : int, default=64 * 2**20
        Largest file that is accepted.

    Returns
    -------
    content : bytes or ndarray
        The bytes of a file; the pixels (uint8, (H, W, 3)) of an open picture; the
        array itself.

    Raises
    ------
    MediaError
        If there is nothing to decode. ``code`` says why: BAD_TYPE for a cell of
        another kind, BAD_CHANNELS or ZERO_LENGTH for an array of another shape,
        and for a file URL, BAD_PATH, OUTSIDE_ROOT, NOT_FOUND, PERMISSION,
        NOT_A_FILE, EMPTY_FILE, FILE_TOO_LARGE or OUT_OF_MEMORY. An open picture
        may raise what `decode_image` raises.
    ValueError
        If `root` is not a folder.

    See Also
    --------
    decode_image : Decode a cell to pixels.

    Examples
    --------
    >>> from mmsk.media import read_image
    >>> read_image({"bytes": b"GIF89a...", "path": None})
    b'GIF89a...'
    """
    content, path = fetch_image(cell, root=root, max_bytes=max_bytes)
    if isinstance(content, Image.Image):
        with naming(path, what="picture", limit="max_pixels"):
            return to_array(load_picture(content, max_pixels))
    return content


def fetch_image(
    cell: object, *, root: str | os.PathLike | None, max_bytes: int
) -> tuple[bytes | np.ndarray | Image.Image, str | None]:
    """Return what a cell holds, and the path that it names, if any."""
    if isinstance(cell, str | os.PathLike):
        return read_bytes(cell, root=root, max_bytes=max_bytes), os.fspath(cell)
    if isinstance(cell, bytes | bytearray | memoryview):
        return checked_bytes(cell, max_bytes, None), None
    if isinstance(cell, np.ndarray):
        check_image_array(cell)
        return cell, None
    if isinstance(cell, Image.Image):
        path = getattr(cell, "filename", None)
        return cell, path if path and isinstance(path, str) else None
    if isinstance(cell, dict):
        content, path = cell.get("bytes"), cell.get("path")
        if isinstance(content, bytes | bytearray | memoryview):
            path = path if isinstance(path, str) else None
            return checked_bytes(content, max_bytes, path), path
        if content is None and isinstance(path, str | os.PathLike):
            return read_bytes(path, root=root, max_bytes=max_bytes), os.fspath(path)
        kind = "a dict without a usable 'bytes' or 'path'"
    else:
        kind = f"a {type(cell).__name__}"
    raise MediaError(
        "BAD_TYPE",
        f"{kind}, not a picture",
        advice="Pass a path, the bytes of a file, a PIL.Image, a uint8 or float array, "
        'or {"bytes": ..., "path": ...}.',
    )
