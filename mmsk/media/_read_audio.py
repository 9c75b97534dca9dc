"""Fetch what an audio cell holds, undecoded."""

import os

import numpy as np

from ..exceptions import MediaError
from ._audio_arrays import array_to_wav
from ._cell_errors import checked_bytes, naming
from ._read_bytes import read_bytes

MAX_BYTES = 64 * 2**20


def read_audio(
    cell: object,
    *,
    root: str | os.PathLike | None = None,
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """Return the content of an audio cell as it is, for hashing and decoding.

    ``decode_audio`` of what is returned equals ``decode_audio`` of the cell.

    Parameters
    ----------
    cell : str, os.PathLike, bytes, (array, sample_rate) or dict
        A path, the bytes of a file, samples of shape (n,) or (n, n_channels) and
        their rate in Hz, ``{"array": ..., "sampling_rate": ...}`` or
        ``{"bytes": ..., "path": ...}``; in a dict bytes go first, then the array. A
        URL is refused.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave, symbolic links and ``..`` included.
    max_bytes : int, default=64 * 2**20
        Largest file that is accepted. Arrays are not limited by it.

    Returns
    -------
    content : bytes
        The bytes of a file; an array becomes a WAV file.

    Raises
    ------
    MediaError
        If there is nothing to decode. ``code`` says why: BAD_TYPE for a cell of
        another kind, BAD_TYPE, BAD_RATE, BAD_CHANNELS, ZERO_LENGTH or TOO_LONG for
        an array that is no clip, and for a file URL, BAD_PATH, OUTSIDE_ROOT,
        NOT_FOUND, PERMISSION, NOT_A_FILE, EMPTY_FILE, FILE_TOO_LARGE or
        OUT_OF_MEMORY.
    ValueError
        If `root` is not a folder.

    See Also
    --------
    decode_audio : Decode a cell to samples.

    Examples
    --------
    >>> from mmsk.media import read_audio
    >>> read_audio({"bytes": b"fLaC...", "path": None})
    b'fLaC...'
    """
    return fetch_audio(cell, root=root, max_bytes=max_bytes)[0]


def fetch_audio(
    cell: object, *, root: str | os.PathLike | None, max_bytes: int
) -> tuple[bytes, str | None]:
    """Return what a cell holds, and the path that it names, if any."""
    if isinstance(cell, str | os.PathLike):
        return read_bytes(cell, root=root, max_bytes=max_bytes), os.fspath(cell)
    if isinstance(cell, bytes | bytearray | memoryview):
        return checked_bytes(cell, max_bytes, None), None
    if isinstance(cell, tuple | list) and len(cell) == 2 and _is_array(cell[0]):
        return _packed(*cell, None), None
    if isinstance(cell, dict):
        content, path = cell.get("bytes"), cell.get("path")
        name = path if isinstance(path, str) else None
        if isinstance(content, bytes | bytearray | memoryview):
            return checked_bytes(content, max_bytes, name), name
        if content is None and isinstance(cell.get("array"), np.ndarray | list):
            return _packed(cell["array"], cell.get("sampling_rate"), name), name
        if content is None and isinstance(path, str | os.PathLike):
            return read_bytes(path, root=root, max_bytes=max_bytes), os.fspath(path)
        kind = "a dict without a usable 'bytes', 'array' or 'path'"
    elif _is_array(cell):
        kind = "an array without its sample rate"
    else:
        kind = f"a {type(cell).__name__}"
    raise MediaError(
        "BAD_TYPE",
        f"{kind}, not a clip",
        advice="Pass a path, the bytes of a file, (array, sample_rate), "
        '{"array": ..., "sampling_rate": ...} or {"bytes": ..., "path": ...}.',
    )


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"


def _packed(array: object, sample_rate: object, path: str | None) -> bytes:
    with naming(path, what="clip", limit="max_values"):
        return array_to_wav(array, sample_rate)
