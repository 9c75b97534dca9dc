"""The index of a store as one process remembers it, to look many keys up at once."""

import sqlite3

import numpy as np
from numpy.typing import NDArray

from mmsk.store._entries import BATCH, Entries, NewBatch, join, load
from mmsk.store._records import RECORD
from mmsk.store._tables import Totals, totals

_N_RECENT = 4096


class Index:
    """Where the entries are, kept up to date by what was added since it was asked.

    It takes about 45 bytes an entry. The latest are in a dict, the others sorted.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._epoch: int | None = None
        self._last = self._n_batches = self._n_records = 0
        self._entries = Entries(
            np.empty(0, BATCH), np.empty(0, RECORD), np.empty(0, np.int32)
        )
        self._unsettled: list[NewBatch] = []
        self._expected: set[int] = set()  # of ids: those of unsettled ones, and others
        self._recent: dict[int, int] = {}
        self._sorted = np.empty(0, np.uint64), np.empty(0, np.int32)

    def refresh(self, connection: sqlite3.Connection) -> Totals:
        """Learn what other processes have done; return the counters."""
        now = totals(connection)
        if now.epoch != self._epoch or now.last_batch < self._last:
            self.reset()
            self._epoch = now.epoch
        if now.last_batch > self._last:
            self._settle()
            self._extend(load(connection, "id > ?", [self._last]))
            self._last = now.last_batch
        return now

    def add(self, new: NewBatch) -> None:
        """Take up a batch; its entries stand for the same ones in earlier batches."""
        # to put needs no more than this: to read has time for the rest
        self._last = new.row[0]
        self._unsettled.append(new)

    def expect(self, ids: NDArray[np.uint64]) -> bool:
        """Tell whether one of the numbers may be there already or comes twice.

        They are the ones that come next: to put them into a set and see how much it
        has grown takes half of the time of a look at it now and another then.
        """
        n_before = len(self._expected)
        self._expected.update(ids.tolist())
        if len(self._expected) < n_before + len(ids):
            return True
        return bool(self._n_records) and self.find(ids).max(initial=-1) >= 0

    def _settle(self) -> None:
        if self._unsettled:
            new, self._unsettled = self._unsettled, []
            self._expected.clear()
            self._extend(join(new))

    def _extend(self, new: Entries) -> None:
        old, n_batches, first = self._entries, self._n_batches, self._n_records
        self._n_batches += len(new.batches)
        self._n_records += len(new.records)
        self._entries = Entries(
            _put(old.batches, new.batches, self._n_batches),
            _put(old.records, new.records, self._n_records),
            _put(old.owners, new.owners + np.int32(n_batches), self._n_records),
        )
        n_recent = len(self._recent) + len(new.records)
        if n_recent <= max(_N_RECENT, len(self._sorted[0]) // 8):
            slots = range(first, self._n_records)
            self._recent.update(zip(new.records["id"].tolist(), slots, strict=True))
            return
        self._recent = {}
        ids = self._entries.records["id"][: self._n_records]
        order = np.argsort(ids, kind="stable")
        self._sorted = ids[order], order.astype(np.int32)

    def find(self, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the slot of each number, -1 for one that is not there."""
        self._settle()
        get = self._recent.get
        slots = np.array([get(id_, -1) for id_ in ids.tolist()], dtype=np.int64)
        known, order = self._sorted
        if len(known):
            missing = np.flatnonzero(slots < 0)
            wanted = ids[missing]
            # the last one of several, which is the latest
            at = np.searchsorted(known, wanted, side="right") - 1
            hit = known[at] == wanted
            slots[missing[hit]] = order[at[hit]]
        return slots

    def places(self, slots: NDArray[np.int64]) -> NDArray[np.void]:
        """Return batch, file, start and size of the entries in some slots."""
        self._settle()
        return self._entries.places(slots)

    def records(self, slots: NDArray[np.int64]) -> NDArray[np.void]:
        """Return the records in some slots."""
        self._settle()
        return self._entries.records[slots]

    def stamp(self, slots: NDArray[np.int64], clock: int) -> None:
        """Remember when the entries in some slots were last used."""
        self._settle()
        self._entries.records["used"][slots] = clock


def _put(array: NDArray, new: NDArray, stop: int) -> NDArray:
    """Return an array with others that end at `stop`, made larger where need be."""
    if stop > len(array):
        room = max(stop, len(array) * 3 // 2, 256)
        array = np.concatenate([array, np.empty(room - len(array), array.dtype)])
    array[stop - len(new) : stop] = new
    return array
