"""Entries on their way into a store or out of it, those of one size together."""

from collections.abc import Iterator, Sequence
from itertools import compress
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
            values = list(compress(self.values, chosen.tolist()))
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
    """Return batches of contiguous values, one for each key.

    A key that is given twice stays in the batch of its first value.
    """
    if isinstance(values, np.ndarray):  # a row each
        return [_batch(keys, kind, values[0].nbytes, values)]
    sizes = [value.nbytes for value in values]
    if len(set(sizes)) == 1:
        return [_batch(keys, kind, sizes[0], values)]
    size_of: dict[bytes, int] = {}
    chosen: dict[int, list[int]] = {}
    for i, (key, size) in enumerate(zip(keys, sizes, strict=True)):
        if size_of.setdefault(key, size) == size:
            chosen.setdefault(size, []).append(i)
    return [
        _batch([keys[i] for i in some], kind, size, [values[i] for i in some])
        for size, some in sorted(chosen.items())
    ]


def _batch(
    keys: Sequence[bytes], kind: int, size: int, values: NDArray | Sequence[Buffer]
) -> Batch:
    names = identify(keys)
    records = np.zeros(len(keys), dtype=RECORD)
    records["id"] = names.ids
    records["sum"] = seal(names.marks, kind, size, values)
    return Batch(size, records, values, names.marks)
