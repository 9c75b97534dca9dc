"""Warnings that a call has raised, as data, and raised again from it."""

import builtins
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import sklearn.exceptions

import mmsk.exceptions

_HOMES = {
    home.__name__: home for home in (builtins, sklearn.exceptions, mmsk.exceptions)
}


class Told(NamedTuple):
    """A warning: its class, its text and the line that it was raised for."""

    home: str
    name: str
    text: str
    module: str
    line: int


def listen(call: Callable[[], Any]) -> tuple[Any, list[Told]]:
    """Return what a call returns, and of what it has warned.

    The warnings are raised as well, once the call is through, so that filters see
    them as ever. Python's way to catch them is the whole process's: beside the main
    thread nothing is caught, and the list is empty.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(), []
    told: list[Told] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            values = call()
    finally:
        _raise_all(caught, told)
    return values, told


def _raise_all(caught: list[warnings.WarningMessage], told: list[Told]) -> None:
    names = {
        getattr(module, "__file__", None): name
        for name, module in list(sys.modules.items())
        if caught
    }
    for each in caught:
        kind = each.category
        module = names.get(each.filename, each.filename)
        told.append(
            Told(kind.__module__, kind.__name__, str(each.message), module, each.lineno)
        )
        _raise(each.message, kind, module, each.filename, each.lineno)


def can_be_told(told: Told) -> bool:
    """Tell whether a warning is of a class that a text alone rebuilds."""
    kind = _kind(told)
    try:
        return kind is not None and str(kind(told.text)) == told.text
    except TypeError:  # it wants more
        return False


def tell(told: Told) -> None:
    """Raise a warning again, for the line that it was raised for."""
    kind = _kind(told)
    if kind is None:
        return
    file = getattr(sys.modules.get(told.module), "__file__", None) or told.module
    _raise(kind(told.text), kind, told.module, file, told.line)


def _kind(told: Told) -> type[Warning] | None:
    kind = getattr(_HOMES.get(told.home), told.name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Warning) else None


def _raise(
    message: Warning | str, kind: type[Warning], module: str, file: str, line: int
) -> None:
    # where Python itself notes what it has shown for a line
    home = vars(sys.modules[module]) if module in sys.modules else {}
    registry = home.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, kind, file, line, module, registry)
