"""Texts in portions whose arrays stay small."""

from collections.abc import Iterator, Sequence

import numpy as np

_CHARACTERS = 2**23


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield neighbouring texts, as many as have 8 million characters, or one."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    start = 0
    while start < len(texts):
        limit = _CHARACTERS + (ends[start - 1] if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield texts[start:stop]
        start = stop
