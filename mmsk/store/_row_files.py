"""The files of a store that hold its entries one behind another."""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Sequence
from io import FileIO
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from mmsk.store._rows import HEADER_SIZE

_NAME = re.compile(r"(\d+)\.rows")

# file, size, start, and the id of the entry, and whether its stamp is old
Place = tuple[int, int, int, int, int]
Piece = bytes | NDArray | memoryview
Block = tuple[list[int], NDArray[np.uint8]]  # ids and entries of one size, a row each


def write_at(
    folder: str, file: int, start: int, pieces: Sequence[Piece], length: int
) -> None:
    """Write up to 1024 pieces into a file at `start`; a new file is made for 0."""
    with open(_path(folder, file), "r+b" if start else "wb", buffering=0) as opened:
        opened.seek(start)
        done = 0
        if hasattr(os, "writev"):  # to join them takes as long as to write them
            done = os.writev(opened.fileno(), pieces)
        if done < length:
            rest = memoryview(b"".join(pieces))[done:]
            while rest:
                rest = rest[opened.write(rest) :]


def is_whole(folder: str, file: int, size: int) -> bool:
    """Tell whether a file is there and has at least `size` bytes."""
    try:
        return os.path.getsize(_path(folder, file)) >= size
    except OSError:
        return False


def read_blocks(folder: str, places: Iterable[Place]) -> tuple[list[Block], list[int]]:
    """Read entries, neighbours at once; return them and the ids of lost ones."""
    blocks, lost = [], []
    for file, group in groupby(sorted(places), itemgetter(0)):
        try:
            opened = open(_path(folder, file), "rb", buffering=0)  # noqa: SIM115
        except OSError:
            lost += [id_ for *_, id_, _ in group]
            continue
        with opened:
            length = os.fstat(opened.fileno()).st_size
            for size, members in groupby(group, itemgetter(1)):
                _, _, starts, ids, _ = zip(*members, strict=True)
                # before memory is taken: a damaged size or start may be anything
                first = bisect_left(starts, 0)
                stop = max(first, bisect_right(starts, length - size))
                if size < HEADER_SIZE or not first < stop:
                    lost += ids
                    continue
                block = np.empty((stop - first, size), dtype=np.uint8)
                if _read_into(opened, block, starts[first:stop]):
                    blocks.append((list(ids[first:stop]), block))
                    lost += ids[:first] + ids[stop:]
                else:
                    lost += ids
    return blocks, lost


def _read_into(file: FileIO, block: NDArray[np.uint8], starts: Sequence[int]) -> bool:
    """Read entries of one size into the rows of a block; return whether all came."""
    first, (count, size) = 0, block.shape
    for i in range(1, count + 1):
        if i == count or starts[i] != starts[i - 1] + size:
            file.seek(starts[first])
            if file.readinto(block[first:i]) != (i - first) * size:
                return False
            first = i
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
    return os.path.join(folder, f"{file}.rows")
