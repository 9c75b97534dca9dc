"""Where the entries of a store lie, and the making of room."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from mmsk.store import _row_files
from mmsk.store._rows import HEADER_SIZE, Entry, size_of
from mmsk.store._tables import add, empty, give_back, totals, transaction

# numbers even in a damaged file
_SIZE = "ifnull(CAST(size AS INTEGER), 0)"
PLACE = f"ifnull(CAST(file AS INTEGER), 0), {_SIZE}, ifnull(CAST(start AS INTEGER), 0)"

_WRITE_SIZE, _WRITE_COUNT = 8 * 2**20, 512  # at most, at once
_FILE_SIZES = 2**20, 64 * 2**20  # at least, at most
# A file is written anew when less than this share of it is used. A put moves at most
# as much as it has freed, a prune leaves little that is not used.
_SHARE_OF_PUT, _SHARE_OF_PRUNE = 0.5, 0.95


def append(
    connection: sqlite3.Connection,
    folder: str,
    entries: Sequence[Entry],
    max_bytes: int | None,
) -> list[tuple[int, int, int]]:
    """Write entries behind those that are there; return file, start and size of each.

    A file takes entries up to a sixteenth of `max_bytes`, so that the oldest ones,
    which mostly go together, leave whole files behind.
    """
    least, most = _FILE_SIZES
    file_size = most if max_bytes is None else max(least, min(max_bytes // 16, most))
    places = []
    for group, sizes in _groups(entries):
        file, end = _open_file(connection, folder, file_size)
        pieces = list(chain.from_iterable(group))
        _row_files.write_at(folder, file, end, pieces, sum(sizes))
        for size in sizes:
            places.append((file, end, size))
            end += size
        connection.execute("UPDATE files SET size = ? WHERE id = ?", (end, file))
    return places


def _groups(entries: Sequence[Entry]) -> Iterator[tuple[Sequence[Entry], list[int]]]:
    """Yield entries that are written at once, and their sizes."""
    sizes = [size_of(entry) for entry in entries]
    start = length = 0
    for stop, size in enumerate(sizes, start=1):
        length += size
        if length >= _WRITE_SIZE or stop - start == _WRITE_COUNT or stop == len(sizes):
            yield entries[start:stop], sizes[start:stop]
            start, length = stop, 0


def _open_file(
    connection: sqlite3.Connection, folder: str, file_size: int
) -> tuple[int, int]:
    """Return the file that is written to and its size."""
    last = connection.execute(
        f"SELECT id, {_SIZE} FROM files ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if last and last[1] < file_size and _row_files.is_whole(folder, *last):
        return last
    return connection.execute("INSERT INTO files (size) VALUES (0)").lastrowid, 0


def delete(connection: sqlite3.Connection, sizes: Mapping[int, int]) -> None:
    """Delete entries, given the size of each by its id."""
    connection.executemany(
        "DELETE FROM entries WHERE id = ?", [(id_,) for id_ in sizes]
    )
    add(connection, entries=-len(sizes), n_bytes=-sum(sizes.values()))


def limit(connection: sqlite3.Connection, folder: str, max_bytes: int | None) -> bool:
    """Make room in a store that takes more than `max_bytes`; return whether it did."""
    n_entries, n_bytes, *_ = totals(connection)
    if max_bytes is None or n_bytes <= max_bytes:
        return False
    # to choose means to look at every stamp: a sixteenth more than needed, or a full
    # store would do it at each write
    spare = max_bytes // 16 if n_entries >= 16 else 0
    _make_room(connection, n_bytes - max_bytes + spare)
    _rewrite(connection, folder, _SHARE_OF_PUT, max_bytes)
    return True


def prune(connection: sqlite3.Connection, folder: str, max_bytes: int) -> int:
    """Delete what was used least recently, give the space back, return how many."""
    with transaction(connection):
        n_before, n_bytes, *_ = totals(connection)
        _make_room(connection, n_bytes - max_bytes)
        n_after, *_ = totals(connection)
        _rewrite(connection, folder, _SHARE_OF_PRUNE, max_bytes)
    sweep(connection, folder)
    give_back(connection)
    return n_before - n_after


def clear(connection: sqlite3.Connection, folder: str) -> None:
    """Delete all entries, set the counters to zero and give the space back."""
    with transaction(connection):
        empty(connection)
    sweep(connection, folder)
    give_back(connection)


def sweep(connection: sqlite3.Connection, folder: str) -> None:
    """Delete the files that hold nothing: given up, or left by a killed process."""
    with transaction(connection):  # nobody makes a file meanwhile
        used = {file for (file,) in connection.execute("SELECT id FROM files")}
        _row_files.delete_files(folder, used)


def _make_room(connection: sqlite3.Connection, excess: int) -> None:
    """Delete entries that take `excess` bytes, first those not used for longest."""
    if excess <= 0:
        return
    doomed = {}
    for id_, size in connection.execute(
        f"SELECT id, {_SIZE} FROM entries ORDER BY used, file, start"
    ):
        doomed[id_] = size
        excess -= size
        if excess <= 0:
            break
    delete(connection, doomed)


def _rewrite(
    connection: sqlite3.Connection, folder: str, share: float, max_bytes: int
) -> None:
    """Move entries out of files of which less than `share` is used; give those up."""
    files = connection.execute(f"SELECT id, {_SIZE} FROM files ORDER BY id").fetchall()
    used = dict(
        connection.execute(f"SELECT file, sum({_SIZE}) FROM entries GROUP BY file")
    )
    poor = [file for file, size in files if used.get(file, 0) < share * size]
    connection.executemany("DELETE FROM files WHERE id = ?", [(file,) for file in poor])
    for file in poor:
        places = connection.execute(
            f"SELECT {PLACE}, id, 0 FROM entries WHERE file = ?", (file,)
        ).fetchall()
        blocks, lost = _row_files.read_blocks(folder, places)
        sizes = {id_: size for _, size, _, id_, _ in places}
        delete(connection, {id_: sizes[id_] for id_ in lost})
        ids = [id_ for ids, _ in blocks for id_ in ids]
        # moved with the header they have: damage stays damage
        entries = [
            (entry[:HEADER_SIZE], entry[HEADER_SIZE:])
            for _, block in blocks
            for entry in block
        ]
        moved = append(connection, folder, entries, max_bytes)
        connection.executemany(
            "UPDATE entries SET file = ?, start = ?, size = ? WHERE id = ?",
            [(*place, id_) for place, id_ in zip(moved, ids, strict=True)],
        )
