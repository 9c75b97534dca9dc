"""The bytes of one entry: a header, a checksum and raw float32 values."""

import struct
import zlib

import numpy as np

_MAGIC = b"mmsk"
_FORMAT = 1
_HEADER = struct.Struct("<4sHHQI")  # magic, format, kind, length, checksum

ROW, MANIFEST, PART = 1, 2, 3
_FLOAT32 = np.dtype("<f4")


def seal(key: bytes, kind: int, payload) -> bytes:
    """Return `payload` behind a header that says what it is and proves it whole."""
    payload = memoryview(payload)
    header = _header(key, kind, payload)
    return b"".join([header, payload])


def unseal(key: bytes, kind: int, entry: object) -> memoryview | None:
    """Return the payload of an entry, or None if it is not what was sealed."""
    # in SQLite types belong to values: a damaged file may hold a number here
    if not isinstance(entry, bytes):
        return None
    payload = memoryview(entry)[_HEADER.size :]
    if entry[: _HEADER.size] != _header(key, kind, payload):
        return None
    return payload


def encode_row(key: bytes, row: np.ndarray) -> bytes:
    """Return the entry of a float32 row of shape (n_values,)."""
    return seal(key, ROW, np.ascontiguousarray(row, dtype=_FLOAT32))


def decode_row(key: bytes, entry: object) -> np.ndarray | None:
    """Return a writable row of shape (n_values,), or None if the entry is bad."""
    payload = unseal(key, ROW, entry)
    if payload is None or payload.nbytes % _FLOAT32.itemsize:
        return None
    return np.frombuffer(payload, dtype=_FLOAT32).astype(np.float32)


def _header(key: bytes, kind: int, payload: memoryview) -> bytes:
    # The key is part of the checksum: a sound payload under another key is a wrong
    # value too. CRC-32 finds every flipped bit and every burst of up to 32, in 1.2 us
    # for 5 kB (4.5 us for SHA-256); it need not hold against forgery, since whoever
    # can write to the store can write any values.
    start = _HEADER.pack(_MAGIC, _FORMAT, kind, payload.nbytes, 0)
    checksum = zlib.crc32(payload, zlib.crc32(key + start))
    return _HEADER.pack(_MAGIC, _FORMAT, kind, payload.nbytes, checksum)
