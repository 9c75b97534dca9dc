"""What is asked of a store: look entries up, count uses, add entries."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.store import _files, _space
from mmsk.store._batches import Batch
from mmsk.store._index import Index
from mmsk.store._records import ROW, Names, seal
from mmsk.store._tables import add, transaction

_TICK = 256  # keys


class Found(NamedTuple):
    """Entries of one size that were read and have yet to be checked."""

    positions: NDArray[np.int64]  # of their keys
    values: NDArray[np.uint8]  # of shape (n_entries, size)
    records: NDArray[np.void]

    def sound(
        self, names: Names, kind: int, rows: Sequence[NDArray] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which ones are what was put; `rows` may be views of the values."""
        values = self.values if rows is None else rows
        marks = names.marks[self.positions]
        return seal(marks, kind, self.values.shape[1], values) == self.records["sum"]


def read(
    connection: sqlite3.Connection, index: Index, folder: str, names: Names
) -> tuple[list[Found], NDArray[np.uint64]]:
    """Return the entries that are there, and the ids of those whose stamp is old.

    The clock counts batches. In a store of n entries a stamp is old after n / 128 of
    them, which is two passes over all of it; in a small store it always is.
    """
    now = index.refresh(connection)
    found, lost = _read(index, folder, names, np.arange(len(names.ids)))
    # another process may have moved them just now
    if len(lost) and index.refresh(connection).epoch != now.epoch:
        found += _read(index, folder, names, lost)[0]
    recent = now.clock - now.entries // 128
    old = [each["id"][each["used"] <= recent] for *_, each in found]
    return found, np.concatenate([np.empty(0, np.uint64), *old])


def _read(
    index: Index, folder: str, names: Names, positions: NDArray[np.int64]
) -> tuple[list[Found], NDArray[np.int64]]:
    """Read the entries of the keys at some positions; also return the lost ones."""
    slots = index.find(names.ids[positions])
    if slots.min(initial=0) < 0:
        there = slots >= 0
        positions, slots = positions[there], slots[there]
    blocks = _files.read_blocks(folder, index.places(slots))
    is_lost = np.ones(len(positions), dtype=bool)
    found = []
    for chosen, values in blocks:
        is_lost[chosen] = False
        records = index.records(slots[chosen])
        found.append(Found(positions[chosen], values, records))
    return found, positions[is_lost]


def count(
    connection: sqlite3.Connection,
    index: Index,
    hits: int,
    misses: int,
    old: NDArray[np.uint64],
) -> None:
    """Add to the counters and renew the stamps of the entries with the ids `old`."""
    amounts = {"hits": hits, "misses": misses, "clock": _n_ticks(hits + misses)}
    if not len(old):
        add(connection, **amounts)
        return
    with transaction(connection):
        add(connection, **amounts)
        clock = index.refresh(connection).clock
        slots = _space.stamp(connection, index, old, clock)
    index.stamp(slots, clock)


def write(
    connection: sqlite3.Connection,
    index: Index,
    folder: str,
    batches: Sequence[Batch],
    kind: int,
    max_bytes: int | None,
) -> None:
    """Add entries in one transaction; sound ones of `kind` that are there are kept.

    The lock that a transaction holds is also that of the files: there is one writer
    at a time, whatever stands behind the size of a file in its table is the rest of
    a killed one, and readers learn of bytes only after these were written.
    """
    n_keys = sum(len(batch.records) for batch in batches)
    with transaction(connection):
        now = index.refresh(connection)
        new, n_gone, bytes_gone = _replace(connection, index, folder, batches, kind)
        clock = now.clock + _n_ticks(n_keys)
        for batch in new:
            batch.records["used"] = clock
        added = _space.append(connection, folder, new, max_bytes, now)
        n_new = sum([len(batch.records) for batch in added])
        n_new_bytes = sum([batch.n_bytes for batch in added])
        n_bytes = n_new_bytes - bytes_gone
        add(
            connection,
            entries=n_new - n_gone,
            n_bytes=n_bytes,
            written=n_new if kind == ROW else 0,
            clock=clock - now.clock,
            **_space.ends_of(added),
        )
        is_full = max_bytes is not None and now.n_bytes + n_bytes > max_bytes
        if is_full:
            _space.limit(connection, folder, max_bytes, n_new_bytes)
    for batch in added:
        index.add(batch)
    if is_full:
        _space.sweep(connection, folder)


def _replace(
    connection: sqlite3.Connection,
    index: Index,
    folder: str,
    batches: Sequence[Batch],
    kind: int,
) -> tuple[list[Batch], int, int]:
    """Return what is to be written, after deleting what is there and not sound.

    Also return how many entries and bytes were deleted.
    """
    new, bad = [], []
    for batch in batches:
        names = batch.names
        if index.expect(names.ids):
            there = index.find(names.ids) >= 0
            is_new = np.ones(len(there), dtype=bool)
            for found in _read(index, folder, names, np.flatnonzero(there))[0]:
                is_new[found.positions[found.sound(names, kind)]] = False
            bad.append(names.ids[there & is_new])
            is_first = np.zeros(len(there), dtype=bool)
            is_first[np.unique(names.ids, return_index=True)[1]] = True
            batch = batch.take(is_new & is_first)
        if len(batch.records):
            new.append(batch)
    if not bad:
        return new, 0, 0
    return new, *_space.delete(connection, index, np.concatenate(bad))


def _n_ticks(n_keys: int) -> int:
    return max(1, -(-n_keys // _TICK))
