"""Where the entries of a store lie, and the making of room."""

import sqlite3
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mmsk.store import _files
from mmsk.store._batches import Batch
from mmsk.store._entries import NewBatch, load, load_some, save
from mmsk.store._index import Index
from mmsk.store._tables import (
    Totals,
    add,
    empty,
    give_back,
    set_size,
    totals,
    transaction,
)

_FILE_SIZES = 2**20, 64 * 2**20  # at least, at most
# A file is written anew when less than this share of it is used. A put moves at most
# as much as it has freed, a prune leaves little that is not used. Before that it
# deletes files with nothing in them: on a full disk there is room to move then.
_SHARE_OF_PUT, _SHARE_OF_PRUNE, _SHARE_OF_NOTHING = 0.5, 0.95, 2.0**-50


def append(
    connection: sqlite3.Connection,
    folder: str,
    batches: Sequence[Batch],
    max_bytes: int | None,
    now: Totals,
) -> list[NewBatch]:
    """Write entries behind those that are there; return the batches they are in.

    A file takes entries up to a sixteenth of `max_bytes`, so that the oldest ones,
    which mostly go together, leave whole files behind.
    """
    least, most = _FILE_SIZES
    file_size = most if max_bytes is None else max(least, min(max_bytes // 16, most))
    file, stop, added = now.file, now.stop, []
    for batch in chain.from_iterable(batch.parts() for batch in batches):
        values, size = batch.values, batch.size
        if (
            not file
            or stop >= file_size
            or not _files.write_at(folder, file, stop, values, size)
        ):
            file = connection.execute("INSERT INTO files DEFAULT VALUES").lastrowid
            stop = 0
            _files.write_at(folder, file, stop, values, size)
        start, stop = stop, stop + len(batch.records) * size
        batch.records["place"] = np.arange(len(batch.records))
        row = now.last_batch + len(added) + 1, file, start, size
        connection.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
            (*row, batch.records.tobytes()),
        )
        added.append(NewBatch(row, batch.records))
    return added


def ends_of(added: Sequence[NewBatch]) -> dict[str, int]:
    """Return what comes into the counters for batches that were appended."""
    if not added:
        return {}
    (last_batch, file, start, size), records = added[-1]
    return {"last_batch": last_batch, "file": file, "stop": start + len(records) * size}


def delete(
    connection: sqlite3.Connection, index: Index, ids: NDArray[np.uint64]
) -> tuple[int, int]:
    """Delete entries that others stand for now; return how many and their bytes."""
    if not len(ids):
        return 0, 0
    entries = load_some(connection, index.places(index.find(ids))["id"])
    doomed = np.isin(entries.records["id"], ids)
    save(connection, entries, ~doomed)
    return int(doomed.sum()), int(entries.sizes(doomed).sum())


def stamp(
    connection: sqlite3.Connection, index: Index, ids: NDArray[np.uint64], clock: int
) -> NDArray[np.int64]:
    """Write down that entries were used; return their slots in the index."""
    slots = index.find(ids)
    slots = slots[slots >= 0]
    entries = load_some(connection, index.places(slots)["id"])
    entries.records["used"][np.isin(entries.records["id"], ids)] = clock
    save(connection, entries)
    return slots


def limit(
    connection: sqlite3.Connection, folder: str, max_bytes: int, n_new_bytes: int
) -> None:
    """Make room in a store that takes more than `max_bytes`, not among the new ones."""
    # to choose means to look at every stamp: a sixteenth more than needed, or a full
    # store would do it at each write
    spare = max_bytes // 16 if totals(connection).entries >= 16 else 0
    spare = max(0, min(spare, max_bytes - n_new_bytes))
    _make_room(connection, max_bytes - spare)
    _rewrite(connection, folder, _SHARE_OF_PUT, max_bytes)


def prune(connection: sqlite3.Connection, folder: str, max_bytes: int) -> int:
    """Delete what was used least recently, and the files that this leaves empty.

    Return how many entries were deleted.
    """
    with transaction(connection):
        n_deleted = _make_room(connection, max_bytes)
        _rewrite(connection, folder, _SHARE_OF_NOTHING, max_bytes)
    sweep(connection, folder)
    return n_deleted


def shrink(connection: sqlite3.Connection, folder: str, max_bytes: int) -> None:
    """Move entries together and give the space between them back."""
    with transaction(connection):
        _rewrite(connection, folder, _SHARE_OF_PRUNE, max_bytes)
    sweep(connection, folder)
    give_back(connection)


def clear(connection: sqlite3.Connection, folder: str) -> None:
    """Delete all entries, set the counters to zero and give the space back."""
    with transaction(connection):
        # before it is written down, for which a full disk has no room
        _files.delete_files(folder, ())
        empty(connection)
    give_back(connection)


def undo(connection: sqlite3.Connection, folder: str) -> None:
    """Give back what a put has taken of a full disk before it failed."""
    with transaction(connection):
        now = totals(connection)
        if now.file:
            _files.cut(folder, now.file, now.stop)
    sweep(connection, folder)


def sweep(connection: sqlite3.Connection, folder: str) -> None:
    """Delete the files that hold nothing: given up, or left by a killed process."""
    with transaction(connection):  # nobody makes a file meanwhile
        used = {file for (file,) in connection.execute("SELECT id FROM files")}
        _files.delete_files(folder, used)


def _make_room(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Delete entries, first those not used for longest, until `max_bytes` are left.

    Return how many were deleted.
    """
    entries = load(connection)
    places, sizes = entries.places(), entries.sizes()
    n_bytes = int(sizes.sum())
    is_left = np.ones(len(sizes), dtype=bool)
    if n_bytes > max_bytes:
        order = np.lexsort([places["start"], places["file"], entries.records["used"]])
        freed = np.cumsum(sizes[order])
        n_doomed = int(np.searchsorted(freed, n_bytes - max_bytes)) + 1
        is_left[order[:n_doomed]] = False
        save(connection, entries, is_left)
    set_size(connection, int(is_left.sum()), int(sizes[is_left].sum()))
    return int((~is_left).sum())


def _rewrite(
    connection: sqlite3.Connection, folder: str, share: float, max_bytes: int
) -> None:
    """Move entries out of files of which less than `share` is used; give those up."""
    entries = load(connection)
    places = entries.places()
    used = {
        file: np.flatnonzero(places["file"] == file)
        for (file,) in connection.execute("SELECT id FROM files ORDER BY id")
    }
    poor = []
    for file, mine in used.items():
        size = _files.size_of(folder, file)
        if size < 0 or places["size"][mine].sum() < share * size:
            poor.append(file)
    if not poor:
        return
    connection.executemany("DELETE FROM files WHERE id = ?", [(file,) for file in poor])
    if totals(connection).file in poor:
        connection.execute("UPDATE totals SET file = 0")
    for file in poor:
        mine = used[file]
        ids = np.unique(places["id"][mine]).tolist()
        connection.executemany(
            "DELETE FROM batches WHERE id = ?", [(id_,) for id_ in ids]
        )
        lost = np.ones(len(mine), dtype=bool)
        batches = []
        for positions, values in _files.read_blocks(folder, places[mine]):
            lost[positions] = False
            # moved with the checksum they have: damage stays damage
            records = entries.records[mine[positions]]
            batches.append(Batch(values.shape[1], records, values))
        moved = append(connection, folder, batches, max_bytes, totals(connection))
        n_bytes = int(entries.sizes(mine[lost]).sum())
        add(connection, entries=-int(lost.sum()), n_bytes=-n_bytes, **ends_of(moved))
    add(connection, epoch=1)
