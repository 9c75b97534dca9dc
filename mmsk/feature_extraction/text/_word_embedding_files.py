"""Read word vectors of GloVe and word2vec."""

import gzip
import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_GZIP = b"\x1f\x8b"
_LONGEST_WORD = 4096  # in bytes
_BLOCK = 2**20


def read_vectors(path: str | os.PathLike) -> tuple[dict[str, int], NDArray[np.float32]]:
    """Read a file of word vectors.

    Parameters
    ----------
    path : str or os.PathLike
        A text file, ``word number number ...`` on each line, with or without a
        first line ``n_words n_numbers`` (GloVe, word2vec, fastText), or word2vec's
        binary file; either may be compressed by gzip.

    Returns
    -------
    words : dict of str to int
        The row of each word. Of a word that comes twice the first vector counts.
    vectors : float32 ndarray of shape (n_words, n_numbers)

    Raises
    ------
    ValueError
        If the file is not of this kind, cut off, or holds NaN or infinities.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        try:
            words, vectors = _read(file)
        except (ValueError, EOFError, gzip.BadGzipFile) as error:
            raise ValueError(f"The word vectors in {str(path)!r}: {error}") from error
    numbers: dict[str, int] = {}
    for row, word in enumerate(words):
        numbers.setdefault(word, row)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ValueError(
            f"The word vectors in {str(path)!r}: that of {words[row]!r} is not finite."
        )
    return numbers, vectors


def _read(file: BinaryIO) -> tuple[list[str], NDArray[np.float32]]:
    fields = file.readline(_LONGEST_WORD).split()
    n_words = None
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        n_words, size = map(int, fields)
        start = file.tell()
        line = file.readline()
        file.seek(start)
        try:
            _parse(line, size, 2)
        except ValueError:
            return _read_binary(file, n_words, size)
    else:
        file.seek(0)
        size = len(file.readline().split()) - 1
        file.seek(0)
    if size < 1:
        raise ValueError("line 1 is no word with numbers.")
    parsed = [
        _parse(line, size, number)
        for number, line in enumerate(file, 1 if n_words is None else 2)
        if line.strip()
    ]
    if n_words not in (None, len(parsed)):
        raise ValueError(
            f"it has {len(parsed)} words, and {n_words} in its first line."
        )
    return [word for word, _ in parsed], np.stack([row for _, row in parsed])


def _parse(line: bytes, size: int, number: int) -> tuple[str, NDArray[np.float32]]:
    fields = line.rstrip().rsplit(b" ", size)  # there are words with a space in them
    if len(fields) != size + 1:
        raise ValueError(
            f"line {number} has {len(fields) - 1} numbers instead of {size}."
        )
    try:
        row = np.array(fields[1:], dtype=np.float32)
    except ValueError:
        raise ValueError(f"line {number} has no {size} numbers.") from None
    return fields[0].decode("utf-8", "replace"), row


def _read_binary(
    file: BinaryIO, n_words: int, size: int
) -> tuple[list[str], NDArray[np.float32]]:
    words, rows = [], []
    block, place, width = b"", 0, 4 * size
    for number in range(n_words):
        end = block.find(b" ", place)
        while end < 0 or len(block) < end + 1 + width:
            more = file.read(_BLOCK)
            if not more or (end < 0 and len(block) - place > _LONGEST_WORD):
                raise ValueError(
                    f"it is cut off after {number} of the {n_words} words that its "
                    "first line states."
                )
            block, place = block[place:] + more, 0
            end = block.find(b" ")
        words.append(block[place:end].lstrip(b"\n").decode("utf-8", "replace"))
        rows.append(np.frombuffer(block, "<f4", size, end + 1).astype(np.float32))
        place = end + 1 + width
    if not rows:
        raise ValueError("it has no words.")
    return words, np.stack(rows)
