"""Sizes in bytes, read from and written for people."""

import re
from numbers import Integral

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def parse_size(size: int | str) -> int:
    """Return the number of bytes in `size`, as ``1500``, ``"500MB"`` or ``"2GiB"``.

    A unit is a power of 1000, with an ``i`` a power of 1024.
    """
    if isinstance(size, bool) or not isinstance(size, str | Integral):
        raise TypeError(
            f"A size is a number of bytes or a string like '10GB' or '500MB', got "
            f"{size!r} of type {type(size).__name__}."
        )
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None or (match[3] and not match[2]):
            raise ValueError(
                f"A size is a number and a unit, like '10GB' or '500MB', got {size!r}."
            )
        unit = 1024 if match[3] else 1000
        n_bytes = int(float(match[1]) * unit ** _POWERS[match[2].lower()])
    else:
        n_bytes = int(size)
    if n_bytes < 1:
        raise ValueError(f"A size is at least one byte, got {size!r}.")
    return n_bytes


def format_size(n_bytes: int) -> str:
    """Return `n_bytes` in the largest unit that leaves a number of at least 1."""
    size, units = float(n_bytes), ["TB", "GB", "MB", "kB"]
    if n_bytes < 1000:
        return f"{n_bytes} B"
    # 999,950 would print as "1000.0 kB"
    while units and size >= 999.95:
        size, unit = size / 1000, units.pop()
    return f"{size:.1f} {unit}"
