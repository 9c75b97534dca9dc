"""Which script a letter belongs to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# blocks of Unicode; what stands in none of them is "other"
_BLOCKS = {
    "latin": ((0x41, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xFF21, 0xFF5A)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "arabic": (
        (0x600, 0x6FF),
        (0x750, 0x77F),
        (0x8A0, 0x8FF),
        (0xFB50, 0xFDFF),
        (0xFE70, 0xFEFE),
    ),
    "indic": ((0x900, 0xDFF),),
    "southeast_asian": ((0xE00, 0x109F), (0x1780, 0x17FF), (0x1980, 0x1AAF)),
    "hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    "cjk": (
        (0x2E80, 0x2FDF),
        (0x3005, 0x3007),
        (0x3021, 0x30FF),
        (0x3100, 0x312F),
        (0x31A0, 0x31BF),
        (0x31F0, 0x31FF),
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
        (0xF900, 0xFAFF),
        (0xFF66, 0xFF9F),
        (0x20000, 0x3FFFF),
    ),
}
SCRIPTS = (*_BLOCKS, "other")
# written without spaces between words
_UNSEGMENTED = ("southeast_asian", "cjk")
_SORTED = sorted(
    (first, last, place)
    for place, blocks in enumerate(_BLOCKS.values())
    for first, last in blocks
)
_FIRST, _LAST, _PLACE = map(np.array, zip(*_SORTED, strict=True))


def script_places(codes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the position in SCRIPTS of each code point's script.

    Parameters
    ----------
    codes : integer ndarray of shape (n,)
        Code points of letters.
    """
    block = np.searchsorted(_FIRST, codes, side="right") - 1
    inside = (block >= 0) & (codes <= _LAST[block])
    return np.where(inside, _PLACE[block], len(SCRIPTS) - 1)


def is_unsegmented(texts: Sequence[str]) -> bool:
    """Tell whether most characters of texts are of scripts without word spaces.

    These are Chinese, Japanese, Thai, Lao, Burmese, Khmer, Tibetan and their
    neighbours; Korean has spaces.
    """
    joined = "".join(texts)
    if joined.isascii():
        return False
    foreign = "".join(text for text in texts if not text.isascii())
    if 2 * len(foreign) <= len(joined):
        return False
    codes = np.frombuffer(foreign.encode("utf-32-le"), dtype=np.uint32)
    found, counts = np.unique(codes, return_counts=True)
    places = [SCRIPTS.index(name) for name in _UNSEGMENTED]
    share = counts[np.isin(script_places(found), places)].sum()
    return bool(2 * share > len(joined))
