"""What the cells of a table hold, each content once."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mmsk._utils._cell_parts import clips_of, file_of, parts_of
from mmsk._utils._frames import cell_array, take_columns
from mmsk._utils._labels import Labels
from mmsk._utils._missing import is_missing
from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import Failure
from mmsk.feature_extraction._cells._read_text import read_text
from mmsk.feature_extraction._cells._row_source import RowSource
from mmsk.media import read_audio, read_image
from mmsk.model_selection._fingerprints import FINGERPRINTS, identity
from mmsk.store import FeatureStore


@dataclass
class Content:
    """A picture, clip or text, where it stands, and in how many forms.

    Attributes
    ----------
    rows : set of int
    columns : set of str or int
    forms : set of bytes
        Keys of the files, arrays or strings that hold it.
    value : float32 ndarray
        Its fingerprint.
    """

    value: NDArray[np.float32]
    rows: set[int] = field(default_factory=set)
    columns: set[str | int] = field(default_factory=set)
    forms: set[bytes] = field(default_factory=set)


def find_contents(
    X: Any,
    columns: Mapping[str | int, str],
    modality: str,
    *,
    root: str | os.PathLike | None,
    store: FeatureStore | None,
    n_jobs: int | None,
    verbose: bool,
) -> tuple[list[Content], list[Failure]]:
    """Read the columns of a modality; decode and compare what they hold.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
    columns : mapping of str or int to str
        The modality of each column.
    modality : {"image", "audio", "text"}
    root : str or os.PathLike or None
    store : FeatureStore or None
    n_jobs : int or None
    verbose : bool

    Returns
    -------
    contents : list of Content
        In the order in which they come first.
    failures : list of Failure
        The cells that hold none that can be used.

    Raises
    ------
    MediaError
        The first failure, if there is nothing else.
    """
    names = [name for name, role in columns.items() if role == modality]
    cells = cell_array(take_columns(X, names))
    fingerprint = FINGERPRINTS[modality]
    source = RowSource(
        fingerprint.compute,
        width=fingerprint.width,
        config=fingerprint.config(),
        store=store if fingerprint.stored else None,
        batch_size=32,
        n_batches=8,
        n_jobs=n_jobs,
    )
    contents: dict[bytes, Content] = {}
    failures, first = [], None
    values: list[NDArray[np.float32]] = []
    labels = Labels.of(X, names)
    read = _read(cells, modality, root, verbose)
    with closing(source.outcomes(read, values.__getitem__)) as outcomes:
        for outcome in outcomes:
            row, name, value = outcome.row, names[outcome.column], outcome.value
            if isinstance(value, MediaError):
                path = None if modality == "text" else file_of(outcome.cell)
                value.path = value.path or path
                failures.append(Failure(row, name, value.path, value.code))
                index = labels.index_of(row)
                first = first or value.at(row=row, column=name, index=index)
                continue
            source.remember(outcome.key, value, len(values))
            values.append(value)
            content = contents.setdefault(identity(value), Content(value))
            content.rows.add(row)
            content.columns.add(name)
            content.forms.add(outcome.key)
    if failures and not contents:
        raise first
    return list(contents.values()), failures


def _read(
    cells: NDArray[np.object_], modality: str, root: Any, verbose: bool
) -> Iterator[tuple[int, int, Any, Any]]:
    with tqdm(
        desc=f"check_leakage: {modality}",
        total=cells.size,
        unit="cell",
        file=sys.stderr,
        disable=not verbose,
    ) as bar:
        for (row, column), cell in np.ndenumerate(cells):
            for part in _parts(cell, modality):
                try:
                    content = _READERS[modality](part, root)
                except MediaError as error:
                    content = error.with_traceback(None)
                if not isinstance(content, str) or content.strip():
                    yield row, column, part, content
            bar.update()


def _parts(cell: Any, modality: str) -> list:
    if is_missing(cell):
        return []
    parts = [cell] if modality == "text" else parts_of(cell)
    parts = clips_of(parts) if modality == "audio" else parts
    return [part for part in parts if not is_missing(part)]


_READERS = {
    "image": lambda part, root: read_image(part, root=root),
    "audio": lambda part, root: read_audio(part, root=root),
    "text": lambda part, root: read_text(part),
}
