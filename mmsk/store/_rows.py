"""The bytes of one entry: a header with a checksum, and raw values."""

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"mmsk"
_FORMAT = 2
_START = struct.Struct("<4sHHQ")  # magic, format, kind, length
HEADER_SIZE = _START.size + 4  # and the checksum

ROW, MANIFEST, PART = 1, 2, 3
_FLOAT32, _CHECKSUM = np.dtype("<f4"), np.dtype("<u4")

Entry = tuple[bytes, NDArray | memoryview]  # header and contiguous payload


def seal(key: bytes, kind: int, payload: NDArray | memoryview) -> Entry:
    """Return a contiguous `payload` and the header that proves it whole."""
    return _header(key, kind, payload), payload


def size_of(entry: Entry) -> int:
    """Return how many bytes an entry takes."""
    return HEADER_SIZE + entry[1].nbytes


def unseal(key: bytes, kind: int, entry: NDArray[np.uint8]) -> memoryview | None:
    """Return the payload of an entry, or None if it is not what was sealed."""
    header, payload = entry[:HEADER_SIZE].tobytes(), memoryview(entry)[HEADER_SIZE:]
    return payload if header == _header(key, kind, payload) else None


def decode_rows(
    keys: Sequence[bytes], block: NDArray[np.uint8]
) -> list[NDArray[np.float32] | None]:
    """Return a row for each entry of a block, None for one that is bad.

    The rows are parts of `block`, of shape (n_keys, size), that do not overlap.
    """
    size = block.shape[1]
    if (size - HEADER_SIZE) % _FLOAT32.itemsize:
        return [None] * len(keys)
    crc32, whole = zlib.crc32, memoryview(block.reshape(-1))
    checksums = [
        crc32(whole[start : start + size - HEADER_SIZE], crc32(key))
        for key, start in zip(
            keys, range(HEADER_SIZE, block.size + HEADER_SIZE, size), strict=True
        )
    ]
    head = np.frombuffer(_start(ROW, size - HEADER_SIZE), dtype=np.uint8)
    found = block[:, head.size : HEADER_SIZE].view(_CHECKSUM)[:, 0]
    is_sound = (found == np.array(checksums, dtype=_CHECKSUM)) & (
        block[:, : head.size] == head
    ).all(axis=1)
    rows = list(block[:, HEADER_SIZE:].view(_FLOAT32).astype(np.float32, copy=False))
    if is_sound.all():
        return rows
    return [row if sound else None for row, sound in zip(rows, is_sound, strict=True)]


def encode_row(key: bytes, row: NDArray[np.float32]) -> Entry:
    """Return the entry of a float32 row of shape (n_values,)."""
    if row.dtype != _FLOAT32 or not row.flags.c_contiguous:
        row = np.ascontiguousarray(row, dtype=_FLOAT32)
    return seal(key, ROW, row)


def _header(key: bytes, kind: int, payload: NDArray | memoryview) -> bytes:
    # The key is part of the checksum: a sound payload under another key is a wrong
    # value too. CRC-32 finds every flipped bit and every burst of up to 32, in 1.0 us
    # for 5 kB (3.0 us for SHA-256); it need not hold against forgery, since whoever
    # can write to the store can write any values.
    checksum = zlib.crc32(payload, zlib.crc32(key))
    return _start(kind, payload.nbytes) + checksum.to_bytes(4, "little")


@lru_cache(maxsize=256)
def _start(kind: int, length: int) -> bytes:
    return _START.pack(_MAGIC, _FORMAT, kind, length)
