"""What one cell looks like: a picture, a clip or neither."""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
AUDIO_SUFFIXES = frozenset(
    {".aif", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_IMAGE_BYTES = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM|II\*|MM\0", re.S)
_AUDIO_BYTES = re.compile(
    rb"RIFF....WAVE|fLaC|OggS|ID3|\xff[\xe2-\xff]|FORM....AIF", re.S
)


def cell_role(cell: Any) -> str | None:
    """Return ``"image"``, ``"audio"``, ``"url"`` or ``None`` for anything else.

    Parameters
    ----------
    cell : object
        A cell that is not missing. A list is judged by its first entry.
    """
    if isinstance(cell, list) and cell:
        return cell_role(cell[0])
    if isinstance(cell, str | os.PathLike):
        return _path_role(os.fspath(cell))
    if isinstance(cell, bytes):
        if _IMAGE_BYTES.match(cell):
            return "image"
        return "audio" if _AUDIO_BYTES.match(cell) else None
    if isinstance(cell, Mapping):
        return _mapping_role(cell)
    if isinstance(cell, tuple) and len(cell) == 2 and isinstance(cell[0], np.ndarray):
        return "audio"
    if isinstance(cell, np.ndarray):
        return "image" if cell.ndim in (2, 3) else None
    # a PIL.Image, without importing PIL
    picture = hasattr(cell, "getbands") and hasattr(cell, "convert")
    return "image" if picture else None


def _path_role(path: str) -> str | None:
    if _URL.match(path):
        return "url"
    suffix = os.path.splitext(path)[1].lower()
    if suffix in IMAGE_SUFFIXES:
        return "image"
    return "audio" if suffix in AUDIO_SUFFIXES else None


def _mapping_role(cell: Mapping) -> str | None:
    if "array" in cell and "sampling_rate" in cell:
        return "audio"
    for key in ("bytes", "path"):
        if cell.get(key) is not None:
            return cell_role(cell[key])
    return None
