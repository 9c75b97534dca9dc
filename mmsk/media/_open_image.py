"""Decode picture files through Pillow's codecs, none of its globals in the way.

``Image.open`` and ``load`` obey module variables that any other library may set
(``LOAD_TRUNCATED_IMAGES`` turns damage into grey halves, ``MAX_IMAGE_PIXELS`` warns
or raises), and their parsers warn, while ``warnings.catch_warnings`` must not be
used from threads. So each file is first stripped to what makes the picture, which
settles size, completeness and orientation; then its plugin reads the header, and
the codec is run here.
"""

import io

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ERRORS, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import SAMPLEFORMAT, TiffImageFile

from ..exceptions import MediaError
from ._exif import SWAPS_SIDES, UPRIGHT, read_orientation
from ._formats import sniff_image
from ._gif import strip_gif
from ._image_modes import to_rgb
from ._jpeg import strip_jpeg
from ._limits import check_memory, check_pixels
from ._png import strip_png
from ._tiff import strip_tiff
from ._webp import decode_webp

_NO_MEMORY = next(code for code, text in ERRORS.items() if "memory" in text)


def open_image(
    data: bytes, *, target_size: tuple[int, int] | None, max_pixels: int
) -> Image.Image:
    """Decode a picture file to upright 8-bit RGB.

    Parameters
    ----------
    data : bytes
        The file.
    target_size : (int, int) or None
        Height and width to which the picture will be shrunk; a JPEG is decoded at
        a lower resolution, at least twice this size.
    max_pixels : int
        Limit on width times height.

    Returns
    -------
    rgb : PIL.Image.Image
        In the mode RGB.

    Raises
    ------
    MediaError
        For a file that is not a whole picture in an allowed format.
    """
    name = sniff_image(data)
    try:
        picture, orientation = _DECODERS[name](data, target_size, max_pixels)
        return to_rgb(turn_upright(picture, orientation))
    except (MediaError, MemoryError):
        raise
    # Pillow's parsers raise whatever a broken file makes of them: SyntaxError,
    # KeyError, struct.error, OSError, ValueError and more
    except Exception as error:
        raise MediaError("CORRUPT", f"a damaged {name} ({error})") from error


def load_picture(picture: Image.Image, max_pixels: int) -> Image.Image:
    """Bring an open picture to upright 8-bit RGB.

    The frame at which an animation stands is taken. A file that somebody else
    opened is loaded by Pillow's own rules, its globals included.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture, loaded or not.
    max_pixels : int
        Limit on width times height.

    Returns
    -------
    rgb : PIL.Image.Image
        In the mode RGB.

    Raises
    ------
    MediaError
        If it has too many pixels or its file is damaged.
    """
    check_pixels(*picture.size, max_pixels)
    try:
        picture.load()
        orientation = read_orientation(picture.info.get("exif") or b"")
        return to_rgb(turn_upright(picture, orientation))
    except (MediaError, MemoryError):
        raise
    except Exception as error:  # as above
        code = "TRUNCATED" if "truncated" in str(error) else "CORRUPT"
        raise MediaError(code, f"a damaged picture ({error})") from error


def turn_upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Undo the rotation and mirroring that an EXIF orientation (1 to 8) states."""
    name = UPRIGHT.get(orientation)
    if name is None:
        return picture
    return picture.transpose(Image.Transpose[name])


class _Reader(io.BytesIO):
    """A file in memory that has all that is asked of it, or is truncated."""

    def read(self, size=-1):
        data = super().read(size)
        if size is not None and len(data) < size:
            raise MediaError("TRUNCATED", "a file that ends too early")
        return data


def _decode_jpeg(data, target_size, max_pixels):
    clean, orientation = strip_jpeg(data, max_pixels)
    picture = JpegImageFile(_Reader(clean))
    if target_size is not None:
        height, width = target_size
        if orientation in SWAPS_SIDES:
            height, width = width, height
        picture.draft(None, (2 * width, 2 * height))
    return _run_codec(picture, clean), orientation


def _decode_png(data, target_size, max_pixels):
    clean, orientation = strip_png(data, max_pixels)
    return _run_codec(PngImageFile(_Reader(clean)), clean), orientation


def _decode_gif(data, target_size, max_pixels):
    clean, transparent = strip_gif(data, max_pixels)
    picture = _run_codec(GifImageFile(_Reader(clean)), clean)
    if transparent is not None:  # a global of the plugin may have withheld it
        picture.info["transparency"] = transparent
    return picture, 1


def _decode_bmp(data, target_size, max_pixels):
    picture = BmpImageFile(_Reader(data))
    check_pixels(*picture.size, max_pixels)
    return _run_codec(picture, data), 1


def _decode_tiff(data, target_size, max_pixels):
    clean, orientation = strip_tiff(data, max_pixels)
    try:
        picture = TiffImageFile(_Reader(clean))
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            raise
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            "a TIFF of pixels that Pillow does not know (by their type, their number "
            "of samples or their colour space)",
            advice="Save it again as PNG, or pass an array.",
        ) from error
    # made here, for the plugin would ask MAX_IMAGE_PIXELS first
    picture.im = Image.new(picture.mode, picture.size).im
    return _as_unsigned(_run_codec(picture, clean)), orientation


def _as_unsigned(picture: TiffImageFile) -> Image.Image:
    """Undo that the largest whole numbers of 32 bits are taken for negative ones."""
    is_signed = picture.tag_v2.get(SAMPLEFORMAT, (1,))[0] != 1
    if picture.mode != "I" or is_signed or picture.getextrema()[0] >= 0:
        return picture
    return Image.fromarray(np.asarray(picture).view(np.uint32).astype(np.float32))


def _decode_webp(data, target_size, max_pixels):
    return decode_webp(data, max_pixels)


_DECODERS = {
    "JPEG": _decode_jpeg,
    "PNG": _decode_png,
    "GIF": _decode_gif,
    "WEBP": _decode_webp,
    "BMP": _decode_bmp,
    "TIFF": _decode_tiff,
}


def _run_codec(picture: ImageFile, data: bytes) -> Image.Image:
    """Fill a picture whose header has been read.

    Does what ``picture.load()`` does, with the file in one piece, and never takes a
    part of a picture for the whole.
    """
    tiles, picture.tile = picture.tile, []
    picture.load_prepare()
    view = memoryview(data)
    for name, box, offset, arguments in tiles:
        codec = Image._getdecoder(picture.mode, name, arguments, picture.decoderconfig)
        try:
            codec.setimage(picture.im, box)
            if codec.pulls_fd:
                picture.fp.seek(offset)
                codec.setfd(picture.fp)
                consumed, status = codec.decode(b"")
            else:
                consumed, status = codec.decode(view[offset:])
        finally:
            codec.cleanup()
        if status == _NO_MEMORY and name != "libtiff":  # there: sizes that differ
            raise MemoryError
        if status < 0:
            check_memory(*picture.size)
            text = ERRORS.get(status, f"error {status}")
            raise MediaError("CORRUPT", f"a damaged {picture.format} ({text})")
        if consumed >= 0:  # it waits for more
            raise MediaError("TRUNCATED", f"a truncated {picture.format}")
    return picture
