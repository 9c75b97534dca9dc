"""Look at every picture and clip of a table before anything is trained."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from PIL import Image
from tqdm import tqdm

from .._utils._cell_parts import clips_of, file_of, parts_of
from .._utils._frames import cell_array, column_names, is_frame, is_series
from .._utils._missing import is_missing
from ..exceptions import MediaError
from ._audio_formats import sniff_audio
from ._audio_limits import MAX_SECONDS, MAX_VALUES
from ._decode_audio import decode_audio
from ._decode_image import decode_image
from ._formats import sniff_image
from ._read_bytes import read_bytes
from ._read_image import MAX_BYTES, MAX_PIXELS

_TRIED = 20  # cells of a column that are asked what it holds
_SHOWN = 5


class CheckedCell(NamedTuple):
    """One picture or clip that was decoded, or was not.

    Attributes
    ----------
    row : int
        Position of its row, from 0.
    column : str or int
        Name of its column, or position where columns have no names.
    path : str or None
        The file, where the cell names one.
    code : str or None
        What is wrong, a code of ``mmsk.exceptions.MediaError``; None if nothing.
    seconds : float
        How long reading and decoding took.
    """

    row: int
    column: str | int
    path: str | None
    code: str | None
    seconds: float


@dataclass(frozen=True)
class CheckReport:
    """What `check` has found; ``pandas.DataFrame(report.cells)`` is a table of it.

    Attributes
    ----------
    cells : tuple of CheckedCell
        Each picture or clip that is there, by rows; a cell that holds several comes
        once for each.
    n_missing : int
        How many cells hold nothing.
    """

    cells: tuple[CheckedCell, ...]
    n_missing: int

    @property
    def failures(self) -> tuple[CheckedCell, ...]:
        """Those that cannot be used."""
        return tuple(cell for cell in self.cells if cell.code is not None)

    def __str__(self) -> str:
        failures = self.failures
        seconds = sum(cell.seconds for cell in self.cells)
        lines = [
            f"{len(self.cells)} cells decoded in {seconds:.1f} s, {self.n_missing} "
            f"missing, {len(failures)} cannot be used"
        ]
        for cell in failures[:_SHOWN]:
            place = "" if cell.path is None else f" ({cell.path!r})"
            lines.append(f"Column {cell.column!r}, row {cell.row}{place}: {cell.code}")
        if len(failures) > _SHOWN:
            lines.append(f"and {len(failures) - _SHOWN} more")
        return "\n".join(lines)


def check(
    X: Any,
    columns: str | int | Sequence[str | int] | Mapping[str | int, str],
    *,
    root: str | os.PathLike | None = None,
    max_pixels: int = MAX_PIXELS,
    max_seconds: float = MAX_SECONDS,
    max_values: int = MAX_VALUES,
    max_bytes: int = MAX_BYTES,
    n_jobs: int | None = None,
    verbose: bool = True,
) -> CheckReport:
    """Decode every picture and clip of a table and report what cannot be used.

    Nothing is kept: a few cells are in memory at any time.

    Parameters
    ----------
    X : DataFrame, Series, ndarray or list, of shape (n_samples, n_columns)
        pandas, polars or NumPy. One column may be 1-D.
    columns : str, int, list of these, or mapping to {"image", "audio"}
        The columns of media, by name or, in an array, by position. What a column
        holds is told from its first cells, unless a mapping says it.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave.
    max_pixels : int, default=50_000_000
        Limit on the pixels of a picture.
    max_seconds : float, default=600
        Longest clip that is accepted.
    max_values : int, default=64 * 2**20
        Limit on the samples times channels of a clip.
    max_bytes : int, default=64 * 2**20
        Largest file that is accepted.
    n_jobs : int, default=None
        Number of threads. ``None`` is 1 unless in a ``joblib.parallel_config``
        context.
    verbose : bool, default=True
        Show a progress bar on stderr.

    Returns
    -------
    report : CheckReport
        Row, column, path, code and seconds of every cell; ``str(report)`` sums up.

    Raises
    ------
    ValueError
        If a column is not there, it cannot be told what it holds, or `root` is not a
        folder.

    See Also
    --------
    decode_image, decode_audio : What is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.media import check
    >>> X = np.empty((3, 1), dtype=object)
    >>> X[:2, 0] = [np.zeros((8, 8), dtype=np.uint8), b"GIF89a..."]
    >>> report = check(X, {0: "image"}, verbose=False)
    >>> [(cell.row, cell.code) for cell in report.failures]
    [(1, 'TRUNCATED')]
    >>> report.n_missing
    1
    """
    if is_series(X):
        X = X.to_frame()
    elif not is_frame(X):
        X = cell_array(X)
    names = column_names(X)
    keys = [columns] if isinstance(columns, str | int) else list(columns)
    decoders = {
        "image": partial(decode_image, max_pixels=max_pixels),
        "audio": partial(decode_audio, max_seconds=max_seconds, max_values=max_values),
    }
    limits = {"root": root, "max_bytes": max_bytes}
    tables, kinds = {}, {}
    for key in keys:
        tables[key] = _column(X, key, names)
        kinds[key] = (
            columns[key] if isinstance(columns, Mapping) else _kind(tables[key], limits)
        )
        if kinds[key] not in decoders:
            raise ValueError(
                f"It cannot be told what column {key!r} holds, got {kinds[key]!r}: "
                f"pass columns={{{key!r}: 'image'}} or 'audio'."
            )
    n_cells = sum(map(len, tables.values()))
    checked, n_missing = [], 0
    parallel = Parallel(
        n_jobs=n_jobs, prefer="threads", return_as="generator", pre_dispatch="4*n_jobs"
    )
    with tqdm(
        desc="check", total=n_cells, unit="cell", file=sys.stderr, disable=not verbose
    ) as bar:
        jobs = (
            delayed(_check_cell)(row, key, cell, kinds[key], decoders, limits)
            for row, key, cell in _by_rows(tables)
        )
        for cells in parallel(jobs):
            bar.update()
            n_missing += not cells
            checked += cells
    return CheckReport(tuple(checked), n_missing)


def _column(X: Any, key: str | int, names: list | None) -> np.ndarray:
    known = range(X.shape[1]) if names is None else names
    if key not in known:
        raise ValueError(f"X lacks the column {key!r}; it has {list(known)}.")
    return X[:, key] if names is None else cell_array(X[[key]])[:, 0]


def _by_rows(tables: dict) -> Iterator[tuple[int, str | int, Any]]:
    for row, cells in enumerate(zip(*tables.values(), strict=True)):
        for key, cell in zip(tables, cells, strict=True):
            yield row, key, cell


def _check_cell(
    row: int, key: str | int, cell: Any, kind: str, decoders: dict, limits: dict
) -> list[CheckedCell]:
    """Decode what a cell holds; nothing for a missing one."""
    if is_missing(cell):
        return []
    parts = parts_of(cell)
    checked = []
    for part in clips_of(parts) if kind == "audio" else parts:
        if is_missing(part):
            continue
        start = time.perf_counter()
        code, path = None, file_of(part)
        try:
            decoders[kind](part, **limits)
        except MediaError as error:
            code, path = error.code, error.path or path
        checked.append(CheckedCell(row, key, path, code, time.perf_counter() - start))
    return checked


def _kind(cells: np.ndarray, limits: dict) -> str | None:
    """Tell from the first cells that are there whether a column has pictures."""
    there = (cell for cell in cells if not is_missing(cell))
    for cell, _ in zip(there, range(_TRIED), strict=False):
        parts = parts_of(cell)
        if clips_of(parts) is not parts:
            return "audio"
        for part in parts:
            kind = _kind_of(part, limits)
            if kind is not None:
                return kind
    return None


def _kind_of(part: Any, limits: dict) -> str | None:
    if isinstance(part, tuple) and clips_of(part) is not part:
        return "audio"
    if isinstance(part, dict) and part.get("bytes") is None and "array" in part:
        return "audio"
    if isinstance(part, np.ndarray | Image.Image):
        return "image"
    content = part.get("bytes") if isinstance(part, dict) else part
    path = file_of(part)
    try:
        if not isinstance(content, bytes) and path is not None:
            content = read_bytes(path, **limits)
    except MediaError:
        return None
    for kind, sniff in (("image", sniff_image), ("audio", sniff_audio)):
        try:
            sniff(content)
            return kind
        except (MediaError, TypeError):
            continue
    return None
