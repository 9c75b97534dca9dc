"""Decoding: from a cell of a table to an array.

Cells are paths, bytes, open pictures or arrays; whatever is wrong with one is a
`mmsk.exceptions.MediaError` with a code.
"""

from ._decode_audio import decode_audio
from ._decode_image import decode_image
from ._read_audio import read_audio
from ._read_image import read_image
from ._resize_image import resize_image

__all__ = ["decode_audio", "decode_image", "read_audio", "read_image", "resize_image"]
