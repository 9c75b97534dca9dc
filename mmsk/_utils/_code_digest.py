"""The code of a class that no library with a version holds."""

import hashlib
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

_VERSIONED = ("mmsk.", "sklearn.", "builtins.", "abc.", "typing.")
# where what is put around a function keeps it
_WRAPPED = ("__func__", "fget", "fset", "fn", "func")
_PLAIN = (bool, int, float, str, bytes, tuple, type(None))


def code_digest(kind: type) -> str:
    """Return the fingerprint of the methods that a user's class has or inherits.

    That of functions which they call is not in it, nor what stands in attributes of
    the class: these may be counters.

    Parameters
    ----------
    kind : type

    Returns
    -------
    digest : str
        Empty for a class of mmsk or scikit-learn, whose versions say what they do.
    """
    digest, is_known = hashlib.sha256(usedforsecurity=False), True
    for base in kind.__mro__:
        if f"{base.__module__}.".startswith(_VERSIONED):
            continue
        is_known = False
        for name, value in sorted(vars(base).items()):
            for piece in _pieces(value):
                digest.update(f"{name}\0{piece}\0".encode())
    return "" if is_known else digest.hexdigest()


def _pieces(value: Any) -> Iterator[str]:
    """Yield what a member of a class does, if it is a function or holds some."""
    if isinstance(value, type):
        return
    for name in _WRAPPED:
        inner = inspect.getattr_static(value, name, None)
        if inner is not None:
            yield from _pieces(getattr(value, name))
    function = inspect.unwrap(value) if callable(value) else value
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        yield from _of_code(code)
        defaults = [function.__defaults__, function.__kwdefaults__]
        yield repr([each for each in defaults if _is_plain(each)])


def _of_code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant)
        elif isinstance(constant, frozenset):  # in another order in each process
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)
