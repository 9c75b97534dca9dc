"""Near-duplicate pictures: hashes that stay when a picture is stored again."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

THUMBNAIL = 32
"""Side in pixels of the picture that is hashed."""

FIELDS = 8
"""Side of the grid of mean colours."""

N_BITS = 256
_SIDE = 16
_MARGIN = 4.0
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

_TILE = 512
_MAX_DIFFERENCE = 4.0


def perceptual_hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hash what pictures show: their coarse structure in grey.

    Of the orthonormal discrete cosine transform of the grey thumbnail, the 16 x 16
    lowest coefficients are kept; a bit says whether its coefficient exceeds their
    median by more than 4. Zauner's hash [1]_ has 8 x 8 bits and no such margin; what
    is symmetric or mostly white has many coefficients near zero, whose bits the
    margin keeps from following rounding: of clip art saved again as JPEG at quality
    75, up to 64 bits of 256 differed without it and 12 with it.

    Parameters
    ----------
    thumbnails : uint8 ndarray of shape (n, 32, 32, 3)
        RGB.

    Returns
    -------
    hashes : uint8 ndarray of shape (n, 32)
        256 bits each.

    References
    ----------
    .. [1] C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
           Functions", thesis, Upper Austria University of Applied Sciences, 2010.
    """
    spectrum = dctn(thumbnails @ _GREY, axes=(1, 2), norm="ortho")
    lowest = spectrum[:, :_SIDE, :_SIDE].reshape(len(thumbnails), N_BITS)
    threshold = np.median(lowest, axis=1, keepdims=True) + _MARGIN
    return np.packbits(lowest > threshold, axis=1)


def similar_pairs(
    hashes: NDArray[np.uint8], colours: NDArray[np.uint8], max_bits: int
) -> Iterator[tuple[int, int, int]]:
    """Yield all pairs of pictures that show the same in the same colours.

    Every pair of hashes is compared, in tiles of 512 x 512: n**2 / 2 times four
    words, in constant memory. Where they agree, the root mean square difference of
    the colours must not pass 4 grey levels, which keeps the red and the blue variant
    of one product apart, whose hashes are equal. Pictures with `max_bits` bits or
    fewer are left out: they could not be told from a blank one, nor from each other.

    Parameters
    ----------
    hashes : uint8 ndarray of shape (n, 32)
    colours : uint8 ndarray of shape (n, n_values)
        The picture in little.
    max_bits : int
        How many bits may differ.

    Yields
    ------
    first, second : int
        Positions, first < second.
    distance : int
        How many bits differ.
    """
    told = np.flatnonzero(np.bitwise_count(hashes).sum(axis=1) > max_bits)
    words = np.ascontiguousarray(hashes[told]).view(np.uint64)  # (n, 4)
    for top in range(0, len(words), _TILE):
        rows = words[top : top + _TILE]
        for left in range(top, len(words), _TILE):
            columns = words[left : left + _TILE]
            distances = np.zeros((len(rows), len(columns)), dtype=np.uint16)
            for word in range(words.shape[1]):
                unequal = rows[:, word, None] ^ columns[:, word]
                distances += np.bitwise_count(unequal)
            i, j = np.nonzero(distances <= max_bits)
            later = i + top < j + left
            found = distances[i, j][later]
            i, j = told[i[later] + top], told[j[later] + left]
            same = _same_colours(colours, i, j)
            yield from zip(
                i[same].tolist(), j[same].tolist(), found[same].tolist(), strict=True
            )


def _same_colours(
    colours: NDArray[np.uint8], i: NDArray[np.intp], j: NDArray[np.intp]
) -> NDArray[np.bool_]:
    same = np.empty(len(i), dtype=bool)
    for start in range(0, len(i), 4096):  # a tile can be all pairs
        part = slice(start, start + 4096)
        difference = colours[i[part]].astype(np.float32) - colours[j[part]]
        same[part] = (difference**2).mean(axis=1) <= _MAX_DIFFERENCE**2
    return same
