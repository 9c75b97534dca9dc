"""What of a sound file is handed to the decoder."""

from typing import NamedTuple

from ..exceptions import MediaError

_ID3 = b"ID3"


class RawLayout(NamedTuple):
    """How samples lie in memory.

    Attributes
    ----------
    rate : int
        In Hz.
    n_channels : int
    subtype : str
        libsndfile's name of a sample's type.
    endian : {"LITTLE", "BIG"}
    """

    rate: int
    n_channels: int
    subtype: str
    endian: str


class AudioSource(NamedTuple):
    """A file that was found whole, stripped to what makes the sound.

    Attributes
    ----------
    kind : str
        Name of its format, for messages.
    data : bytes
        A file of libsndfile's format `container`, or bare samples.
    container : str
        ``"RAW"`` for bare samples.
    subtypes : frozenset of str
        The codecs that the container may hold.
    layout : RawLayout or None
        Of bare samples.
    n_samples : int or None
        Samples of a channel that must come out. ``None``: as many as the decoder
        itself finds in the header.
    """

    kind: str
    data: bytes
    container: str
    subtypes: frozenset[str]
    layout: RawLayout | None = None
    n_samples: int | None = None


# bytes of a sample
SAMPLE_BYTES = {
    "PCM_U8": 1,
    "PCM_S8": 1,
    "ULAW": 1,
    "ALAW": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
}


def raw_source(kind: str, body: memoryview, layout: RawLayout) -> AudioSource:
    """Return the source of bare samples; a part of a sample at the end is left out."""
    frame = SAMPLE_BYTES[layout.subtype] * layout.n_channels
    n_samples = len(body) // frame if frame else 0
    return AudioSource(
        kind,
        bytes(body[: n_samples * frame]),
        "RAW",
        frozenset({layout.subtype}),
        layout,
        n_samples,
    )


def without_tags(data: bytes) -> bytes:
    """Leave out ID3 tags at the start of a file, and the zeros that pad them."""
    position = 0
    while data.startswith(_ID3, position) and position + 10 <= len(data):
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        has_footer = data[position + 5] & 0x10
        position += 10 + size + (10 if has_footer else 0)
    if not position:
        return data
    if position >= len(data):
        raise MediaError("TRUNCATED", "a file that ends within its tag")
    return data[position:].lstrip(b"\0")
