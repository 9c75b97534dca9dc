"""Where the vectors of words come from."""

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction._cells._file_digest import file_digest, file_state
from mmsk.feature_extraction.text._word_embedding_files import read_vectors

WORDLLAMA = "wordllama"
_LONGEST_PIECE = 256


class WordVectors(NamedTuple):
    """Vectors, and how a word finds its own.

    Attributes
    ----------
    vectors : float32 ndarray of shape (n_vectors, size)
    find : callable
        Returns the rows of the vectors of a word, none for an unknown one.
    cuts_words : bool
        Whether a word is anything between spaces, to be cut by `find`, and not what
        the pattern of words says.
    """

    vectors: NDArray[np.float32]
    find: Callable[[str], list[int]]
    cuts_words: bool = False


def from_table(words: Mapping[str, int], vectors: NDArray[np.float32]) -> WordVectors:
    """Make word vectors of a table."""
    return WordVectors(vectors, lambda word: [words[word]] if word in words else [])


def from_mapping(source: Mapping[str, Any]) -> tuple[dict[str, int], NDArray]:
    """Return the words and vectors of a mapping.

    Raises
    ------
    ValueError
        If it is empty, or the vectors are not finite numbers of one length.
    """
    words = {word: row for row, word in enumerate(source)}
    try:
        vectors = np.array(list(source.values()), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"source: the vectors are not of one length: {error}"
        ) from None
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(
            "source must map each word to a vector of finite numbers, all of one "
            f"length: got an array of shape {vectors.shape}."
        )
    return words, vectors


def source_digest(source: str | os.PathLike) -> str:
    """Return the fingerprint of a file or package of vectors."""
    return "".join(file_digest(path) for path in _files(source))


def load_vectors(source: str | os.PathLike) -> WordVectors:
    """Return the vectors of a file or package, read once in a process.

    Raises
    ------
    ValueError
        If there is no such file or it is no file of vectors.
    ImportError
        If a package is meant that is not installed.
    """
    states = tuple(file_state(path) for path in _files(source))
    return _load_package(states) if len(states) == 2 else _load_file(states)


def _files(source: str | os.PathLike) -> list[Path]:
    """Return the file of vectors, and that of a tokenizer where there is one."""
    path = Path(source)
    if path.is_file():
        return [path]
    if source != WORDLLAMA:
        raise ValueError(
            f"source={str(source)!r} is no file. Pass a file of word vectors (GloVe or "
            f'word2vec), a mapping, "corpus", or "{WORDLLAMA}".'
        )
    spec = find_spec(WORDLLAMA)  # importing it would set up logging for all
    if spec is None:
        raise ImportError(
            f'source="{WORDLLAMA}" needs the package of that name: '
            f'pip install "mmsk[pretrained]"'
        )
    home = Path(spec.submodule_search_locations[0])
    return [
        next(home.glob("weights/*.safetensors")),
        next(home.glob("tokenizers/*_tokenizer_config.json")),
    ]


@lru_cache(maxsize=2)
def _load_file(states: tuple) -> WordVectors:
    return from_table(*read_vectors(states[0][0]))


@lru_cache(maxsize=1)
def _load_package(states: tuple) -> WordVectors:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    (weights, *_), (tokenizer, *_) = states
    (vectors,) = load_file(weights).values()
    tokenizer = Tokenizer.from_file(tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()

    @lru_cache(maxsize=2**17)
    def find(word: str) -> list[int]:
        pieces = range(0, len(word), _LONGEST_PIECE)
        return [
            number
            for start in pieces
            for number in tokenizer.encode(
                word[start : start + _LONGEST_PIECE], add_special_tokens=False
            ).ids
            if number < len(vectors)
        ]

    return WordVectors(vectors.astype(np.float32), find, cuts_words=True)
