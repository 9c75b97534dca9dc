"""Tell what a sound file is by its first bytes, never by its name."""

import re

from ..exceptions import MediaError
from ._audio_mp3 import is_mp3

AUDIO_FORMATS = ("WAV", "AIFF", "FLAC", "OGG", "MP3")

_SIGNATURES = (
    ("WAV", rb"RIFF....WAVE"),
    ("AIFF", rb"FORM....AIF[FC]"),
    ("FLAC", rb"fLaC"),
    ("OGG", rb"OggS"),
    # sounds that are known, but not read
    ("AU", rb"\.snd|dns\."),
    ("CAF", rb"caff"),
    ("RF64", rb"RF64|BW64|RIFX"),
    ("W64", rb"riff\x2e\x91\xcf\x11"),
    ("MATLAB", rb"MATLAB 5\.0|.\0\0\0.{8}\0{4}\x0b\0\0\0samplerate"),
    ("VOC", rb"Creative Voice File"),
    ("NIST", rb"NIST_1A"),
    ("8SVX", rb"FORM....(?:8SVX|16SV)"),
    ("MPEG-4", rb"....ftyp"),
    ("Windows Media", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("Matroska", rb"\x1a\x45\xdf\xa3"),
    ("AMR", rb"#!AMR"),
    ("AAC", rb"\xff[\xf0\xf1\xf8\xf9]"),
    ("MPEG layer II", rb"\xff[\xf4\xf5\xfc\xfd]"),
    ("WavPack", rb"wvpk"),
    ("MIDI", rb"MThd"),
)
_SIGNATURE = re.compile(
    b"|".join(b"(%b)" % pattern for _, pattern in _SIGNATURES), re.DOTALL
)

# what is often found where a clip should be
_LOOKALIKES = (
    (rb"version https://git-lfs", "a Git LFS pointer", "Run git lfs pull."),
    (rb"<!doctype html|<html", "an HTML page", "Check how it was downloaded."),
    (rb"\0{16}", "a file of zeros", "Check how it was copied."),
    (rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP", "a picture", None),
)


def sniff_audio(data: bytes) -> str:
    """Return the format of a sound file.

    Parameters
    ----------
    data : bytes
        The file, without tags at its start.

    Returns
    -------
    format : str
        One of ``AUDIO_FORMATS``.

    Raises
    ------
    MediaError
        With code FORMAT_NOT_ALLOWED for a sound in another format and
        UNKNOWN_FORMAT for anything else.

    Examples
    --------
    >>> from mmsk.media._audio_formats import sniff_audio
    >>> sniff_audio(b"RIFF....WAVEfmt ")
    'WAV'
    """
    if is_mp3(data):
        return "MP3"
    found = _SIGNATURE.match(data)
    if found is None:
        raise _unknown(data)
    name = _SIGNATURES[found.lastindex - 1][0]
    if name not in AUDIO_FORMATS:
        raise MediaError(
            "FORMAT_NOT_ALLOWED",
            f"a sound in the format {name}",
            advice=f"Convert it to one of {', '.join(AUDIO_FORMATS)}.",
        )
    return name


def _unknown(data: bytes) -> MediaError:
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    for pattern, kind, advice in _LOOKALIKES:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return MediaError("UNKNOWN_FORMAT", f"{kind}, not a sound", advice=advice)
    return MediaError("UNKNOWN_FORMAT", f"not a sound: it starts with {data[:12]!r}")
