"""What of an MP3 file is handed to the decoder."""

import re
from functools import cache
from typing import NamedTuple

from ..exceptions import MediaError
from ._audio_source import AudioSource

_KBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44100, 48000, 32000)  # of MPEG 1; MPEG 2 has a half, 2.5 a quarter
_DIVISORS = {0b11: 1, 0b10: 2, 0b00: 4}  # by the version's bits
_LAYER_3 = 0b01
# how a header starts: with a checksum or without, of one of the versions
_SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")


class _Frame(NamedTuple):
    """What a frame's header says."""

    n_bytes: int
    stream: tuple[int, int]  # version and rate: the same in all frames


def is_mp3(data: bytes) -> bool:
    """Tell whether a file starts with two frames, or with one that reaches its end."""
    first = _frame(data, 0)
    if first is None:
        return False
    return first.n_bytes + 3 > len(data) or _is_followed(data, 0)


def strip_mp3(data: bytes) -> AudioSource:
    """Walk over the frames of an MP3 file and leave out what follows them.

    Parameters
    ----------
    data : bytes
        The file, from its first frame.

    Returns
    -------
    source : AudioSource
        The frames, all that the first one states, where it does.

    Raises
    ------
    MediaError
        With code TRUNCATED or CORRUPT.
    """
    first = frame = _frame(data, 0)
    count = position = 0
    while frame is not None and frame.stream == first.stream:
        count += 1
        position += frame.n_bytes
        frame = _frame(data, position)
    if position > len(data):
        raise MediaError("TRUNCATED", "a truncated MP3")
    if any(_is_followed(data, m.start()) for m in _SYNC.finditer(data, position)):
        raise MediaError("CORRUPT", "an MP3 with garbage between its frames")
    head, stated = b"", _stated_count(data[: first.n_bytes])
    if stated is None:
        head = _count_frame(data[:4], count)
    elif count < stated:  # the frame that states it may be counted or not
        raise MediaError("TRUNCATED", "an MP3 that is shorter than it claims")
    elif count > stated + 1:
        raise MediaError("CORRUPT", "an MP3 that is longer than it claims")
    subtypes = frozenset({"MPEG_LAYER_III"})
    return AudioSource("MP3", head + data[:position], "MP3", subtypes)


def _frame(data: bytes, position: int) -> _Frame | None:
    head = data[position : position + 3]
    return _parse(head[1], head[2]) if len(head) == 3 and head[0] == 0xFF else None


@cache
def _parse(second: int, third: int) -> _Frame | None:
    divisor = _DIVISORS.get(second >> 3 & 3)
    kbits, rate = third >> 4, third >> 2 & 3
    if second >> 5 != 0b111 or divisor is None or second >> 1 & 3 != _LAYER_3:
        return None
    if kbits in (0, 15) or rate == 3:
        return None
    hz = _RATES[rate] // divisor
    bits = 1000 * (_KBITS_1 if divisor == 1 else _KBITS_2)[kbits - 1]
    n_samples = 1152 if divisor == 1 else 576
    padding = third >> 1 & 1
    n_bytes = n_samples // 8 * bits // hz + padding
    return _Frame(n_bytes, (divisor, hz))


def _is_followed(data: bytes, position: int) -> bool:
    """Tell whether a frame starts here and another one of its stream follows it."""
    frame = _frame(data, position)
    if frame is None:
        return False
    follower = _frame(data, position + frame.n_bytes)
    return follower is not None and follower.stream == frame.stream


def _stated_count(first: bytes) -> int | None:
    """Return how many frames a first frame says there are, if it says so."""
    place = _count_place(first)
    if first[place : place + 4] not in (b"Xing", b"Info") or not first[place + 7] & 1:
        return None
    return int.from_bytes(first[place + 8 : place + 12], "big")


def _count_frame(head: bytes, count: int) -> bytes:
    """Return a first frame that says how many follow.

    Without one, the decoder takes the first frame's size for that of all and stops
    where the file would then end: a variable rate comes back short.
    """
    # no checksum, and a size that holds the statement in every version
    head = bytes([0xFF, head[1] | 1, 8 << 4 | head[2] & 0x0C, head[3]])
    statement = b"Info\0\0\0\1" + count.to_bytes(4, "big")
    frame = head.ljust(_count_place(head), b"\0") + statement
    return frame.ljust(_parse(head[1], head[2]).n_bytes, b"\0")


def _count_place(head: bytes) -> int:
    """Return where in a frame the count stands: behind its side information."""
    is_mpeg_1, is_mono = head[1] >> 3 & 1, head[3] >> 6 == 3
    return 4 + ((17 if is_mono else 32) if is_mpeg_1 else (9 if is_mono else 17))
