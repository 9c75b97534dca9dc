"""What the index knows of each entry: a number, a checksum, a stamp, a place."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_digest, xxh3_64_intdigest

ROW, MANIFEST, PART = 1, 2, 3

# an entry is value number `place` of its batch and was last used at tick `used`
RECORD = np.dtype([("id", "<u8"), ("sum", "<u8"), ("used", "<u4"), ("place", "<u4")])

Records = NDArray[np.void]  # of dtype RECORD
Buffer = NDArray | memoryview

_FORMAT = 3
_KEY_SIZE = 32
# odd, so that no change of a word is lost, and of no pattern else
_WEIGHTS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)


class Names(NamedTuple):
    """Keys as numbers: what each is found by, and what all of its bits come to."""

    ids: NDArray[np.uint64]
    marks: NDArray[np.uint64]


def identify(keys: Sequence[bytes]) -> Names:
    """Return the numbers of keys.

    The index finds a key by 64 of its bits. A key from `row_key` is the value of a
    hash: two that share these displace each other, which for a million entries
    happens once in ten million stores. The mark is made from all 256 bits and keeps
    their values apart.
    """
    if set(map(len, keys)) - {_KEY_SIZE}:
        keys = [
            key if len(key) == _KEY_SIZE else hashlib.sha256(key).digest()
            for key in keys
        ]
    words = np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, 4)
    words = words.astype(np.uint64, copy=False)
    # shifted, or changes of the highest bits of two words would cancel
    return Names(words[:, 0], (words ^ (words >> 32)) @ _WEIGHTS)


def seal(
    marks: NDArray[np.uint64], kind: int, size: int, values: Iterable[Buffer]
) -> NDArray[np.uint64]:
    """Return the checksums of contiguous values that take `size` bytes each.

    The key is part of a checksum, and so are the kind, the size and the version: a
    sound value under another key is a wrong value too. XXH3 of 64 bits misses damage
    once in 2**64 times and takes 0.3 us for 5 kB (CRC-32 1.2 us); it need not hold
    against forgery, since whoever can write to the store can write any values.
    """
    seed = _seed(kind, size)
    digests = b"".join([xxh3_64_digest(value, seed) for value in values])
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64) + marks


@lru_cache(maxsize=256)
def _seed(kind: int, size: int) -> int:
    return xxh3_64_intdigest(f"mmsk.store {_FORMAT} {kind} {size}".encode())
