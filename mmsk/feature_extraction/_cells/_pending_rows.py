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

    To put 256 rows in one call takes half as long again as to put them with some
    thousand others. So rows wait until they take 8 MiB together, but none for longer
    than a quarter of a second from the last put until the next rows come: what costs
    more to compute than to put is put at once, and little is lost with a process that
    is killed.

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
        if self.store is None or not keys:
            return
        n_bytes = sum([row.nbytes for row in rows])
        if self._n_bytes + n_bytes > _MAX_BYTES:
            self.put()
        self.rows.update(zip(keys, rows, strict=True))
        self._n_bytes += n_bytes
        if time.monotonic() - self._last >= _MAX_SECONDS:
            self.put()

    def put(self) -> None:
        """Put all that wait."""
        rows, self.rows, self._n_bytes = self.rows, {}, 0
        if rows:
            self.store.put_many(list(rows), list(rows.values()))
        self._last = time.monotonic()
