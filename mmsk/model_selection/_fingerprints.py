"""Fingerprints of pictures, clips and texts, as rows of a feature store."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells._media_cells import audio_decoder, image_decoder
from mmsk.media import decode_audio, decode_image, resize_image
from mmsk.model_selection._perceptual_hash import (
    FIELDS,
    N_BITS,
    THUMBNAIL,
    perceptual_hashes,
)
from mmsk.store import config_digest, content_digest

# a store keeps float32, in which 16 bits are exact
_N_DIGEST = 16
_N_HASH = N_BITS // 16


class Fingerprint(NamedTuple):
    """How contents of one modality are told from each other.

    Attributes
    ----------
    width : int
        Number of values. The first 16 are a digest of what the content is when
        decoded; pictures have their perceptual hash and mean colours behind it.
    compute : callable
        From a list of contents to a row or a MediaError for each.
    versions : callable
        Returns what else changes the values.
    stored : bool
        Whether computing one costs more than looking it up.
    """

    width: int
    compute: Callable[[list], list]
    versions: Callable[[], Mapping[str, object]]
    stored: bool = True

    def config(self) -> bytes:
        """Return the digest of how values are computed."""
        name = f"mmsk.check_leakage.{self.compute.__name__}"
        return config_digest(name, 1, {}, self.versions())


def identity(value: NDArray[np.float32]) -> bytes:
    """Return what two contents have in common if they are equal when decoded."""
    return value[:_N_DIGEST].tobytes()


def pictures(contents: list) -> list[NDArray[np.float32] | MediaError]:
    """Return the fingerprints of pictures, of 224 values each."""
    values: list = [None] * len(contents)
    good, digests, thumbnails, colours = [], [], [], []
    for position, content in enumerate(contents):
        try:
            picture = decode_image(content)
        except MediaError as error:
            values[position] = error.with_traceback(None)
            continue
        good.append(position)
        digests.append(_as_values(content_digest(picture)))
        thumbnails.append(resize_image(picture, THUMBNAIL, resample="lanczos"))
        colours.append(resize_image(picture, FIELDS, resample="lanczos").ravel())
    if good:
        hashes = _as_values(perceptual_hashes(np.stack(thumbnails)))
        for row in zip(good, digests, hashes, colours, strict=True):
            values[row[0]] = np.concatenate(row[1:]).astype(np.float32)
    return values


def hash_and_colours(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the hashes (n, 32) and colours (n, 192) of fingerprints of pictures."""
    hashes = values[:, _N_DIGEST : _N_DIGEST + _N_HASH].astype("<u2").view(np.uint8)
    return hashes, values[:, _N_DIGEST + _N_HASH :].astype(np.uint8)


def clips(contents: list) -> list[NDArray[np.float32] | MediaError]:
    """Return the fingerprints of clips: of their samples and rate, one channel."""
    values = []
    for content in contents:
        try:
            samples, rate = decode_audio(content)
            digest = content_digest(content_digest(samples) + rate.to_bytes(8, "big"))
            values.append(_as_values(digest))
        except MediaError as error:
            values.append(error.with_traceback(None))
    return values


def texts(contents: list[str]) -> list[NDArray[np.float32]]:
    """Return the fingerprints of texts: without case, and a space is a space."""
    return [_as_values(content_digest(normalised(text))) for text in contents]


def normalised(text: str) -> str:
    """Return a text by which those that differ in case and spaces only are equal."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _as_values(data: bytes | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return bytes, or rows of them, as numbers of 16 bits each."""
    if isinstance(data, bytes):
        data = np.frombuffer(data, dtype=np.uint8)
    return data.view("<u2").astype(np.float32)


def _no_versions() -> dict[str, Any]:
    return {}


FINGERPRINTS = {
    "image": Fingerprint(
        _N_DIGEST + _N_HASH + 3 * FIELDS**2,
        pictures,
        lambda: {"decoder": image_decoder()},
    ),
    "audio": Fingerprint(_N_DIGEST, clips, lambda: {"decoder": audio_decoder()}),
    "text": Fingerprint(_N_DIGEST, texts, _no_versions, stored=False),
}
"""How contents are compared, by modality."""
