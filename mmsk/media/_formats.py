"""Tell what a file is by its first bytes, never by its name."""

import re

from ..exceptions import MediaError

IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")

_SIGNATURES = (
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("GIF", rb"GIF8[79]a"),
    ("WEBP", rb"RIFF....WEBP"),
    # "BM" alone would take in text: the size of the second header follows
    ("BMP", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("TIFF", rb"II[*+]\0|MM\0[*+]"),
    # pictures that are known, but not read
    ("AVIF", rb"....ftypavi[fs]"),
    ("HEIC", rb"....ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1)"),
    ("JPEG 2000", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL "),
    ("PSD", rb"8BPS"),
    ("ICO", rb"\0\0[\1\2]\0[^\0]\0"),
    ("PNM", rb"P[1-7][\s#]"),
    ("DDS", rb"DDS "),
    ("QOI", rb"qoif"),
)
_SIGNATURE = re.compile(
    b"|".join(b"(%b)" % pattern for _, pattern in _SIGNATURES), re.DOTALL
)

# what is often found where a picture should be
_LOOKALIKES = (
    (rb"version https://git-lfs", "a Git LFS pointer", "Run git lfs pull."),
    (rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg", "an SVG drawing", None),
    (rb"<!doctype html|<html", "an HTML page", "Check how it was downloaded."),
    (rb"%!ps|\xc5\xd0\xd3\xc6", "a PostScript file", None),
    (rb"%pdf-", "a PDF file", None),
    (rb"\0{16}", "a file of zeros", "Check how it was copied."),
)


def sniff_image(data: bytes) -> str:
    """Return the format of a picture file.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    format : str
        One of ``IMAGE_FORMATS``.

    Raises
    ------
    MediaError
        With code FORMAT_NOT_ALLOWED for a picture in another format and
        UNKNOWN_FORMAT for anything else.

    Examples
    --------
    >>> from mmsk.media._formats import sniff_image
    >>> sniff_image(b"GIF89a and so on")
    'GIF'
    """
    found = _SIGNATURE.match(data)
    if found is None:
        raise _unknown(data)
    name = _SIGNATURES[found.lastindex - 1][0]
    if name not in IMAGE_FORMATS:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"a picture in the format {name}",
            advice=f"Convert it to one of {', '.join(IMAGE_FORMATS)}.",
        )
    return name


def _unknown(data: bytes) -> MediaError:
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    for pattern, kind, advice in _LOOKALIKES:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return MediaError("UNKNOWN_FORMAT", f"{kind}, not a picture", advice=advice)
    return MediaError("UNKNOWN_FORMAT", f"not a picture: it starts with {data[:12]!r}")
