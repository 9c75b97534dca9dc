"""Counts of n-grams of numbered symbols."""

from operator import add
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mmsk.feature_extraction.text._tfidf_symbols import Symbols, dense_ranks


class _Level(NamedTuple):
    """The n-grams of one size, sorted.

    Attributes
    ----------
    names : list of str
    parents : ndarray of shape (n_grams,) or None
        Rank of each one's beginning, one symbol shorter, in the level before.
    counts : CSC array of shape (n_texts, n_grams)
        In canonical format.
    """

    names: list[str]
    parents: NDArray[np.integer]
    counts: sp.csc_array


def count_ngrams(
    symbols: Symbols,
    ngram_range: tuple[int, int],
    *,
    joint: str = "",
    short_segments: bool = False,
) -> tuple[list[str], sp.csc_array]:
    """Count the n-grams of texts.

    Every n-gram is a pair of the rank of its beginning and its last symbol, so that
    no string is made but for the different ones, and ranks follow the order of
    strings.

    Parameters
    ----------
    symbols : Symbols
    ngram_range : tuple of (int, int)
        Smallest and largest number of neighbours, 1 <= smallest <= largest.
    joint : str
        Stands between the symbols; must sort before all of them.
    short_segments : bool
        Whether a segment that is shorter than the smallest n-gram counts as one.

    Returns
    -------
    names : list of str
        The n-grams, sorted.
    counts : int32 CSC array of shape (n_texts, n_ngrams)
        In canonical format.
    """
    smallest, largest = ngram_range
    ids, starts = symbols.ids, symbols.starts
    if largest == 1:
        level = _Level(symbols.names, None, _counted(ids, starts, len(symbols.names)))
        return _in_order([level])
    lengths = np.diff(symbols.segments)
    # symbols from a position to the end of its segment
    positions = np.arange(len(ids), dtype=np.int32)
    left = np.repeat(symbols.segments[1:].astype(np.int32), lengths) - positions
    begins = np.zeros(len(ids), dtype=bool)
    begins[symbols.segments[:-1][lengths > 0]] = True
    next_names = [joint + name for name in symbols.names]
    width = len(next_names)

    levels = []
    names, parents, ranks = symbols.names, None, ids
    for size in range(1, largest + 1):
        if size > 1:
            inside = left[positions] >= size
            positions = positions[inside]
            keys = ranks[inside].astype(np.int64) * width + ids[positions + size - 1]
            ranks, found = dense_ranks(keys, len(names) * width)
            parents, lasts = np.divmod(found, max(width, 1))
            names = list(map(add, _pick(names, parents), _pick(next_names, lasts)))
        if size >= smallest:
            counted, places = ranks, positions
        else:
            chosen = begins[positions] & (left[positions] == size) & short_segments
            counted, places = ranks[chosen], positions[chosen]
        bounds = np.searchsorted(places, starts)
        levels.append(_Level(names, parents, _counted(counted, bounds, len(names))))
    return _in_order(levels)


def _pick(names: list[str], positions: NDArray[np.integer]) -> list[str]:
    return [names[position] for position in positions.tolist()]


def _counted(
    ranks: NDArray[np.int32], bounds: NDArray[np.integer], n_grams: int
) -> sp.csc_array:
    """Count in linear time: a conversion sorts, then equals are neighbours."""
    ones = np.ones(len(ranks), dtype=np.int32)
    shape = (len(bounds) - 1, n_grams)
    counts = sp.csr_array((ones, ranks, bounds.astype(np.int32)), shape).tocsc()
    counts.has_sorted_indices = True
    counts.sum_duplicates()
    return counts


def _in_order(levels: list[_Level]) -> tuple[list[str], sp.csc_array]:
    """Put the counted n-grams of all sizes into the order of their strings.

    An n-gram stands behind its beginnings and before all that begins with a later
    one, as the nodes of a tree do when each is followed by its children.
    """
    counts = sp.hstack([level.counts for level in levels], format="csc")
    names = [name for level in levels for name in level.names]
    order = np.concatenate(_places(levels)).argsort()
    order = order[np.diff(counts.indptr)[order] > 0]
    if len(order) < len(names) or len(levels) > 1:
        counts, names = counts[:, order], _pick(names, order)
    return names, counts


def _places(levels: list[_Level]) -> list[NDArray[np.integer]]:
    """Return the place of each n-gram among those of all sizes, by size."""
    places = []
    for size, level in enumerate(levels):
        ranks = np.arange(len(level.names))
        place = np.zeros(len(ranks), dtype=np.int64)
        above = ranks
        for other in levels[size:0:-1]:  # its beginnings, and what precedes them
            above = other.parents[above]
            place += above + 1
        place += ranks
        below = ranks
        for other in levels[size + 1 :]:  # what begins with an earlier one
            below = below[other.parents] if below is not ranks else other.parents
            place += np.searchsorted(below, ranks)
        places.append(place)
    return places
