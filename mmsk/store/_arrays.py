"""Several arrays as one manifest and parts of bounded size."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmsk.store._rows import MANIFEST, PART, Entry, seal, unseal

_PART_SIZE = 8 * 2**20
_KINDS = "biufc"


def pack_arrays(key: bytes, arrays: Sequence[np.ndarray]) -> dict[bytes, Entry]:
    """Return the entries that hold `arrays`; that of `key` names the others.

    A part is found by the hash of its bytes, so parts of two writers cannot be
    mixed up, even if their last float bits differ.
    """
    entries, described = {}, []
    for array in map(np.asarray, arrays):
        if array.dtype.kind not in _KINDS:
            raise TypeError(
                f"A store holds numbers and booleans, got an array of dtype "
                f"{array.dtype}. Convert it first."
            )
        flat = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
        parts = []
        for start in range(0, len(flat), _PART_SIZE):
            part = flat[start : start + _PART_SIZE]
            part_key = _part_key(part)
            entries[part_key] = seal(part_key, PART, part)
            parts.append(part_key.hex())
        described.append([array.dtype.str, array.shape, parts])
    entries[key] = seal(key, MANIFEST, memoryview(json.dumps(described).encode()))
    return entries


def read_manifest(key: bytes, entry: NDArray[np.uint8] | None) -> list | None:
    """Return [dtype, shape, part keys] of each array, or None if the entry is bad."""
    payload = None if entry is None else unseal(key, MANIFEST, entry)
    if payload is None:
        return None
    return [
        [dtype, shape, [bytes.fromhex(part) for part in parts]]
        for dtype, shape, parts in json.loads(bytes(payload))
    ]


def unpack_arrays(manifest: list, entries: dict) -> list[np.ndarray] | None:
    """Return the arrays of a manifest, or None if a part is not there or is bad."""
    arrays = []
    for dtype, shape, part_keys in manifest:
        parts = []
        for key in part_keys:
            part = unseal(key, PART, entries[key]) if key in entries else None
            if part is None:
                return None
            parts.append(part)
        array = np.frombuffer(bytearray().join(parts), dtype=dtype)
        arrays.append(array.reshape(shape))
    return arrays


def _part_key(part: memoryview) -> bytes:
    digest = hashlib.sha256(b"mmsk.part\0", usedforsecurity=False)
    digest.update(part)
    return digest.digest()
