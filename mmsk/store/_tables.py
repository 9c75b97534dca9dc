"""The tables of a store's index and what a connection to them needs."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

_APPLICATION = 0x6D6D736B  # "mmsk"
_LAYOUT = 3
# of earlier layouts, which are emptied
_OLD_TABLES = {1: ("entries", "blobs", "totals"), 2: ("entries", "files", "totals")}
_PAGE_SIZE = 2 * 2**10
_TABLES = (
    # `size` is that of one value; `records` has an item of RECORD for each
    """CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        file INTEGER NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        records BLOB NOT NULL
    )""",
    # no number comes again, so that a file is never taken for one before it
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    """CREATE TABLE totals (
        entries, n_bytes, hits, misses, written, clock, epoch, last_batch, file, stop
    )""",
)
_ENDS = {"last_batch", "file", "stop"}


class Totals(NamedTuple):
    """The counters of a store.

    The clock counts batches of keys that were asked for or put. The number of the
    last batch only grows, and the epoch changes when entries were deleted or moved:
    so a process knows whether what it remembers of the index still holds. `file` is
    the one that is written to, from `stop` on, or 0 for none.
    """

    entries: int
    n_bytes: int
    hits: int
    misses: int
    written: int
    clock: int
    epoch: int
    last_batch: int
    file: int
    stop: int


_SELECT_TOTALS = f"SELECT {', '.join(Totals._fields)} FROM totals"


def prepare(connection: sqlite3.Connection) -> bool:
    """Set a new connection up; return whether it had to make the tables."""
    connection.execute(f"PRAGMA wal_autocheckpoint = {16 * 2**20 // _PAGE_SIZE}")
    layout = _layout(connection)
    is_new = layout != _LAYOUT
    if is_new:
        # to wait for the disk, or to keep a journal in a file, for one page with
        # nothing in it takes 2 ms
        connection.execute("PRAGMA synchronous = OFF")
        if not layout:
            connection.execute("PRAGMA journal_mode = MEMORY")
        is_new = _make_tables(connection)
    # A killed process does no harm in either mode. NORMAL waits for the disk at
    # checkpoints only; OFF never does, but a power cut may break the file, and with
    # it everything that was ever computed.
    connection.execute("PRAGMA synchronous = NORMAL")
    return is_new


def _make_tables(connection: sqlite3.Connection) -> bool:
    """Make the tables, unless another process was first; return whether it was not."""
    # these are kept in the file and can only be chosen before its first table
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        layout = _layout(connection)
        if layout == _LAYOUT:
            return False
        for table in _OLD_TABLES.get(layout, ()):
            connection.execute(f"DROP TABLE {table}")
        for statement in _TABLES:
            connection.execute(statement)
        _start_totals(connection)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")
    if layout:
        give_back(connection)
    return True


def _layout(connection: sqlite3.Connection) -> int:
    """Return the layout of a store, 0 for an empty file, and raise for any other."""
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables == 0:
        return 0
    application, layout = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    if application != _APPLICATION or layout not in (*_OLD_TABLES, _LAYOUT):
        raise sqlite3.DatabaseError("written by another program or version of mmsk")
    return layout


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything or nothing."""
    try:
        # in here, since whoever waits for the lock may be interrupted as it comes
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself when the disk is full
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def totals(connection: sqlite3.Connection) -> Totals:
    """Return the counters."""
    row = connection.execute(_SELECT_TOTALS).fetchone()
    if row is None or set(map(type, row)) != {int}:
        raise sqlite3.DatabaseError("its counters are damaged")
    now = Totals._make(row)
    # stamps are of 32 bits, for a century of batches; a sum of others stays in 64
    if not 0 <= now.clock < 2**31 or max(map(abs, row)) > 2**60:
        raise sqlite3.DatabaseError("its counters are damaged")
    return now


def set_size(connection: sqlite3.Connection, entries: int, n_bytes: int) -> None:
    """Write down what was counted, after some were deleted."""
    connection.execute(
        "UPDATE totals SET entries = ?, n_bytes = ?, epoch = epoch + 1",
        (entries, n_bytes),
    )


def add(connection: sqlite3.Connection, **amounts: int) -> None:
    """Add to the counters, and set those that say where the end is."""
    connection.execute(_update(tuple(amounts)), tuple(amounts.values()))


@lru_cache
def _update(names: tuple[str, ...]) -> str:
    changes = [
        f"{name} = ?" if name in _ENDS else f"{name} = {name} + ?" for name in names
    ]
    return f"UPDATE totals SET {', '.join(changes)}"


def empty(connection: sqlite3.Connection) -> None:
    """Delete all entries and set the counters to zero."""
    for table in ("batches", "files", "totals"):
        connection.execute(f"DELETE FROM {table}")
    _start_totals(connection)


def _start_totals(connection: sqlite3.Connection) -> None:
    # an epoch that no store had before, in this place or another
    start = Totals(0, 0, 0, 0, 0, 0, secrets.randbits(48), 0, 0, 0)
    places = ", ".join("?" * len(start))
    connection.execute(f"INSERT INTO totals VALUES ({places})", start)


def give_back(connection: sqlite3.Connection) -> None:
    """Shrink the file of the index."""
    # it takes a step a page: execute would do the first one only
    connection.executescript("PRAGMA incremental_vacuum")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
