"""Entries on their way into a store or out of it, those of one size together."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.store._entries import MAX_COUNT
from mmsk.store._records import RECORD, Buffer, Names, identify, seal

_MAX_SIZE = 8 * 2**20  # of what is written at once


class Batch(NamedTuple):
    """Entries of one size: a value for each record, and the mark of its key if new."""

    size: int
    records: NDArray[np.void]
    values: NDArray | Sequence[Buffer]
    marks: NDArray[np.uint64] | None = None

    @property
    def names(self) -> Names:
        """The keys of new entries."""
        return Names(self.records["id"], self.marks)

    @property
    def n_bytes(self) -> int:
        """What the entries will take, with what the index has of them."""
        return len(self.records) * (self.size + RECORD.itemsize)

    def take(self, chosen: NDArray[np.bool_]) -> "Batch":
        """Return the batch of some of the entries."""
        if chosen.all():
            return self
        if isinstance(self.values, np.ndarray):
            values = self.values[chosen]
        else:
            values = [self.values[i] for i in np.flatnonzero(chosen)]
        return Batch(self.size, self.records[chosen], values, self.marks[chosen])

    def parts(self) -> Iterator["Batch"]:
        """Yield batches that are each written at once."""
        step = max(1, min(MAX_COUNT, _MAX_SIZE // max(1, self.size)))
        if len(self.records) <= step:
            yield self
            return
        for start in range(0, len(self.records), step):
            part = slice(start, start + step)
            yield Batch(self.size, self.records[part], self.values[part])


def pack(
    keys: Sequence[bytes], kind: int, values: NDArray | Sequence[Buffer]
) -> list[Batch]:
    """Return batches of contiguous values, of which each has a key of its own."""
    names = identify(keys)
    if isinstance(values, np.ndarray):  # a row each
        return [_batch(names, kind, values[0].nbytes, values)]
    sizes = np.array([value.nbytes for value in values])
    if (sizes == sizes[0]).all():
        return [_batch(names, kind, int(sizes[0]), values)]
    batches = []
    for size in np.unique(sizes).tolist():
        chosen = np.flatnonzero(sizes == size)
        some = [values[i] for i in chosen]
        batches.append(_batch(names.take(chosen), kind, size, some))
    return batches


def _batch(
    names: Names, kind: int, size: int, values: NDArray | Sequence[Buffer]
) -> Batch:
    records = np.zeros(len(names.ids), dtype=RECORD)
    records["id"] = names.ids
    records["sum"] = seal(names.marks, kind, size, values)
    return Batch(size, records, values, names.marks)
