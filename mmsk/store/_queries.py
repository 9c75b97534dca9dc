"""What is asked of a store: look entries up, count uses, add entries."""

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence

from mmsk.store import _row_files, _space
from mmsk.store._row_files import Block, Place
from mmsk.store._rows import ROW, Entry, unseal
from mmsk.store._space import PLACE
from mmsk.store._tables import add, totals, transaction

MAX_BATCH = 256  # ids in one statement; old versions of SQLite take 999

_KEY_SIZE = 32


def identify(keys: Iterable[bytes]) -> list[int]:
    """Return the number under which the index has each key: 64 of its bits.

    A key from `row_key` is the value of a hash. Two that share a number displace each
    other, which for a million entries happens once in ten million stores; that the
    key is part of an entry's checksum keeps their values apart.
    """
    heads = b"".join(
        [
            (key if len(key) == _KEY_SIZE else hashlib.sha256(key).digest())[:8]
            for key in keys
        ]
    )
    return list(struct.unpack(f"<{len(heads) // 8}q", heads))


def read(
    connection: sqlite3.Connection, folder: str, ids: Sequence[int]
) -> tuple[list[Block], list[int]]:
    """Return the entries of `ids` that are there, and those ids whose stamp is old.

    The clock counts batches. In a store of n entries a stamp is old after n / 128 of
    them, which is two passes over all of it; in a small store it always is.
    """
    n_entries, *_, clock = totals(connection)
    places, old = _find(connection, ids, clock - n_entries // 128)
    blocks, lost = _row_files.read_blocks(folder, places)
    if lost:  # another process may have moved them just now
        places, _ = _find(connection, lost, clock)
        blocks += _row_files.read_blocks(folder, places)[0]
    return blocks, old


def _find(
    connection: sqlite3.Connection, ids: Sequence[int], recent: int
) -> tuple[list[Place], list[int]]:
    places, old = [], []
    for start in range(0, len(ids), MAX_BATCH):
        batch = ids[start : start + MAX_BATCH]
        found = connection.execute(
            f"""SELECT {PLACE}, id, used IS NULL OR used <= ? FROM entries
                WHERE id IN ({",".join("?" * len(batch))})""",
            (recent, *batch),
        ).fetchall()
        places += found
        old += [id_ for *_, id_, is_old in found if is_old]
    return places, old


def count(
    connection: sqlite3.Connection, hits: int, misses: int, old: Sequence[int]
) -> None:
    """Add to the counters and renew the stamps of the entries with the ids `old`."""
    amounts = {"hits": hits, "misses": misses, "clock": _n_ticks(hits + misses)}
    if not old:
        add(connection, **amounts)
        return
    with transaction(connection):
        add(connection, **amounts)
        *_, clock = totals(connection)
        connection.executemany(
            "UPDATE entries SET used = ? WHERE id = ?", [(clock, id_) for id_ in old]
        )


def write(
    connection: sqlite3.Connection,
    folder: str,
    entries: Mapping[bytes, Entry],
    kind: int,
    max_bytes: int | None,
) -> None:
    """Add entries in one transaction; sound ones of `kind` that are there are kept.

    The lock that a transaction holds is also that of the files: there is one writer
    at a time, whatever stands behind the size of a file in its table is the rest of
    a killed one, and readers learn of bytes only after these were written.
    """
    keys = dict(zip(identify(entries), entries, strict=True))
    with transaction(connection):
        places, _ = _find(connection, list(keys), 0)
        sizes = {id_: size for _, size, _, id_, _ in places}
        for ids, block in _row_files.read_blocks(folder, places)[0]:
            for id_, entry in zip(ids, block, strict=True):
                if unseal(keys[id_], kind, entry) is not None:
                    del keys[id_], sizes[id_]
        _space.delete(connection, sizes)
        new = [entries[key] for key in keys.values()]
        places = _space.append(connection, folder, new, max_bytes)
        add(
            connection,
            entries=len(new),
            n_bytes=sum(size for *_, size in places),
            written=len(new) if kind == ROW else 0,
            clock=_n_ticks(len(entries)),
        )
        *_, clock = totals(connection)
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?)",
            [(id_, *place, clock) for id_, place in zip(keys, places, strict=True)],
        )
        is_full = _space.limit(connection, folder, max_bytes)
    if is_full:
        _space.sweep(connection, folder)


def _n_ticks(n_keys: int) -> int:
    return max(1, -(-n_keys // MAX_BATCH))
