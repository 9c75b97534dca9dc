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
_FLOAT32 = np.dtype("<f4")

Entry = tuple[bytes, NDArray | memoryview | bytes]  # header and payload


def seal(key: bytes, kind: int, payload: NDArray | memoryview | bytes) -> Entry:
    """Return a contiguous `payload` and the header that proves it whole."""
    return _header(key, kind, payload), payload


def size_of(entry: Entry) -> int:
    """Return how many bytes an entry takes."""
    return HEADER_SIZE + memoryview(entry[1]).nbytes


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
    if (block.shape[1] - HEADER_SIZE) % _FLOAT32.itemsize:
        return [None] * len(keys)
    headers = block[:, :HEADER_SIZE].tobytes()
    rows = block[:, HEADER_SIZE:].view(_FLOAT32).astype(np.float32, copy=False)
    return [
        row if headers[start : start + HEADER_SIZE] == _header(key, ROW, row) else None
        for start, key, row in zip(
            range(0, len(headers), HEADER_SIZE), keys, rows, strict=True
        )
    ]


def encode_row(key: bytes, row: NDArray[np.float32]) -> Entry:
    """Return the entry of a float32 row of shape (n_values,)."""
    return seal(key, ROW, np.ascontiguousarray(row, dtype=_FLOAT32))


def _header(key: bytes, kind: int, payload: NDArray | memoryview | bytes) -> bytes:
    # The key is part of the checksum: a sound payload under another key is a wrong
    # value too. CRC-32 finds every flipped bit and every burst of up to 32, in 1.0 us
    # for 5 kB (3.0 us for SHA-256); it need not hold against forgery, since whoever
    # can write to the store can write any values.
    checksum = zlib.crc32(payload, zlib.crc32(key))
    return _start(kind, memoryview(payload).nbytes) + checksum.to_bytes(4, "little")


@lru_cache(maxsize=256)
def _start(kind: int, length: int) -> bytes:
    return _START.pack(_MAGIC, _FORMAT, kind, length)
