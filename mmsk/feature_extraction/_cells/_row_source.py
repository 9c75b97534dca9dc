"""From the contents of cells to their rows, each computed once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from joblib.parallel import get_active_backend
from numpy.typing import NDArray
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells._pending_rows import PendingRows
from mmsk.feature_extraction._cells._row_index import RowIndex
from mmsk.store import FeatureStore, content_digest, row_key

_CHUNK_BYTES = 64 * 2**20
_SPARE_BYTES = 64 * 2**20
_COPY_BYTES = 256  # of Python around a copy and its key


class Outcome(NamedTuple):
    """What became of one content: its row, or why there is none."""

    row: int
    column: int
    cell: Any
    key: bytes
    value: NDArray[np.float32] | MediaError


class RowSource:
    """Find rows in memory or in the store, compute the others, in bounded chunks.

    Contents are held for one chunk only, and what is remembered of them has a
    limit, so memory does not grow with their number. A chunk is cut into batches
    that may run in threads.

    Parameters
    ----------
    compute : callable
        Takes a list of contents, returns for each its row of shape (width,) or a
        MediaError. A row must not depend on the others of its list.
    width : int
        Number of values of a row.
    config : bytes
        Digest of how rows are computed, the first half of their keys.
    store : FeatureStore or None
    batch_size : int
        How many contents are computed together.
    n_batches : int
        How many batches make a chunk.
    n_jobs : int or None
    """

    def __init__(
        self,
        compute: Callable[[list], list[NDArray[np.float32] | MediaError]],
        *,
        width: int,
        config: bytes,
        store: FeatureStore | None,
        batch_size: int,
        n_batches: int,
        n_jobs: int | None,
    ) -> None:
        self.store = store
        self._compute = compute
        self._shape = (width,)
        self._config = config
        self._batch_size = batch_size
        self._chunk_size = batch_size * n_batches
        self._n_jobs = n_jobs
        self._places = RowIndex()
        self._copies: dict[bytes, NDArray[np.float32]] = {}
        self._recent: dict[bytes, NDArray[np.float32] | MediaError] = {}
        self._spare = _SPARE_BYTES
        self._pending = PendingRows()

    def remember(
        self, key: bytes, value: NDArray[np.float32], place: int | None = None
    ) -> None:
        """Use this row again where its content comes again.

        Where it stands in the output is remembered in 24 bytes, of the first million
        of contents. A row that has no `place` there is copied, until the copies take
        64 MiB. Any other content that comes again is looked up in the store or
        computed anew.
        """
        if place is not None:
            self._places.add(key, place)
            return
        size = value.nbytes + _COPY_BYTES
        if key not in self._copies and size <= self._spare:
            self._spare -= size
            self._copies[key] = value.copy()

    def outcomes(
        self,
        contents: Iterable[tuple],
        row_at: Callable[[int], NDArray[np.float32]] | None = None,
    ) -> Iterator[Outcome]:
        """Yield the outcomes of contents ``(row, column, cell, content)``, in order.

        `row_at` returns the row that was remembered with a place. All rows are in the
        store once this has ended, or was closed.
        """
        try:
            for chunk in self._chunks(contents):
                keys = [self._key(content) for *_, content in chunk]
                known = self._known(keys, row_at)
                values = self._values(keys, [content for *_, content in chunk], known)
                for (row, column, cell, _), key, value in zip(
                    chunk, keys, values, strict=True
                ):
                    yield Outcome(row, column, cell, key, value)
        finally:
            if self.store is not None:
                self._pending.put(self.store)

    def _chunks(self, contents: Iterable[tuple]) -> Iterator[list[tuple]]:
        chunk, size = [], 0
        for item in contents:
            chunk.append(item)
            size += _size(item[-1])
            if len(chunk) == self._chunk_size or size >= _CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _key(self, content: Any) -> bytes:
        if isinstance(content, MediaError):
            return b""
        return row_key(self._config, content_digest(content))

    def _known(
        self,
        keys: list[bytes],
        row_at: Callable[[int], NDArray[np.float32]] | None,
    ) -> dict[bytes, NDArray[np.float32] | MediaError]:
        asked = {key for key in keys if key}
        known = {} if row_at is None else self._places.find(asked)
        known = {key: row_at(place) for key, place in known.items()}
        # the reader may be one cell behind, so the last chunk is kept as well
        for rows in (self._copies, self._recent, self._pending.rows):
            known.update((key, rows[key]) for key in asked if key in rows)
        return known

    def _values(self, keys: list[bytes], contents: list, known: dict) -> list:
        found = dict(known)
        wanted = {
            key: content
            for key, content in zip(keys, contents, strict=True)
            if key and key not in found
        }
        if self.store is not None and wanted:
            rows = self.store.get_many(list(wanted))
            for key, row in zip(list(wanted), rows, strict=True):
                if row is not None and row.shape == self._shape:
                    found[key] = row
                    del wanted[key]
        computed = self._computed(list(wanted.values()))
        found.update(zip(wanted, computed, strict=True))
        new = [key for key in wanted if not isinstance(found[key], MediaError)]
        if self.store is not None:
            self._pending.add(self.store, new, [found[key] for key in new])
        self._recent = found
        # a content that could not be read is its own outcome
        pairs = zip(keys, contents, strict=True)
        return [found.get(key, content) for key, content in pairs]

    def _computed(self, contents: list) -> list:
        if not contents:
            return []
        size = self._batch_size
        batches = [contents[i : i + size] for i in range(0, len(contents), size)]
        backend, n_jobs = get_active_backend(prefer="threads")
        n_jobs = n_jobs if self._n_jobs is None else self._n_jobs
        if getattr(backend, "uses_threads", False):
            n_threads = min(backend.effective_n_jobs(n_jobs), len(batches))
            computed = self._in_threads(batches, n_threads)
        else:  # what the user has chosen by joblib.parallel_config
            computed = Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(self._compute)(batch) for batch in batches
            )
        return [value for values in computed for value in values]

    def _in_threads(self, batches: list[list], n_threads: int) -> list[list]:
        """Compute batches; joblib would look only every 10 ms whether they are done."""
        if n_threads == 1:
            return [self._compute(batch) for batch in batches]
        config = get_config()

        def compute(batch: list) -> list:
            with config_context(**config):
                return self._compute(batch)

        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(compute, batches))


def _size(content: bytes | str | NDArray | MediaError) -> int:
    if isinstance(content, bytes | str):
        return len(content)
    return getattr(content, "nbytes", 0)
