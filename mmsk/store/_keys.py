"""Keys of a store: what an entry was computed from and how."""

import hashlib
import json
import math
from collections.abc import Mapping

import numpy as np

_ARRAY_KINDS = "biufcSUmM"


def _hash(kind: bytes, *pieces) -> bytes:
    # sha256 takes 58 us for 100 kB where the processor has instructions for it,
    # blake2b 107 us (without them sha256 is the slower one by about the same factor;
    # the choice is fixed, or machines could not share a store). The kind comes first
    # and none is the beginning of another, so that no two kinds share a digest.
    digest = hashlib.sha256(b"mmsk." + kind + b"\0", usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def content_digest(content: bytes | str | np.ndarray) -> bytes:
    """Return the fingerprint of the content of a cell.

    Parameters
    ----------
    content : bytes, str or ndarray
        The bytes of a file, a text or an array. A text never has the fingerprint
        of its bytes, nor an array that of another dtype or shape.

    Returns
    -------
    digest : bytes of length 32
        SHA-256 of the kind and the content.

    Raises
    ------
    TypeError
        If `content` is something else, or an array of objects.

    Examples
    --------
    >>> from mmsk.store import content_digest
    >>> content_digest("a cat").hex()[:16]
    '0910f2e9ce1ce10e'
    >>> content_digest("a cat") == content_digest(b"a cat")
    False
    """
    if isinstance(content, bytes):
        return _hash(b"bytes", content)
    if isinstance(content, str):
        # a lone surrogate is content like any other
        return _hash(b"str", content.encode("utf-8", "surrogatepass"))
    if isinstance(content, np.ndarray):
        if content.dtype.kind not in _ARRAY_KINDS:
            raise TypeError(
                f"Cannot digest an array of dtype {content.dtype}: its bytes are not "
                f"its values. Convert it to numbers first."
            )
        head = json.dumps([content.dtype.str, content.shape]).encode()
        return _hash(b"array", head, b"\0", content.tobytes())
    raise TypeError(
        f"Content is bytes, a str or an array, got {type(content).__name__}."
    )


def config_digest(
    store_id: str,
    version: int,
    params: Mapping[str, object],
    extra: Mapping[str, object] | None = None,
) -> bytes:
    """Return the fingerprint of how entries are computed.

    Parameters
    ----------
    store_id : str
        Name of the computation, frozen for ever: ``"mmsk.HOGExtractor"``.
    version : int
        Raised when the computation changes its results.
    params : mapping of str to object
        The parameters that change the output: None, booleans, numbers, strings,
        bytes, arrays, and lists, tuples, sets and mappings of these. A numpy scalar
        counts as the Python number, a tuple as a list.
    extra : mapping of str to object, default=None
        What else changes the output, by the same rules: a digest of the weights,
        versions of decoders, the numeric class.

    Returns
    -------
    digest : bytes of length 32
        SHA-256 of all of this as canonical JSON.

    Raises
    ------
    TypeError
        If a value has no lasting fingerprint, naming the parameter.

    Examples
    --------
    >>> from mmsk.store import config_digest
    >>> config_digest("mmsk.HOGExtractor", 1, {"size": (64, 64)}).hex()[:16]
    '6c5834b1c40bdee3'
    """
    if not isinstance(store_id, str) or not isinstance(version, int):
        raise TypeError(
            f"store_id is a str and version an int, got {store_id!r} and {version!r}."
        )
    described = [
        store_id,
        int(version),
        {name: _canonical(value, name) for name, value in params.items()},
        {name: _canonical(value, name) for name, value in (extra or {}).items()},
    ]
    text = json.dumps(described, sort_keys=True, allow_nan=False)
    return _hash(b"config", text.encode())


def row_key(config: bytes, content: bytes) -> bytes:
    """Return the key of an entry, from how and from what it is computed.

    Parameters
    ----------
    config : bytes
        From `config_digest`.
    content : bytes
        From `content_digest`.

    Returns
    -------
    key : bytes of length 32
        SHA-256 of the two.

    Examples
    --------
    >>> from mmsk.store import config_digest, content_digest, row_key
    >>> config = config_digest("mmsk.HOGExtractor", 1, {})
    >>> row_key(config, content_digest(b"...")).hex()[:16]
    '7a12885c31218897'
    """
    return _hash(b"row", len(config).to_bytes(8, "little"), config, content)


def _canonical(value: object, name: str) -> object:
    """Return JSON that only this value has.

    A JSON object always has one key that says what it stands for, so that a mapping
    cannot be written that looks like an array.
    """
    if isinstance(value, np.generic) and not isinstance(value, bytes | str):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes | np.ndarray):
        try:
            return {"digest": content_digest(value).hex()}
        except TypeError as error:
            raise TypeError(f"Parameter {name!r}: {error}") from error
    if isinstance(value, list | tuple):
        return [_canonical(item, name) for item in value]
    if isinstance(value, set | frozenset):
        items = [_canonical(item, name) for item in value]
        return {"set": sorted(items, key=lambda item: json.dumps(item, sort_keys=True))}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _canonical(item, name) for key, item in value.items()}}
    raise TypeError(
        f"Parameter {name!r} has a value that cannot be digested: {value!r} of type "
        f"{type(value).__name__}. Only None, booleans, numbers, strings, bytes, arrays "
        f"and containers of these (mappings with str keys) have a lasting fingerprint."
    )
