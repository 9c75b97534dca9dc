"""The files of a store that hold its entries one behind another."""

import os
import re
from collections.abc import Container, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from mmsk.store._rows import HEADER_SIZE

_NAME = re.compile(r"(\d+)\.rows")

Place = tuple[int, int, int, int]  # file, start, size, and the id of the entry
Block = tuple[list[int], NDArray[np.uint8]]  # ids and entries of one size, a row each


def write_at(folder: str, file: int, start: int, content: bytes) -> None:
    """Write into a file at `start`; a new file is made for 0."""
    with open(_path(folder, file), "r+b" if start else "wb", buffering=0) as opened:
        opened.seek(start)
        rest = memoryview(content)
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
            lost += [id_ for *_, id_ in group]
            continue
        with opened:
            length = os.fstat(opened.fileno()).st_size
            for start, size, ids in _runs(group):
                # before memory is taken: a damaged size may be anything
                is_sane = start >= 0 and size >= HEADER_SIZE
                count = min(len(ids), (length - start) // size) if is_sane else 0
                lost += ids[max(count, 0) :]
                if count > 0:
                    block = np.empty((count, size), dtype=np.uint8)
                    opened.seek(start)
                    if opened.readinto(block) == block.nbytes:
                        blocks.append((ids[:count], block))
                    else:
                        lost += ids[:count]
    return blocks, lost


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


def _runs(places: Iterable[Place]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield start, size of one entry, and ids of neighbours of the same size."""
    first = end = length = 0
    ids: list[int] = []
    for _, start, size, id_ in places:
        if start != end or size != length:
            if ids:
                yield first, length, ids
            first, length, ids = start, size, []
        ids.append(id_)
        end = start + size
    if ids:
        yield first, length, ids
