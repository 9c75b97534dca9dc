"""Fingerprint of a file that features are computed with."""

import hashlib
import os
from functools import lru_cache

_BLOCK = 2**20


def file_digest(path: str | os.PathLike) -> str:
    """Return the fingerprint of a file's content.

    In one process a file is read again only when it was written.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    digest : str of length 64
        SHA-256 in hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    return _digest(*file_state(path))


def file_state(path: str | os.PathLike) -> tuple[str, int, int, int]:
    """Return place, size, time of writing and identity of a file."""
    about = os.stat(path)
    return os.path.realpath(path), about.st_size, about.st_mtime_ns, about.st_ino


@lru_cache(maxsize=256)
def _digest(path: str, *state: int) -> str:
    digest = hashlib.sha256(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
