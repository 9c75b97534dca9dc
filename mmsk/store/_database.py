"""The index, shared by the threads of a process, that never raises."""

import contextlib
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mmsk.exceptions import StoreWarning
from mmsk.store import _space, _tables
from mmsk.store._index import Index

T = TypeVar("T")

_FILE = "features.sqlite3"
_TIMEOUT_S = 60

_registry_lock = threading.RLock()
_registry: weakref.WeakValueDictionary[str, "Database"] = weakref.WeakValueDictionary()
# a search makes and drops a store for every clone: these few stay open in between
_recent: deque["Database"] = deque(maxlen=8)


def open_database(location: str, *, may_create: bool = True) -> "Database":
    """Return the database of a directory, one and the same in the whole process.

    ``may_create=False`` does not make a directory that is not there.
    """
    with _registry_lock:
        database = _registry.get(location)
        if database is None:
            database = _registry[location] = Database(location)
            _recent.append(database)
        database.may_create |= may_create
        return database


class Database:
    """A file that is opened when it is needed and given up when it cannot be used.

    There is one connection, behind a lock: a statement takes microseconds where
    decoding takes milliseconds, so threads have nothing to gain from more.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self.path = os.path.join(location, _FILE)
        self.may_create = False
        self.lock = threading.RLock()
        self.index = Index()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self.restore()

    def __del__(self) -> None:
        self.close()

    def restore(self) -> None:
        """Forget earlier failures: try again, and warn again."""
        self._is_lost = self._is_frozen = self._has_warned = False

    def exists(self) -> bool:
        """Tell whether there is a file, without making one."""
        return os.path.exists(self.path)

    def attempt(
        self,
        work: Callable[[sqlite3.Connection], T],
        otherwise: T,
        *,
        writes: bool = False,
    ) -> T:
        """Return ``work(connection)``, or `otherwise` if that fails or failed before.

        The first failure gives a warning. One of opening or reading ends all use of
        the file, one of writing (a full disk) leaves what is there readable.
        """
        with self.lock:
            if self._is_lost or (writes and self._is_frozen):
                return otherwise
            is_open = False
            try:
                connection = self._open()
                is_open = True
                return work(connection)
            except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                # Unicode, because SQLite quotes damaged names in its message
                problem = error
            except BaseException:
                self.index.reset()  # it may have been interrupted half way
                raise
            if is_open and writes:
                self._is_frozen = True
                if _is_full(problem):
                    with contextlib.suppress(sqlite3.Error, OSError):
                        _space.undo(connection, self.location)
            else:
                self._is_lost = True
                self.close()
            has_warned, self._has_warned = self._has_warned, True
        if not has_warned:
            done = "written to" if is_open and writes else "used"
            warnings.warn(
                f"The feature store in {self.location!r} cannot be {done}: {problem}. "
                f"Work goes on without it: results are the same, but are computed "
                f"again. Make room on the disk, delete the folder if it is broken, or "
                f"pass another directory.",
                StoreWarning,
                stacklevel=4,
            )
        return otherwise

    def close(self) -> None:
        """Close the connection and forget the index; the next use opens another."""
        self.index.reset()
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        # someone may delete the directory while we run
        is_same = self._identity == self._identify()
        if self._connection is not None and is_same:
            return self._connection
        self.disconnect()
        if not is_same:
            self.index.reset()
        if self.may_create:
            os.makedirs(self.location, exist_ok=True)
        connection = sqlite3.connect(
            self.path,
            timeout=_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.text_factory = bytes  # damage may turn a blob into bad UTF-8
            _patiently(self._prepare, connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, self._identify()
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _tables.prepare(connection):
            # files that an index left behind when it was deleted
            _space.sweep(connection, self.location)

    def _identify(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _is_full(problem: Exception) -> bool:
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    return isinstance(problem, OSError) or code == sqlite3.SQLITE_FULL


def _patiently(
    work: Callable[[sqlite3.Connection], None], connection: sqlite3.Connection
) -> None:
    """Do a piece of work again while another process is making the file.

    SQLite does not wait by itself for the lock that switching to WAL needs.
    """
    end = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            work(connection)
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > end:
                raise
        time.sleep(0.01)


# SQLite must not be carried over a fork: the child would believe that it holds the
# locks of its parent. So everything is closed before and opened again when needed,
# and no other thread is in the middle of a statement meanwhile.
_held: list[Database] = []


def _before_fork() -> None:
    _registry_lock.acquire()
    for database in list(_registry.values()):
        database.lock.acquire()
        database.disconnect()
        _held.append(database)


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()
    _registry_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
