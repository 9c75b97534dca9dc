"""Which row belongs to which content, in little memory."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_LIMIT = 2**20
_MAX_NEW = 1024


class RowIndex:
    """Map the keys of contents to numbers, 24 bytes each, up to a limit.

    The first 128 bits of a key stand for it, in sorted arrays; a dictionary holds
    the last few. A key is the value of a hash, so no two will ever share them.

    Parameters
    ----------
    limit : int, default=2**20
        How many keys are kept, those that come first: 24 MiB.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._new: dict[bytes, int] = {}
        self._words = np.empty((2, 0), dtype=np.uint64)
        self._numbers = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._numbers) + len(self._new)

    def add(self, key: bytes, number: int) -> None:
        """Keep the number of a key, unless there is one or the limit is reached."""
        if len(self) < self._limit:
            self._new.setdefault(key, number)
            if len(self._new) == _MAX_NEW or len(self) == self._limit:
                self._merge()

    def find(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Return the numbers of those keys that have one."""
        keys = list(keys)
        found = {key: self._new[key] for key in keys if key in self._new}
        places, is_there = self._search(_words(keys))
        for i in np.flatnonzero(is_there):
            found[keys[i]] = int(self._numbers[places[i]])
        return found

    def _search(self, words: NDArray[np.uint64]) -> tuple[NDArray, NDArray[np.bool_]]:
        places = np.searchsorted(self._words[0], words[0])
        is_there = places < len(self._numbers)
        is_there[is_there] = np.all(
            self._words[:, places[is_there]] == words[:, is_there], axis=0
        )
        return places, is_there

    def _merge(self) -> None:
        words = _words(list(self._new))
        numbers = np.fromiter(self._new.values(), dtype=np.int64)
        places, is_there = self._search(words)
        order = np.flatnonzero(~is_there)
        order = order[np.argsort(words[0, order])]
        self._words = np.insert(self._words, places[order], words[:, order], axis=1)
        self._numbers = np.insert(self._numbers, places[order], numbers[order])
        self._new = {}


def _words(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the first two words of each key, of shape (2, n_keys)."""
    heads = b"".join([key[:16] for key in keys])
    return np.frombuffer(heads, dtype=np.uint64).reshape(-1, 2).T
