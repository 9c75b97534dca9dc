"""Entries as the index has them: batches, and a record of each entry."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.store._records import RECORD

MAX_COUNT = 512  # entries of a batch
_LOAD_COUNT = 8192  # batches, at once: as Python objects they take many times as much
_MAX_NUMBER = 2**48  # of a file, place or size: products with a count stay in 64 bits

# one row of the table, without its records
BATCH = np.dtype([(name, np.int64) for name in ("id", "file", "start", "size")])
_NUMBERS = ", ".join(f"ifnull(CAST({name} AS INTEGER), -1)" for name in BATCH.names)


class Entries(NamedTuple):
    """Batches, the records of all of them, and the batch of each record."""

    batches: NDArray[np.void]
    records: NDArray[np.void]
    owners: NDArray[np.int32]

    def places(self, chosen: NDArray | slice = slice(None)) -> NDArray[np.void]:
        """Return batch, file, start and size of some of the entries."""
        places = self.batches[self.owners[chosen]]
        # a damaged one may be anything
        numbers = np.minimum(self.records["place"][chosen], MAX_COUNT)
        places["start"] += places["size"] * numbers
        return places

    def sizes(self, chosen: NDArray | slice = slice(None)) -> NDArray[np.int64]:
        """Return what some of the entries take, with what the index has of them."""
        return self.batches["size"][self.owners[chosen]] + RECORD.itemsize


class NewBatch(NamedTuple):
    """A batch that has just been written: a row of BATCH, and its records."""

    row: tuple[int, int, int, int]
    records: NDArray[np.void]

    @property
    def n_bytes(self) -> int:
        """What its entries take."""
        return len(self.records) * (self.row[3] + RECORD.itemsize)


def join(new: Sequence[NewBatch]) -> Entries:
    """Return the entries of several batches."""
    counts = [len(records) for _, records in new]
    return Entries(
        np.array([row for row, _ in new], dtype=BATCH),
        np.concatenate([records for _, records in new]),
        np.repeat(np.arange(len(new), dtype=np.int32), counts),
    )


def load(
    connection: sqlite3.Connection, where: str = "true", values: Sequence[int] = ()
) -> Entries:
    """Return the batches of the table for which a condition holds.

    One with a damaged number is nowhere, and half a record is left out.
    """
    cursor = connection.execute(
        f"SELECT {_NUMBERS}, CAST(records AS BLOB) FROM batches WHERE {where} "
        f"ORDER BY id",
        values,
    )
    rows = cursor.fetchmany(_LOAD_COUNT)
    found, n_batches = [_parse(rows)], len(rows)
    while len(rows) == _LOAD_COUNT:
        rows = cursor.fetchmany(_LOAD_COUNT)
        batches, records, owners = _parse(rows)
        found.append(Entries(batches, records, owners + np.int32(n_batches)))
        n_batches += len(rows)
    if len(found) == 1:
        return found[0]
    return Entries(*map(np.concatenate, zip(*found, strict=True)))


def _parse(rows: Sequence[tuple]) -> Entries:
    blobs = [row[-1] or b"" for row in rows]
    counts = [len(blob) // RECORD.itemsize for blob in blobs]
    content = bytearray().join(
        [
            blob[: count * RECORD.itemsize]
            for blob, count in zip(blobs, counts, strict=True)
        ]
    )
    batches = np.array([row[:-1] for row in rows], dtype=BATCH)
    for name in BATCH.names[1:]:
        is_bad = (batches[name] < 0) | (batches[name] > _MAX_NUMBER)
        batches["file"][is_bad] = -1
        batches[name][is_bad & (name != "file")] = 0
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
    return Entries(batches, np.frombuffer(content, dtype=RECORD), owners)


def load_some(connection: sqlite3.Connection, ids: NDArray[np.int64]) -> Entries:
    """Return the batches with some ids, of which there may be as many as keys asked."""
    listed = ",".join(map(str, np.unique(ids).tolist()))
    return load(connection, f"id IN ({listed})")


def save(
    connection: sqlite3.Connection,
    entries: Entries,
    left: NDArray[np.bool_] | None = None,
) -> None:
    """Write the records of whole batches anew, or of those that lose some.

    Those that are not `left` go, and batches with none left.
    """
    _, records, owners = entries
    changed = np.arange(len(entries.batches))
    if left is not None:
        changed = np.unique(owners[~left])
        records, owners = records[left], owners[left]
    content = records.tobytes()
    starts, stops = [
        np.searchsorted(owners, changed, side) * RECORD.itemsize
        for side in ("left", "right")
    ]
    parts = [
        (content[start:stop], id_)
        for id_, start, stop in zip(
            entries.batches["id"][changed].tolist(), starts, stops, strict=True
        )
    ]
    connection.executemany(
        "UPDATE batches SET records = ? WHERE id = ?",
        [part for part in parts if part[0]],
    )
    connection.executemany(
        "DELETE FROM batches WHERE id = ?", [part[1:] for part in parts if not part[0]]
    )
