"""The files of a store that hold its entries one behind another."""

import contextlib
import os
import re
from collections.abc import Container, Sequence
from io import FileIO
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.store._records import Buffer

_WRITE_SIZE = 512 * 2**10
_BINARY = getattr(os, "O_BINARY", 0)
_NAME = re.compile(r"(\d+)\.rows")


class Block(NamedTuple):
    """Values of one size, a row each, and which of the places each comes from."""

    positions: NDArray[np.int64]
    values: NDArray[np.uint8]


def write_at(
    folder: str, file: int, start: int, values: NDArray | Sequence[Buffer], size: int
) -> bool:
    """Write values of one size into a file from `start`; a new file is made for 0.

    Return False, and write nothing, if there is no file that reaches so far.
    """
    flags = os.O_RDWR if start else os.O_RDWR | os.O_CREAT | os.O_TRUNC
    try:
        # not by the function open, which takes twice as long
        opened = os.open(_path(folder, file), flags | _BINARY, 0o666)
    except FileNotFoundError:
        if not start:
            raise
        return False
    try:
        if os.lseek(opened, 0, os.SEEK_END) < start:
            return False
        os.lseek(opened, start, os.SEEK_SET)
        # The system keeps a file in blocks of memory as large as what is written, but
        # only where that begins at a multiple of the block: so pieces end at multiples.
        # They are no larger, because for those the system looks for the largest blocks,
        # which a virtual machine may have to ask for first.
        done, total = 0, len(values) * size
        while done < total:
            stop = min(total, done + _WRITE_SIZE - (start + done) % _WRITE_SIZE)
            _write_all(opened, _cut(values, size, done, stop), stop - done)
            done = stop
    finally:
        os.close(opened)
    return True


def _cut(
    values: NDArray | Sequence[Buffer], size: int, start: int, stop: int
) -> list[Buffer]:
    """Return the bytes from `start` to `stop` of values that lie one behind another."""
    if isinstance(values, np.ndarray):
        return [memoryview(values).cast("B")[start:stop]]
    first, last = start // size, -(-stop // size)
    pieces = list(values[first:last])
    pieces[-1] = memoryview(pieces[-1]).cast("B")[: stop - (last - 1) * size]
    pieces[0] = memoryview(pieces[0]).cast("B")[start - first * size :]
    return pieces


def _write_all(opened: int, pieces: list[Buffer], size: int) -> None:
    done = 0
    if hasattr(os, "writev"):  # to join them takes as long as to write them
        done = os.writev(opened, pieces)
    if done < size:
        rest = memoryview(b"".join(pieces))[done:]
        while rest:
            rest = rest[os.write(opened, rest) :]


def size_of(folder: str, file: int) -> int:
    """Return the size of a file, -1 if it is not there."""
    try:
        return os.stat(_path(folder, file)).st_size
    except OSError:
        return -1


def cut(folder: str, file: int, size: int) -> None:
    """Take off what stands in a file behind `size`."""
    with contextlib.suppress(FileNotFoundError):
        if size_of(folder, file) > size:
            os.truncate(_path(folder, file), size)


def read_blocks(folder: str, places: NDArray[np.void]) -> list[Block]:
    """Read the entries in `places`, neighbours at once, and leave lost ones out."""
    blocks = []
    for positions in _groups(places):
        file, size = places[["file", "size"]][positions[0]].item()
        starts = places["start"][positions]
        try:
            opened = open(_path(folder, file), "rb", buffering=0)  # noqa: SIM115
        except OSError:
            continue
        with opened:
            length = os.fstat(opened.fileno()).st_size
            # before memory is taken: a damaged size or start may be anything
            n_whole = int(np.searchsorted(starts, length - size, side="right"))
            values = np.empty((n_whole, size), dtype=np.uint8)
            if n_whole and _read_into(opened, values, starts[:n_whole]):
                blocks.append(Block(positions[:n_whole], values))
    return blocks


def _groups(places: NDArray[np.void]) -> list[NDArray[np.int64]]:
    """Return the positions of each file and size, in the order of their starts."""
    file, size, start = [places[name] for name in ("file", "size", "start")]
    if len(places) and (file == file[0]).all() and (size == size[0]).all():
        return [np.argsort(start)] if file[0] >= 0 else []
    positions = np.lexsort([start, size, file])
    positions = positions[file[positions] >= 0]
    if not len(positions):
        return []
    changes = [np.diff(column[positions]) != 0 for column in (size, file)]
    return np.split(positions, np.flatnonzero(changes[0] | changes[1]) + 1)


def _read_into(
    file: FileIO, values: NDArray[np.uint8], starts: NDArray[np.int64]
) -> bool:
    """Read entries of one size into the rows of a block; return whether all came."""
    size = values.shape[1]
    firsts = [0, *(np.flatnonzero(np.diff(starts) != size) + 1).tolist(), len(starts)]
    for first, stop in pairwise(firsts):
        file.seek(starts[first])
        if file.readinto(values[first:stop]) != (stop - first) * size:
            return False
    return True


def delete_files(folder: str, keep: Container[int]) -> None:
    """Delete the files of entries other than those of `keep`."""
    for name in os.listdir(folder):
        match = _NAME.fullmatch(name)
        if match and int(match[1]) not in keep:
            try:
                os.remove(os.path.join(folder, name))
            except OSError:  # open somewhere: next time
                continue


def _path(folder: str, file: int) -> str:
    return f"{folder}/{file}.rows"
