"""Orientation of a picture, read without Pillow's warnings about the rest."""

import struct

# what turns a stored picture upright: name of a PIL.Image.Transpose
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
SWAPS_SIDES = frozenset({5, 6, 7, 8})

_ORIENTATION = 274
_INTEGERS = {1: "B", 3: "H", 4: "L"}  # field type to struct code


def read_orientation(exif: bytes) -> int:
    """Return the orientation that an EXIF block states.

    Only the first directory is looked at, entry by entry; whatever is broken
    reads as "upright".

    Parameters
    ----------
    exif : bytes
        The block, with or without its ``Exif`` marker.

    Returns
    -------
    orientation : int
        1 (upright) to 8.
    """
    start = 0
    while exif.startswith(b"Exif\0\0", start):  # some cameras write it twice
        start += 6
    order = {b"II": "<", b"MM": ">"}.get(bytes(exif[start : start + 2]))
    if order is None:
        return 1
    try:
        (where,) = struct.unpack_from(order + "L", exif, start + 4)
        where += start
        (n_entries,) = struct.unpack_from(order + "H", exif, where)
        for entry in range(where + 2, where + 2 + 12 * n_entries, 12):
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            if tag == _ORIENTATION and kind in _INTEGERS:
                (value,) = struct.unpack_from(order + _INTEGERS[kind], exif, entry + 8)
                return value if value in UPRIGHT else 1
    except struct.error:  # it ends too early
        pass
    return 1
