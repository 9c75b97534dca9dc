"""What can be counted in texts whatever they say."""

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.text._portions import portions
from mmsk.feature_extraction.text._scripts import SCRIPTS, script_places
from mmsk.feature_extraction.text._tfidf_ngrams import count_ngrams
from mmsk.feature_extraction.text._tfidf_symbols import (
    bounds,
    characters,
    word_symbols,
)

# by group: what is counted, and what is a mean or a share from 0 to 1
GROUPS = {
    "length": (
        ("characters", "words", "lines", "sentences", "longest_word"),
        ("mean_word_length",),
    ),
    "case": (("capital_words",), ("capital_letter_share", "title_word_share")),
    "signs": (
        ("numbers", "exclamation_marks", "question_marks", "emoji"),
        ("digit_share", "punctuation_share", "symbol_share", "space_share"),
    ),
    "links": (("urls", "emails", "mentions", "hashtags"), ()),
    "words": (("different_words",), ("different_word_share",)),
    "scripts": ((), (*(f"{name}_share" for name in SCRIPTS), "non_ascii_share")),
}
_ENDS = ".!?\u2026\u3002\uff01\uff0e\uff1f\u061f\u0964"
_EMOJI = ((0x2600, 0x27BF), (0x1F000, 0x1FAFF))
_KINDS: dict[str, Callable[[str], bool]] = {
    "letter": str.isalpha,
    "capital": str.isupper,
    "digit": str.isdigit,
    "space": str.isspace,
    "punctuation": lambda char: unicodedata.category(char)[0] == "P",
    "symbol": lambda char: unicodedata.category(char)[0] == "S",
    "line_break": lambda char: char == "\n",
    "exclamation_mark": lambda char: char in "!\uff01",
    "question_mark": lambda char: char in "?\uff1f\u061f",
    "end": lambda char: char in _ENDS,
    "emoji": lambda char: any(a <= ord(char) <= b for a, b in _EMOJI),
    "non_ascii": lambda char: not char.isascii(),
}
# what a text must hold to be searched, and the pattern; none looks back twice
_LINKS = {
    "urls": (("://", "www.", "WWW."), r"(?i)(?<!\w)(?:https?://|www\.)\S"),
    "emails": (("@",), r"(?<![\w.+-])[\w.+-]++@[\w-]++\.\w"),
    "mentions": (("@",), r"(?<![\w.+-])@\w"),
    "hashtags": (("#",), r"(?<!\w)#\w"),
}


def text_statistics(texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the statistics of texts, by name, each of shape (n_texts,).

    A share of nothing is 0.
    """
    parts = [_statistics(portion) for portion in portions(texts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _statistics(texts: Sequence[str]) -> dict[str, NDArray]:
    names, ids = characters("".join(texts))
    starts = bounds(map(len, texts))
    n_chars = np.diff(starts)
    flags = {
        kind: np.array([is_kind(name) for name in names], dtype=bool)
        for kind, is_kind in _KINDS.items()
    }
    places = script_places(np.array([ord(name) for name in names], dtype=np.int64))
    for place, script in enumerate(SCRIPTS):
        flags[script] = flags["letter"] & (places == place)
    totals = _totals(flags, ids, n_chars)
    words = _words(flags, ids, starts)
    symbols = word_symbols(texts, lowercase=True)
    _, counts = count_ngrams(symbols, (1, 1))
    different = np.bincount(counts.indices, minlength=len(texts))
    return {
        "characters": n_chars,
        "words": words["words"],
        "lines": np.where(n_chars > 0, totals["line_break"] + 1, 0),
        "sentences": _runs(flags["end"][ids], starts)[0],
        "longest_word": words["longest"],
        "mean_word_length": _share(n_chars - totals["space"], words["words"]),
        "capital_words": words["capital"],
        "capital_letter_share": _share(totals["capital"], totals["letter"]),
        "title_word_share": _share(words["title"], words["words"]),
        "numbers": _runs(flags["digit"][ids], starts)[0],
        "exclamation_marks": totals["exclamation_mark"],
        "question_marks": totals["question_mark"],
        "emoji": totals["emoji"],
        "digit_share": _share(totals["digit"], n_chars),
        "punctuation_share": _share(totals["punctuation"], n_chars),
        "symbol_share": _share(totals["symbol"], n_chars),
        "space_share": _share(totals["space"], n_chars),
        **{name: _found(texts, *link) for name, link in _LINKS.items()},
        "different_words": different,
        "different_word_share": _share(different, np.diff(symbols.starts)),
        **{
            f"{script}_share": _share(totals[script], totals["letter"])
            for script in SCRIPTS
        },
        "non_ascii_share": _share(totals["non_ascii"], n_chars),
    }


def _totals(
    flags: dict[str, NDArray[np.bool_]], ids: NDArray[np.int32], n_chars: NDArray
) -> dict[str, NDArray]:
    """Count the characters of each kind in each text, all kinds in one pass."""
    table = np.array(list(flags.values())).T  # (n_different, n_kinds)
    if len(table) == 0:
        return {kind: np.zeros(len(n_chars)) for kind in flags}
    mixtures, mixture = np.unique(table, axis=0, return_inverse=True)
    width = len(mixtures)
    row = np.repeat(np.arange(len(n_chars)) * width, n_chars)
    counts = np.bincount(row + mixture[ids], minlength=len(n_chars) * width)
    totals = counts.reshape(-1, width) @ mixtures
    return dict(zip(flags, totals.T, strict=True))


def _words(
    flags: dict[str, NDArray[np.bool_]],
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
) -> dict[str, NDArray]:
    """Count what stands between blanks."""
    n_words, first, stop = _runs(~flags["space"][ids], starts)
    row = np.repeat(np.arange(len(n_words)), n_words)
    capital = flags["capital"][ids]
    n_capitals, n_letters = (
        np.diff(_cumulated(mask)[np.stack([first, stop])], axis=0)[0]
        for mask in (capital, flags["letter"][ids])
    )
    loud = (n_capitals > 1) & (n_capitals == n_letters)
    longest = np.zeros(len(n_words), dtype=np.int64)
    if len(row):
        begins = np.cumsum(n_words) - n_words
        some = n_words > 0
        longest[some] = np.maximum.reduceat(stop - first, begins[some])
    return {
        "words": n_words,
        "longest": longest,
        "capital": np.bincount(row[loud], minlength=len(n_words)),
        "title": np.bincount(row[capital[first]], minlength=len(n_words)),
    }


def _runs(
    mask: NDArray[np.bool_], starts: NDArray[np.int64]
) -> tuple[NDArray, NDArray, NDArray]:
    """Return how many runs each text has, and where all begin and end."""
    before = np.zeros(len(mask) + 1, dtype=bool)
    before[1:] = mask
    before[starts] = False
    after = np.zeros(len(mask) + 1, dtype=bool)
    after[:-1] = mask
    after[starts] = False
    first = np.flatnonzero(mask & ~before[:-1])
    stop = np.flatnonzero(mask & ~after[1:]) + 1
    return np.diff(np.searchsorted(first, starts)), first, stop


def _cumulated(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(mask)])


def _share(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)


def _found(texts: Sequence[str], signs: tuple[str, ...], pattern: str) -> NDArray:
    search = re.compile(pattern).findall
    return np.array(
        [
            len(search(text)) if any(sign in text for sign in signs) else 0
            for text in texts
        ]
    )
