"""Rows on their way into a store."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmsk.store import FeatureStore

_MAX_BYTES = 8 * 2**20
_MAX_SECONDS = 0.25


class PendingRows:
    """Gather rows and put them into the store many at a time.

    A row of a small call costs more than one of a large call. So rows wait until they
    take 8 MiB together, and no longer than a quarter of a second and the chunk that
    follows: beside the computing of what takes as long, a put is nothing. A process
    that is killed loses the chunk in hand and a quarter of a second of work.

    Attributes
    ----------
    rows : dict of bytes to ndarray
        Those that wait, by their keys.
    """

    def __init__(self) -> None:
        self.rows: dict[bytes, NDArray[np.float32]] = {}
        self._n_bytes = 0
        self._last = time.monotonic()

    def add(
        self,
        store: FeatureStore,
        keys: Sequence[bytes],
        rows: Sequence[NDArray[np.float32]],
    ) -> None:
        """Take new rows; put them, and those that wait, once they are due."""
        n_bytes = sum(row.nbytes for row in rows)
        if self._n_bytes + n_bytes > _MAX_BYTES:
            self.put(store)
        self.rows.update(zip(keys, rows, strict=True))
        self._n_bytes += n_bytes
        is_late = time.monotonic() - self._last >= _MAX_SECONDS
        if is_late or self._n_bytes >= _MAX_BYTES:
            self.put(store)

    def put(self, store: FeatureStore) -> None:
        """Put all that wait."""
        if self.rows:
            store.put_many(list(self.rows), list(self.rows.values()))
        self.rows, self._n_bytes = {}, 0
        self._last = time.monotonic()
