"""The tables of a store and the statements that read and write them.

Two tables, because a stamp is written far more often than a blob: measured for rows
of 5 kB, an update costs 1.5 us where the blob is apart and 30 us where it is not. A
``WITHOUT ROWID`` table of blobs is larger by 60 % and three times slower to write.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mmsk.store._rows import ROW, unseal

MAX_BATCH = 256  # keys in one statement; old versions of SQLite take 999

_APPLICATION = 0x6D6D736B  # "mmsk"
_LAYOUT = 1
_PAGE_SIZE = 16 * 2**10
_TOTALS = ("entries", "n_bytes", "hits", "misses", "written", "clock")
_ZERO = f"INSERT INTO totals VALUES ({', '.join('0' * len(_TOTALS))})"
_SIZE = "ifnull(CAST(size AS INTEGER), 0)"  # a number even in a damaged file
_TABLES = (
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        used INTEGER NOT NULL
    )""",
    "CREATE TABLE blobs (id INTEGER PRIMARY KEY, blob BLOB NOT NULL)",
    f"CREATE TABLE totals ({', '.join(_TOTALS)})",
    _ZERO,
)


def prepare(connection: sqlite3.Connection) -> None:
    """Set a new connection up and make the tables of a new file."""
    # A killed process does no harm in either mode. NORMAL waits for the disk at
    # checkpoints only; OFF never does and writes 5 kB in 17 us instead of 26, but a
    # power cut may break the file, and with it everything that was ever computed.
    # Checkpoints after 16 MB instead of 4 save a fifth of the time of a write. So do
    # pages of 16 kB instead of 4, in which a row of 5 kB needs no chain of pages; with
    # still larger ones random reads become slower.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {16 * 2**20 // _PAGE_SIZE}")
    if _is_ours(connection):
        return
    # these are kept in the file and can only be chosen before its first table
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        if _is_ours(connection):  # another process was first
            return
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Tell a store from an empty file, and raise for anything else."""
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables == 0:
        return False
    marks = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    if marks != [_APPLICATION, _LAYOUT]:
        raise sqlite3.DatabaseError("written by another program or version of mmsk")
    return True


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


def read(
    connection: sqlite3.Connection, keys: Sequence[bytes]
) -> list[tuple[bytes, int, int, bool, object]]:
    """Return key, id, size, "stamp is old" and blob of those of `keys` that are there.

    The clock counts batches. In a store of n entries a stamp is old after n / 128 of
    them, which is two passes over all of it; in a small store it always is.
    """
    n_entries, *_, clock = totals(connection)
    recent = clock - n_entries // 128
    rows = []
    for start in range(0, len(keys), MAX_BATCH):
        batch = keys[start : start + MAX_BATCH]
        rows += connection.execute(
            f"""SELECT key, id, {_SIZE}, used IS NULL OR used <= ?, blob
                FROM entries LEFT JOIN blobs USING (id)
                WHERE key IN ({",".join("?" * len(batch))})""",
            (recent, *batch),
        )
    return rows


def count(
    connection: sqlite3.Connection, hits: int, misses: int, old: Sequence[int]
) -> None:
    """Add to the counters and renew the stamps of the entries with the ids `old`."""
    with transaction(connection):
        _add(connection, hits=hits, misses=misses, clock=_n_ticks(hits + misses))
        *_, clock = totals(connection)
        connection.executemany(
            "UPDATE entries SET used = ? WHERE id = ?", [(clock, id_) for id_ in old]
        )


def write(
    connection: sqlite3.Connection,
    entries: Mapping[bytes, bytes],
    kind: int,
    max_bytes: int | None,
) -> None:
    """Add entries in one transaction; sound ones of `kind` that are there are kept."""
    with transaction(connection):
        there, replaced = set(), {}
        for key, id_, size, _, blob in read(connection, list(entries)):
            if unseal(key, kind, blob) is not None:
                there.add(key)
            else:
                replaced[id_] = size
        _delete(connection, replaced)
        new = {key: blob for key, blob in entries.items() if key not in there}
        _add(
            connection,
            entries=len(new),
            n_bytes=sum(map(len, new.values())),
            written=len(new) if kind == ROW else 0,
            clock=_n_ticks(len(entries)),
        )
        n_entries, n_bytes, *_, clock = totals(connection)
        (first,) = connection.execute(
            "SELECT ifnull(max(id), 0) + 1 FROM entries"
        ).fetchone()
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?)",
            [
                (id_, key, len(blob), clock)
                for id_, (key, blob) in enumerate(new.items(), first)
            ],
        )
        # a blob without an entry can only come from damage
        connection.executemany(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?)", enumerate(new.values(), first)
        )
        if max_bytes is not None and n_bytes > max_bytes:
            # to choose means to look at every stamp: a sixteenth more than needed,
            # or a full store would do it at each write
            spare = max_bytes // 16 if n_entries >= 16 else 0
            _make_room(connection, n_bytes - max_bytes + spare)


def totals(connection: sqlite3.Connection) -> tuple[int, int, int, int, int, int]:
    """Return entries, bytes, hits, misses, rows written and the clock."""
    row = connection.execute(f"SELECT {', '.join(_TOTALS)} FROM totals").fetchone()
    if row is None or not all(isinstance(value, int) for value in row):
        raise sqlite3.DatabaseError("its counters are damaged")
    return row


def prune(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Delete what was used least recently, give the space back, return how many."""
    with transaction(connection):
        n_before, n_bytes, *_ = totals(connection)
        _make_room(connection, n_bytes - max_bytes)
        n_after, *_ = totals(connection)
    _give_back(connection)
    return n_before - n_after


def clear(connection: sqlite3.Connection) -> None:
    """Delete all entries, set the counters to zero and give the space back."""
    with transaction(connection):
        for table in ("entries", "blobs", "totals"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute(_ZERO)
    _give_back(connection)


def _add(connection: sqlite3.Connection, **amounts: int) -> None:
    changes = ", ".join(f"{name} = {name} + :{name}" for name in amounts)
    connection.execute(f"UPDATE totals SET {changes}", amounts)


def _n_ticks(n_keys: int) -> int:
    return 1 + n_keys // MAX_BATCH


def _make_room(connection: sqlite3.Connection, excess: int) -> None:
    if excess <= 0:
        return
    doomed = {}
    for id_, size in connection.execute(
        f"SELECT id, {_SIZE} FROM entries ORDER BY used, id"
    ):
        doomed[id_] = size
        excess -= size
        if excess <= 0:
            break
    _delete(connection, doomed)


def _delete(connection: sqlite3.Connection, sizes: Mapping[int, int]) -> None:
    """Delete entries, given the size of each by its id."""
    for table in ("entries", "blobs"):
        connection.executemany(
            f"DELETE FROM {table} WHERE id = ?", [(id_,) for id_ in sizes]
        )
    _add(connection, entries=-len(sizes), n_bytes=-sum(sizes.values()))


def _give_back(connection: sqlite3.Connection) -> None:
    # it takes a step a page: execute would do the first one only
    connection.executescript("PRAGMA incremental_vacuum")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
