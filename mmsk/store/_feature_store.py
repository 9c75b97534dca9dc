"""The feature store."""

import contextlib
import os
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mmsk.store import _queries, _space, _tables
from mmsk.store._arrays import pack_arrays, read_manifest, unpack_arrays
from mmsk.store._batches import Batch, pack
from mmsk.store._checks import check_keys, check_rows
from mmsk.store._database import open_database
from mmsk.store._info import StoreInfo
from mmsk.store._records import MANIFEST, PART, ROW, Names, identify
from mmsk.store._size import parse_size

_READ_COUNT = 2048  # keys, at once: of a large block the system gives large pages


class FeatureStore:
    """Keep what was computed from each cell, so that it is computed once ever.

    A store is a directory. Folds, candidates, clones, threads and processes share
    it at the same time, and what one of them has put is there for all, now and in
    the next session. Entries are found by a key that says what was computed from
    which content, see `row_key`; a file that changes has another key.

    A wrong value is never returned: each entry carries a checksum of its key and its
    bytes, and one that is damaged, cut short or of another version counts as absent.
    Nothing is ever unpickled.

    A store that cannot be used (a full or read-only disk, a broken file) gives one
    ``StoreWarning`` and is then left out: nothing is found, nothing is put, results
    are the same.

    Parameters
    ----------
    location : str or path-like
        The directory. It is made at the first use, not before. A relative one is
        taken from the current directory once, here. Processes on one machine can
        share it; a network file system is not a place for it.
    max_size : int, str or None, default="10GB"
        How much the entries may take together: bytes, a number with a unit
        (``"500MB"``, ``"2GiB"``), or None for no limit. When a put goes over it,
        entries go that were not used for longest.

    Attributes
    ----------
    location : str
        The absolute path of the directory.
    max_size : int, str or None
        As given.

    Notes
    -----
    The entries lie one behind another in a few large files; an index in SQLite, in
    its write-ahead-log mode, says where they are, how large, and when each was used.
    A file a row costs several system calls and a directory entry, and a reader may
    meet half of one. Rows inside SQLite are written twice, once to its log, and took
    three times as long. An index of our own would need locks, recovery and shared
    counters; SQLite has these, is tested as little else is, and comes with Python.

    Rows that are put together share one item of the index, and each has in it a
    number, a checksum and a stamp of its own: they are checked, used and evicted one
    by one. Keys are looked up in memory. A process reads the index at its first use
    and then only what was added, or again all of it once entries were evicted; this
    takes about 45 bytes for each entry, 100 MB for two million of them.

    Bytes are written first, under the lock of the transaction that then makes them
    known: a reader learns of whole entries only, and what a killed process leaves
    behind the last known one is written over. Eviction forgets entries. A file with
    none left is deleted, and one less than half full is moved together with others,
    so that the files take at most about twice `max_size` until ``prune``.

    A store is equal to another at the same location, is its own copy (so that
    ``sklearn.base.clone`` keeps it), and pickles as its location and size.

    See Also
    --------
    content_digest, config_digest, row_key : Make the keys.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from mmsk.store import FeatureStore, config_digest, content_digest, row_key
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = FeatureStore(folder.name, max_size="100MB")
    >>> config = config_digest("docs.length", 1, {})
    >>> keys = [row_key(config, content_digest(text)) for text in ["a cat", "dogs"]]
    >>> store.put_many(keys[:1], [np.array([5.0], dtype=np.float32)])
    >>> store.get_many(keys)
    [array([5.], dtype=float32), None]
    >>> info = store.info()
    >>> info.entries, info.hits, info.misses, info.written
    (1, 1, 1, 1)
    >>> folder.cleanup()
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        *,
        max_size: int | str | None = "10GB",
    ) -> None:
        if not isinstance(location, str | os.PathLike):
            raise TypeError(
                f"location is the path of a directory, got {location!r} of type "
                f"{type(location).__name__}."
            )
        path = os.fsdecode(location)
        if not _is_path(path):
            raise ValueError(f"location is the path of a directory, got {path!r}.")
        self.location = os.path.abspath(os.path.expanduser(path))
        self.max_size = max_size
        self._attach(may_create=True)

    def _attach(self, *, may_create: bool) -> None:
        size = self.max_size
        self._max_bytes = None if size is None else parse_size(size)
        self._database = open_database(self.location, may_create=may_create)

    @staticmethod
    def is_at(location: str | os.PathLike[str]) -> bool:
        """Tell whether a directory holds a store, without making one.

        Parameters
        ----------
        location : str or path-like
            The directory.

        Returns
        -------
        is_there : bool
            Whether something was put there.
        """
        return FeatureStore(location)._database.exists()

    def get_many(self, keys: Sequence[bytes]) -> list[np.ndarray | None]:
        """Look rows up.

        Parameters
        ----------
        keys : sequence of bytes
            Keys, from `row_key`.

        Returns
        -------
        rows : list of ndarray of shape (n_values,) or None
            For each key, a float32 array that the caller may write to, or None if
            there is no sound row. Up to 2048 of one length share a block of memory,
            which stays as long as one of them does: copy the few that are to be kept.
        """
        keys = check_keys(keys)
        rows: list[np.ndarray | None] = []
        old = []
        for start in range(0, len(keys), _READ_COUNT):
            batch = keys[start : start + _READ_COUNT]
            found, old_ids = self._read_rows(batch)
            rows += found
            old.append(old_ids)
        if keys:
            n_misses = sum([row is None for row in rows])
            self._count(len(rows) - n_misses, n_misses, np.concatenate(old))
        return rows

    def put_many(
        self, keys: Sequence[bytes], rows: Sequence[np.ndarray] | np.ndarray
    ) -> None:
        """Add rows, all or none of them.

        A key that is there keeps its row, unless that is damaged.

        Parameters
        ----------
        keys : sequence of bytes
            Keys, from `row_key`.
        rows : sequence of ndarray of shape (n_values,)
            A float32 array for each key, or one array of shape (n_keys, n_values).

        Raises
        ------
        TypeError
            If a row is not float32: rounding it here would make what is read
            different from what was computed.
        ValueError
            If a row is not one-dimensional, or there is not one for each key.
        """
        keys, values = check_rows(check_keys(keys), rows)
        if keys:
            self._write(pack(keys, ROW, values), ROW)

    def get_arrays(self, key: bytes) -> list[np.ndarray] | None:
        """Look up what `put_arrays` has put; this is neither a hit nor a miss.

        Parameters
        ----------
        key : bytes
            A key.

        Returns
        -------
        arrays : list of ndarray or None
            The arrays, writable and as they were put, or None if they are not there
            or not all of them sound.
        """
        keys = check_keys([key])
        entries, old = self._read_entries(keys, MANIFEST)
        if key not in entries:
            return None
        manifest = read_manifest(bytes(entries[key]))
        parts = list(dict.fromkeys(part for *_, parts in manifest for part in parts))
        entries, old_parts = self._read_entries(parts, PART)
        self._count(0, 0, np.concatenate([old, old_parts]))
        return unpack_arrays(manifest, entries)

    def put_arrays(self, key: bytes, arrays: Sequence[np.ndarray]) -> None:
        """Add several arrays under one key, such as the three of a CSR matrix.

        They may have any shape and any dtype of numbers. They are what something
        fitted gave for many rows, and so not counted as extractions. Arrays that
        were there under this key are replaced. Arrays that take more than `max_size`
        are not put: everything else would go, and then they themselves.

        Parameters
        ----------
        key : bytes
            A key.
        arrays : sequence of ndarray
            Numbers or booleans.

        Raises
        ------
        TypeError
            If an array holds something else.
        """
        (key,) = check_keys([key])
        batches = pack_arrays(key, arrays)
        size = sum(batch.n_bytes for batch in batches)
        if self._max_bytes is None or size <= self._max_bytes:
            self._write(batches, PART)

    def info(self) -> StoreInfo:
        """Return what the store holds and how often it was asked.

        Returns
        -------
        info : StoreInfo
            The numbers of all processes together; zeros if there is no store yet.
        """
        totals = (0, 0, 0, 0, 0)
        if self._database.exists():
            totals = self._database.attempt(_tables.totals, totals)
        return StoreInfo(self.location, *totals[:5])

    def prune(self, max_size: int | str | None = None) -> int:
        """Delete the entries that were not used for longest, and shrink the files.

        Parameters
        ----------
        max_size : int, str or None, default=None
            What the entries may take after that. None stands for the `max_size` of
            the store; if that is None too, nothing is deleted.

        Returns
        -------
        n_deleted : int
            How many entries were deleted.
        """
        max_bytes = self._max_bytes if max_size is None else parse_size(max_size)
        if max_bytes is None or not self._database.exists():
            return 0
        self._database.restore()
        where = {"folder": self.location, "max_bytes": max_bytes}
        n_deleted = self._database.attempt(
            partial(_space.prune, **where), 0, writes=True
        )
        self._database.attempt(partial(_space.shrink, **where), None, writes=True)
        return n_deleted

    def clear(self) -> None:
        """Delete all entries, set the counters to zero and shrink the files."""
        if self._database.exists():
            self._database.restore()
            work = partial(_space.clear, folder=self.location)
            self._database.attempt(work, None, writes=True)

    def _read(self, names: Names) -> tuple[list[_queries.Found], NDArray[np.uint64]]:
        """Return unchecked entries and the ids of those whose stamps are old."""
        nothing: tuple[list, NDArray[np.uint64]] = [], np.empty(0, np.uint64)
        work = partial(
            _queries.read,
            index=self._database.index,
            folder=self.location,
            names=names,
        )
        return self._database.attempt(work, nothing)

    def _read_rows(
        self, keys: Sequence[bytes]
    ) -> tuple[list[np.ndarray | None], NDArray[np.uint64]]:
        names = identify(keys)
        found, old = self._read(names)
        rows: list[np.ndarray | None] = [None] * len(keys)
        for entries in found:
            if entries.values.shape[1] % 4:
                continue
            values = list(entries.values.view("<f4").astype(np.float32, copy=False))
            sound = entries.sound(names, ROW, values).tolist()
            for i, row, is_sound in zip(
                entries.positions.tolist(), values, sound, strict=True
            ):
                if is_sound:
                    rows[i] = row
        return rows, old

    def _read_entries(
        self, keys: Sequence[bytes], kind: int
    ) -> tuple[dict[bytes, NDArray[np.uint8]], NDArray[np.uint64]]:
        names = identify(keys)
        found, old = self._read(names)
        sound = {}
        for entries in found:
            for i in np.flatnonzero(entries.sound(names, kind)).tolist():
                sound[keys[entries.positions[i]]] = entries.values[i]
        return sound, old

    def _write(self, batches: Sequence[Batch], kind: int) -> None:
        work = partial(
            _queries.write,
            index=self._database.index,
            folder=self.location,
            batches=batches,
            kind=kind,
            max_bytes=self._max_bytes,
        )
        self._database.attempt(work, None, writes=True)

    def _count(self, hits: int, misses: int, old: NDArray[np.uint64]) -> None:
        work = partial(
            _queries.count,
            index=self._database.index,
            hits=hits,
            misses=misses,
            old=old,
        )
        self._database.attempt(work, None, writes=True)

    def __repr__(self) -> str:
        return f"FeatureStore({self.location!r}, max_size={self.max_size!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FeatureStore):
            return NotImplemented
        return self.location == other.location

    def __hash__(self) -> int:
        return hash((FeatureStore, self.location))

    def __copy__(self) -> "FeatureStore":
        return self

    def __deepcopy__(self, memo: dict) -> "FeatureStore":
        return self

    def __getstate__(self) -> dict[str, object]:
        # for the worker process that unpickles it; a model that is loaded elsewhere
        # must not make the directory there
        with contextlib.suppress(OSError):
            os.makedirs(self.location, exist_ok=True)
        return {"location": self.location, "max_size": self.max_size}

    def __setstate__(self, state: dict) -> None:
        self.location, self.max_size = state["location"], state["max_size"]
        self._attach(may_create=False)


def _is_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text) and bool(text)
    except UnicodeEncodeError:
        return False
