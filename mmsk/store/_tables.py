"""The tables of a store's index and what a connection to them needs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_APPLICATION = 0x6D6D736B  # "mmsk"
_LAYOUT = 2
_PAGE_SIZE = 2 * 2**10
_TOTALS = ("entries", "n_bytes", "hits", "misses", "written", "clock")
_ZERO = f"INSERT INTO totals VALUES ({', '.join('0' * len(_TOTALS))})"
_TABLES = (
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        file INTEGER NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        used INTEGER NOT NULL
    )""",
    # no number comes again, so that a file is never taken for one before it
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL)",
    f"CREATE TABLE totals ({', '.join(_TOTALS)})",
    _ZERO,
)


def prepare(connection: sqlite3.Connection) -> bool:
    """Set a new connection up; return whether it had to make the tables."""
    # A killed process does no harm in either mode. NORMAL waits for the disk at
    # checkpoints only; OFF never does, but a power cut may break the file, and with
    # it everything that was ever computed. Keys come in no order, so that a batch of
    # them changes nearly as many pages: those should be small. With 200,000 entries a
    # new one takes 3.9 us with pages of 2 kB, 6.2 us of 4 kB and 13 us of 16 kB.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {16 * 2**20 // _PAGE_SIZE}")
    if _layout(connection) == _LAYOUT:
        return False
    # these are kept in the file and can only be chosen before its first table
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        layout = _layout(connection)
        if layout == _LAYOUT:  # another process was first
            return False
        if layout == 1:  # it held the entries themselves
            for table in ("entries", "blobs", "totals"):
                connection.execute(f"DROP TABLE {table}")
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")
    if layout == 1:
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
    if application != _APPLICATION or layout not in (1, _LAYOUT):
        raise sqlite3.DatabaseError("written by another program or version of mmsk")
    return layout


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself when the disk is full
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def totals(connection: sqlite3.Connection) -> tuple[int, int, int, int, int, int]:
    """Return entries, bytes, hits, misses, rows written and the clock."""
    row = connection.execute(f"SELECT {', '.join(_TOTALS)} FROM totals").fetchone()
    if row is None or not all(isinstance(value, int) for value in row):
        raise sqlite3.DatabaseError("its counters are damaged")
    return row


def add(connection: sqlite3.Connection, **amounts: int) -> None:
    """Add to the totals."""
    changes = ", ".join(f"{name} = {name} + :{name}" for name in amounts)
    connection.execute(f"UPDATE totals SET {changes}", amounts)


def empty(connection: sqlite3.Connection) -> None:
    """Delete all entries and set the totals to zero."""
    for table in ("entries", "files", "totals"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute(_ZERO)


def give_back(connection: sqlite3.Connection) -> None:
    """Shrink the file of the index."""
    # it takes a step a page: execute would do the first one only
    connection.executescript("PRAGMA incremental_vacuum")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
