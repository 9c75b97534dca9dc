"""Fingerprint of a model's folder."""

import hashlib
from pathlib import Path

from mmsk.feature_extraction._cells._file_digest import file_digest

_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors", ".bin"})


def folder_digest(folder: Path) -> str:
    """Return the fingerprint of all that a model's results follow from.

    The names and contents of its configuration, vocabulary and weights; not where
    the folder is.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    digest : str of length 64
        SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256(b"mmsk.model\0", usedforsecurity=False)
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            digest.update(f"{path.name}\0{file_digest(path)}\0".encode())
    return digest.hexdigest()
