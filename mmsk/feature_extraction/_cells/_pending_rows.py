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

    Parameters
    ----------
    store : FeatureStore or None
        ``None`` keeps nothing.
    """

    def __init__(self, store: FeatureStore | None) -> None:
        self.store = store
        self.rows: dict[bytes, NDArray[np.float32]] = {}
        self._n_bytes = 0
        self._last = time.monotonic()

    def add(self, keys: Sequence[bytes], rows: Sequence[NDArray[np.float32]]) -> None:
        """Take new rows; put them, and those that wait, once they are due."""
        if self.store is None:
            return
        n_bytes = sum(row.nbytes for row in rows)
        if self._n_bytes + n_bytes > _MAX_BYTES:
            self.put()
        self.rows.update(zip(keys, rows, strict=True))
        self._n_bytes += n_bytes
        is_late = time.monotonic() - self._last >= _MAX_SECONDS
        if is_late or self._n_bytes >= _MAX_BYTES:
            self.put()

    def put(self) -> None:
        """Put all that wait."""
        if self.rows and self.store is not None:
            self.store.put_many(list(self.rows), list(self.rows.values()))
        self.rows, self._n_bytes = {}, 0
        self._last = time.monotonic()
