"""The stretches between the spaces of a text, equal ones with the same number."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

_SPACE = ord(" ")
_LONGEST = 4  # blocks of a run that is compared as numbers
# the first bytes of a block, by how many they are
_FIRST = np.array([2 ** (8 * size) - 1 for size in range(9)], dtype=np.uint64)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio
_MOST_BITS = 18  # a table that stays in a processor's cache


def number_runs(
    text: bytes,
) -> tuple[list[bytes], NDArray[np.int32], NDArray[np.integer]]:
    """Give numbers to the runs of two or more bytes between spaces.

    Blocks of eight bytes are compared as integers, so that no object is made but
    for the different runs.

    Parameters
    ----------
    text : bytes
        With no zero byte.

    Returns
    -------
    runs : list of bytes
        The different runs, in no particular order.
    numbers : int32 ndarray of shape (n_runs,)
        Position in `runs` of each.
    firsts : ndarray of shape (n_runs,)
        Where each begins in the text.
    """
    padded = b" ".join([b"", text, b" " * 8])
    spaces = np.flatnonzero(np.frombuffer(padded, dtype=np.uint8) == _SPACE)
    lengths = np.diff(spaces) - 1
    several = np.flatnonzero(lengths > 1)
    firsts, lengths = spaces[several] + 1, lengths[several]
    # at every byte the block that begins there
    blocks = np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
    n_blocks = np.minimum((lengths + 7) // 8, _LONGEST + 1)
    runs: list[bytes] = []
    numbers = np.empty(len(firsts), dtype=np.int32)
    for count in range(1, _LONGEST + 2):
        chosen = np.flatnonzero(n_blocks == count)
        if len(chosen) == 0:
            continue
        begins, sizes = firsts[chosen], lengths[chosen]
        if count > _LONGEST:
            own, found = _number_slices(padded, begins, begins + sizes)
        else:
            own, examples = _number_blocks(blocks, begins, sizes, count)
            begins, sizes = begins[examples], sizes[examples]
            found = _slices(padded, begins, begins + sizes)
        numbers[chosen] = own + len(runs)
        runs += found
    return runs, numbers, firsts - 1


def _number_blocks(
    blocks: NDArray[np.uint64],
    begins: NDArray[np.integer],
    sizes: NDArray[np.integer],
    n_blocks: int,
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    numbers = examples = None
    for position in range(n_blocks):
        keys = blocks[begins + 8 * position]
        if position == n_blocks - 1:
            keys &= _FIRST[sizes - 8 * position]
        own, shown = _number(keys)
        if numbers is None:
            numbers, examples = own, shown
        else:  # the beginning so far and this block are one key
            pairs = numbers.astype(np.uint64) * np.uint64(len(shown))
            numbers, examples = _number(pairs + own.astype(np.uint64))
    return numbers, examples


def _number(
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Give equal keys one number; return numbers and a position that shows each."""
    bits = min(_MOST_BITS, len(keys).bit_length())
    slots = ((keys * _SPREAD) >> np.uint64(64 - bits)).astype(np.int64)
    owner = np.full(1 << bits, -1, dtype=np.int64)
    owner[slots] = np.arange(len(keys))
    owned = np.flatnonzero(owner >= 0)
    examples = owner[owned]
    place = np.empty(1 << bits, dtype=np.int64)
    place[owned] = np.arange(len(owned))
    numbers = place[slots]
    (strange,) = np.nonzero(keys[examples][numbers] != keys)
    if len(strange):  # these share a slot with another
        _, shown, own = np.unique(keys[strange], return_index=True, return_inverse=True)
        numbers[strange] = own + len(owned)
        examples = np.concatenate([examples, strange[shown]])
    return numbers, examples


def _number_slices(
    text: bytes, begins: NDArray[np.integer], ends: NDArray[np.integer]
) -> tuple[NDArray[np.integer], list[bytes]]:
    known: defaultdict[bytes, int] = defaultdict()
    known.default_factory = known.__len__
    slices = _slices(text, begins, ends)
    numbers = np.fromiter(map(known.__getitem__, slices), np.int64, len(slices))
    return numbers, list(known)


def _slices(
    text: bytes, begins: NDArray[np.integer], ends: NDArray[np.integer]
) -> list[bytes]:
    places = zip(begins.tolist(), ends.tolist(), strict=True)
    return [text[begin:end] for begin, end in places]
