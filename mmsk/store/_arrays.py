"""Several arrays as one manifest and parts of bounded size."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmsk.store._batches import Batch, pack
from mmsk.store._records import MANIFEST, PART

_PART_SIZE = 8 * 2**20
_KINDS = "biufc"


def pack_arrays(key: bytes, arrays: Sequence[np.ndarray]) -> list[Batch]:
    """Return the batches that hold `arrays`; the entry of `key` names the others.

    A part is found by the hash of its bytes, so parts of two writers cannot be
    mixed up, even if their last float bits differ.
    """
    values, described = {}, []
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
            values[part_key] = part
            parts.append(part_key.hex())
        described.append([array.dtype.str, array.shape, parts])
    manifest = memoryview(json.dumps(described).encode())
    batches = pack([key], MANIFEST, [manifest])
    if values:
        batches += pack(list(values), PART, list(values.values()))
    return batches


def read_manifest(manifest: bytes) -> list:
    """Return [dtype, shape, part keys] of each array."""
    return [
        [dtype, shape, [bytes.fromhex(part) for part in parts]]
        for dtype, shape, parts in json.loads(manifest)
    ]


def unpack_arrays(
    manifest: list, entries: Mapping[bytes, NDArray[np.uint8]]
) -> list[np.ndarray] | None:
    """Return the arrays of a manifest, or None if a part is not there."""
    arrays = []
    for dtype, shape, keys in manifest:
        if not all(key in entries for key in keys):
            return None
        content = bytearray().join([entries[key] for key in keys])
        arrays.append(np.frombuffer(content, dtype=dtype).reshape(shape))
    return arrays


def _part_key(part: memoryview) -> bytes:
    digest = hashlib.sha256(b"mmsk.part\0", usedforsecurity=False)
    digest.update(part)
    return digest.digest()
