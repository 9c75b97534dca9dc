"""From the contents of cells to their rows, each computed once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from mmsk.exceptions import MediaError
from mmsk.store import FeatureStore, content_digest, row_key

_CHUNK_BYTES = 64 * 2**20
_SPARE_BYTES = 64 * 2**20


class Outcome(NamedTuple):
    """What became of one content: its row, or why there is none."""

    row: int
    column: int
    cell: Any
    key: bytes
    value: NDArray[np.float32] | MediaError


class RowSource:
    """Find rows in memory or in the store, compute the others, in bounded chunks.

    Contents are held for one chunk only, so memory does not grow with their
    number. A chunk is cut into batches that may run in threads.

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
        self._parallel = Parallel(n_jobs=n_jobs, prefer="threads")
        self._known: dict[bytes, NDArray[np.float32]] = {}
        self._recent: dict[bytes, NDArray[np.float32] | MediaError] = {}
        self._spare = _SPARE_BYTES

    def remember(
        self, key: bytes, value: NDArray[np.float32], *, in_output: bool
    ) -> None:
        """Use this row again where its content comes again.

        A row that stands in the output costs nothing to remember. Any other is
        copied, until the copies take 64 MiB.
        """
        if not in_output:
            if key in self._known or self._spare < value.nbytes:
                return
            self._spare -= value.nbytes
            value = value.copy()
        self._known[key] = value

    def outcomes(self, contents: Iterable[tuple]) -> Iterator[Outcome]:
        """Yield the outcomes of contents ``(row, column, cell, content)``, in order."""
        for chunk in self._chunks(contents):
            keys = [self._key(content) for *_, content in chunk]
            values = self._values(keys, [content for *_, content in chunk])
            for (row, column, cell, _), key, value in zip(
                chunk, keys, values, strict=True
            ):
                yield Outcome(row, column, cell, key, value)

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

    def _values(self, keys: list[bytes], contents: list) -> list:
        # the reader may be one cell behind, so the last chunk is kept as well
        found = {}
        for key in keys:
            for known in (self._recent, self._known):
                if key in known:
                    found[key] = known[key]
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
        if self.store is not None and new:
            self.store.put_many(new, [found[key] for key in new])
        self._recent = found
        # a content that could not be read is its own outcome
        pairs = zip(keys, contents, strict=True)
        return [found.get(key, content) for key, content in pairs]

    def _computed(self, contents: list) -> list:
        if not contents:
            return []
        size = self._batch_size
        batches = [contents[i : i + size] for i in range(0, len(contents), size)]
        computed = self._parallel(delayed(self._compute)(batch) for batch in batches)
        return [value for values in computed for value in values]


def _size(content: bytes | str | NDArray | MediaError) -> int:
    if isinstance(content, bytes | str):
        return len(content)
    return getattr(content, "nbytes", 0)
