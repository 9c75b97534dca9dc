"""Fingerprints of tables, targets and weights."""

import hashlib
from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import scipy.sparse as sp

from mmsk._utils._frames import is_frame, is_series
from mmsk.store import content_digest

_MISSING = ("NAType", "NaTType")  # of pandas, which need not be installed


def data_digest(data: Any) -> bytes:
    """Return the fingerprint of what a transformer is given.

    Two tables share it only if a transformer that looks at names, dtypes, levels
    and cells cannot tell them apart. The index of a frame does not count.

    Parameters
    ----------
    data : DataFrame, Series, ndarray, sparse matrix, list or None

    Returns
    -------
    digest : bytes of length 32

    Raises
    ------
    TypeError
        If a cell holds something that has no fingerprint, naming its type.
    """
    if data is None:
        return _digest(["nothing"], [])
    kind = type(data)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if is_frame(data):
        columns = [data[column] for column in data.columns]
        described = [name, len(data), list(map(repr, data.columns))]
        return _digest(described, [_column_digest(column) for column in columns])
    if is_series(data):
        return _digest([name, repr(data.name)], [_column_digest(data)])
    if sp.issparse(data):
        data = data if data.format in ("csr", "csc") else data.tocsr()
        arrays = [data.data, data.indices, data.indptr]
        described = [name, data.format, data.shape]
        return _digest(described, map(content_digest, arrays))
    if kind is np.ndarray:
        # another layout in memory may give other last bits
        layout = [data.flags.c_contiguous, data.flags.f_contiguous]
        return _digest([name, layout], [_array_digest(data)])
    if kind in (list, tuple):
        return _digest([name], [_cells_digest(data)])
    raise TypeError(f"a {kind.__name__}")


def _column_digest(column: Any) -> bytes:
    dtype = column.dtype
    described = [type(dtype).__name__, repr(dtype)]
    if isinstance(dtype, np.dtype):
        return _digest(described, [_array_digest(column.to_numpy())])
    pieces = [_cells_digest(column)]
    levels = getattr(dtype, "categories", None)
    if levels is None and repr(dtype).startswith("Categorical"):  # polars
        levels = column.cat.get_categories()
    if levels is not None:  # their order decides that of features
        described.append(bool(getattr(dtype, "ordered", False)))
        pieces.append(_cells_digest(levels))
    return _digest(described, pieces)


def _array_digest(array: np.ndarray) -> bytes:
    if array.dtype != object:
        return content_digest(array)
    return _digest([array.shape], [_cells_digest(array.ravel().tolist())])


def _cells_digest(cells: Iterable[Any]) -> bytes:
    kinds, contents = [], []
    for cell in cells:
        kind, content = _cell(cell)
        kinds.append(kind)
        contents.append(content)
    return _digest([kinds, list(map(len, contents))], contents)


def _cell(cell: Any) -> tuple[str, bytes]:
    """Return the kind of a cell, and the bytes that no other of its kind has."""
    kind = type(cell)
    if kind is str:
        return "str", cell.encode("utf-8", "surrogatepass")
    if cell is None or kind in (bool, int, float):
        return kind.__name__, repr(cell).encode()
    if kind in (bytes, bytearray):
        return kind.__name__, bytes(cell)
    if isinstance(cell, np.generic) and not cell.dtype.hasobject:
        return cell.dtype.str, cell.tobytes()
    if kind is np.ndarray:
        return "array", _array_digest(cell)
    if kind in (list, tuple):
        return kind.__name__, _cells_digest(cell)
    if kind is dict:
        return "dict", _cells_digest([each for pair in cell.items() for each in pair])
    if kind.__name__ in _MISSING and kind.__module__.startswith("pandas."):
        return kind.__name__, b""
    if isinstance(cell, date | time | timedelta):
        zone = getattr(cell, "tzinfo", None)
        return f"{kind.__module__}.{kind.__name__}", f"{cell!r} {zone}".encode()
    raise TypeError(f"a cell with a {kind.__name__}")


def _digest(described: list, pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256(b"mmsk.data\0", usedforsecurity=False)
    head = repr(described).encode("utf-8", "surrogatepass")
    digest.update(len(head).to_bytes(8, "little"))
    digest.update(head)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
