"""Features of the same rows for all candidates of a search, made once in a process."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import scipy.sparse as sp

from mmsk.store import row_key

_MAX_BYTES = 2**29


class SharedMatrices:
    """Fitted features, and the matrices that they have made, by fingerprint.

    Its owner answers for the fingerprints: under one of them stands what follows from
    the same parameters, rows, targets and weights. Matrices are copied when they are
    kept and when they are given out, so that nobody writes to those of another.

    Once `max_bytes` of matrices are kept, others are made anew. Where it is pickled
    to, it is the one that this process had from the same owner before; of several
    owners a process remembers the last.

    Parameters
    ----------
    max_bytes : int, default=2**29
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._owner = secrets.token_bytes(16)
        self._free = max_bytes
        self._kept: dict[bytes, tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: bytes, make: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
        """Return what ``make()`` returns: a matrix, and what goes with it.

        Parameters
        ----------
        key : bytes
        make : callable
            What it raises is not remembered.
        """
        found = self._kept.get(key)
        if found is not None:
            return found[0].copy(), found[1]
        matrix, shared = make()
        size = _n_bytes(matrix)
        with self._lock:
            if key not in self._kept and size <= self._free:
                self._free -= size
                self._kept[key] = matrix.copy(), shared
        return matrix, shared

    def __reduce__(self) -> tuple:
        return _of_this_process, (self._owner, self.max_bytes)


_last: SharedMatrices | None = None


def _of_this_process(owner: bytes, max_bytes: int) -> SharedMatrices:
    global _last
    if _last is None or _last._owner != owner:
        _last = SharedMatrices(max_bytes)
        _last._owner = owner
    return _last


class SharedRows:
    """What one estimator takes from, and gives to, shared matrices.

    Parameters
    ----------
    matrices : SharedMatrices
    key : bytes or None
        Fingerprint of the features' parameters and of the rows of fit; None if
        nothing may be shared with others.
    """

    def __init__(self, matrices: SharedMatrices, key: bytes | None) -> None:
        self._matrices = matrices
        self._key = key
        self._table: Any = None
        self._rows: bytes | None = None
        self._matrix: Any = None

    def ask(self, X: Any, rows: bytes) -> None:
        """Say which rows a table holds; of no other table anything is shared."""
        self._table, self._rows, self._matrix = X, rows, None

    def fitted(self, make: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
        """Return the matrix of the rows of fit, and the fitted features."""
        if self._key is None:
            return make()
        return self._matrices.get(row_key(self._key, b"fit"), make)

    def matrix(self, X: Any, make: Callable[[], Any]) -> Any:
        """Return the matrix of a table, the very same for the same table."""
        if X is not self._table:
            return make()
        if self._matrix is None and self._key is None:
            self._matrix = make()
        elif self._matrix is None:
            key = row_key(self._key, b"transform" + self._rows)
            self._matrix, _ = self._matrices.get(key, lambda: (make(), None))
        return self._matrix


# who shares in this thread; nothing is left on an estimator that others may use
_now: ContextVar[tuple[Any, SharedRows] | None] = ContextVar("_now", default=None)


@contextmanager
def sharing(estimator: Any, rows: SharedRows) -> Iterator[None]:
    """Let a multimodal estimator share its features while it is fitted or asked."""
    token = _now.set((estimator, rows))
    try:
        yield
    finally:
        _now.reset(token)


def shared_rows(estimator: Any) -> SharedRows | None:
    """Return what an estimator shares now, if it does."""
    found = _now.get()
    return found[1] if found is not None and found[0] is estimator else None


def _n_bytes(matrix: Any) -> int:
    if sp.issparse(matrix):
        return sum(each.nbytes for each in (matrix.data, matrix.indices, matrix.indptr))
    return matrix.nbytes
