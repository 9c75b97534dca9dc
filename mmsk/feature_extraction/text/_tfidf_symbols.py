"""Texts as rows of numbers, one number a word or a character."""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.text._tfidf_runs import number_runs

_WORD = re.compile(r"\w")
_OTHER = re.compile(r"[^\w\0]")
_MANY = 100
_SPACE = ord(" ")


class Symbols(NamedTuple):
    """The words or characters of some texts.

    Attributes
    ----------
    names : list of str
        The different symbols, sorted; some may not occur.
    ids : int32 ndarray of shape (n_symbols,)
        Position in `names` of each symbol, one text behind the other.
    starts : ndarray of shape (n_texts + 1,)
        Where the texts begin and end in `ids`.
    segments : ndarray of shape (n_segments + 1,)
        Where the stretches begin and end that no n-gram leaves.
    """

    names: list[str]
    ids: NDArray[np.int32]
    starts: NDArray[np.integer]
    segments: NDArray[np.integer]


def word_symbols(
    texts: Sequence[str], *, lowercase: bool, stop_words: Iterable[str] = ()
) -> Symbols:
    r"""Return the words of texts: all that ``(?u)\b\w\w+\b`` finds.

    Parameters
    ----------
    texts : sequence of str
    lowercase : bool
    stop_words : iterable of str
        Words that are left out.
    """
    encoded = list(_only_words(texts, lowercase))
    cut = b" ".join(encoded).translate(_LOWER if lowercase else _AS_IT_IS)
    runs, ids, firsts = number_runs(cut)
    begins = bounds(map(len, encoded)) + np.arange(len(texts) + 1)
    starts = np.searchsorted(firsts, begins)

    runs = [run.decode() for run in runs]
    stop_words = set(stop_words)
    # a single character may be several bytes
    names = sorted(run for run in runs if len(run) > 1 and run not in stop_words)
    place = {name: position for position, name in enumerate(names)}
    ids = np.array([place.get(run, -1) for run in runs], dtype=np.int32)[ids]
    if len(names) < len(runs):
        stays = ids >= 0
        starts = np.concatenate([[0], np.cumsum(stays)])[starts]
        ids = ids[stays]
    return Symbols(names, ids, starts, starts)


def _only_words(texts: Sequence[str], lowercase: bool) -> Iterable[bytes]:
    """Yield texts in UTF-8, without other characters beyond ASCII than letters."""
    foreign = [text for text in texts if not text.isascii()]
    if not foreign:
        return map(str.encode, texts)
    joined = "\0".join(text.replace("\0", " ") for text in foreign)
    if lowercase:
        joined = joined.lower()
    others = [
        char
        for char in characters(joined)[0]
        if not char.isascii() and not _WORD.match(char)
    ]
    if len(others) > _MANY:
        joined = _OTHER.sub(" ", joined)
    else:
        for char in others:
            joined = joined.replace(char, " ")
    mended = iter(joined.encode().split(b"\0"))
    return (text.encode() if text.isascii() else next(mended) for text in texts)


def analyzed_symbols(
    texts: Sequence[str], analyze: Callable[[str], Iterable[Hashable]]
) -> Symbols:
    """Return what a function makes of texts.

    Parameters
    ----------
    texts : sequence of str
    analyze : callable
        Takes a text, returns its terms, which can be sorted.
    """
    known: defaultdict[Hashable, int] = defaultdict()
    known.default_factory = known.__len__
    found, starts = array("i"), [0]
    for text in texts:
        found.extend(map(known.__getitem__, analyze(text)))
        starts.append(len(found))
    names = sorted(known)
    order = np.array([known[name] for name in names], dtype=np.intp)
    place = np.empty(len(names), dtype=np.int32)
    place[order] = np.arange(len(names))
    ids = place[np.frombuffer(found, dtype=np.intc)] if found else place
    return Symbols(names, ids, np.array(starts), np.array(starts))


def character_symbols(texts: Sequence[str], *, lowercase: bool) -> Symbols:
    """Return the characters of texts, two or more blanks as one space."""
    if lowercase:
        texts = [text.lower() for text in texts]
    starts = bounds(map(len, texts))
    names, ids = characters("".join([*texts, " "]))
    ids = ids[:-1]
    blank = np.array([name.isspace() for name in names])[ids]
    follows = np.zeros(len(ids) + 1, dtype=bool)
    follows[1:-1] = blank[1:] & blank[:-1]
    follows[starts] = False  # no run reaches over the end of a text
    if not follows.any():
        return Symbols(names, ids, starts, starts)
    ids[follows[1:] & ~follows[:-1]] = names.index(" ")
    stays = ~follows[:-1]
    starts = np.concatenate([[0], np.cumsum(stays)])[starts]
    return Symbols(names, ids[stays], starts, starts)


def padded_word_symbols(texts: Sequence[str], *, lowercase: bool) -> Symbols:
    """Return the characters of texts' words, a space before and behind each."""
    words = [(text.lower() if lowercase else text).split() for text in texts]
    flat = list(chain.from_iterable(words))
    names, ids = characters(f" {'  '.join(flat)} " if flat else "")
    segments = bounds(len(word) + 2 for word in flat)
    return Symbols(names, ids, segments[bounds(map(len, words))], segments)


def bounds(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Return where neighbours of these lengths begin and end, (n_lengths + 1,)."""
    ends = np.cumsum(np.fromiter(lengths, np.int64))
    return np.concatenate([[0], ends])


def characters(text: str) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different characters of a text, sorted, and the place of each."""
    if text.isascii():
        codes = np.frombuffer(text.encode(), dtype=np.uint8)
    else:
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    ids, found = dense_ranks(codes, int(codes.max(initial=0)) + 1)
    return [chr(code) for code in found.tolist()], ids


def dense_ranks(
    keys: NDArray[np.integer], size: int
) -> tuple[NDArray[np.int32], NDArray[np.integer]]:
    """Return the rank of each key among the different ones, and these, sorted.

    Parameters
    ----------
    keys : integer ndarray of shape (n_keys,)
        From 0 to `size` - 1.
    size : int
    """
    if size > 4 * len(keys) + 4096:
        found, ranks = np.unique(keys, return_inverse=True)
        return ranks.astype(np.int32), found
    table = np.zeros(size, dtype=bool)
    table[keys] = True
    found = np.flatnonzero(table)
    places = np.zeros(size, dtype=np.int32)
    places[found] = np.arange(len(found), dtype=np.int32)
    return places[keys], found


def _cutting_table(lowercase: bool) -> bytes:
    """Map ASCII letters, digits and _ to themselves, other ASCII to spaces."""
    table = bytearray(range(256))
    for code in range(128):
        char = chr(code)
        if not (char.isalnum() or char == "_"):
            table[code] = _SPACE
        elif lowercase:
            table[code] = ord(char.lower())
    return bytes(table)


_LOWER = _cutting_table(lowercase=True)
_AS_IT_IS = _cutting_table(lowercase=False)
