"""What the extractors of pictures and of clips know about their cells."""

from functools import cache
from importlib.metadata import version

from mmsk._utils._cell_parts import clips_of, file_of

# of mmsk.media, raised when it makes other pixels of a file, or none
_IMAGE_REVISION = 2

__all__ = ["audio_decoder", "clips_of", "file_of", "image_decoder"]


@cache
def image_decoder() -> str:
    """Return names and versions of what decodes pictures."""
    return f"Pillow {version('pillow')} mmsk.media {_IMAGE_REVISION}"


@cache
def audio_decoder() -> str:
    """Return names and versions of what decodes clips."""
    return f"soundfile {version('soundfile')} soxr {version('soxr')}"
