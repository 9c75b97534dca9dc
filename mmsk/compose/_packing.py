"""What fit has learned as JSON and arrays, and back; nothing is ever pickled."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_ALIGNMENT = 64
_NUMBERS = "biufc"
_TEXTS_AND_TIMES = "USmM"
_PLAIN = frozenset({type(None), bool, int, float, str})
_SPARSE = {
    kind.__name__: kind
    for kind in (sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix)
}
# whose objects may be inside: their classes run no code when they are rebuilt
_HOMES = ("mmsk.", "sklearn.")
_PLAIN_STATES = (object.__getstate__, BaseEstimator.__getstate__)


def pack(value: Any) -> NDArray[np.uint8]:
    """Return numbers, texts, arrays and containers of these as bytes.

    Parameters
    ----------
    value : object
        None, booleans, numbers, str, bytes, slices, lists, tuples, sets, dicts,
        arrays (of objects too), CSR and CSC matrices, NumPy's types, and objects of
        classes of mmsk and scikit-learn that hold nothing else.

    Returns
    -------
    packed : uint8 ndarray of shape (n,)
        The same for the same value, at least in one process.

    Raises
    ------
    TypeError
        If something else is in there, naming its type.
    """
    writer = _Writer()
    text = json.dumps(writer.write(value)).encode()
    pieces = [len(text).to_bytes(8, "little"), text]
    position = sum(map(len, pieces))
    for array in writer.arrays:
        pad = -position % _ALIGNMENT
        pieces += [bytes(pad), array.tobytes()]
        position += pad + array.nbytes
    return np.frombuffer(bytearray().join(pieces), dtype=np.uint8)


def unpack(packed: NDArray[np.uint8]) -> Any:
    """Return what was packed, its arrays views of `packed`.

    Parameters
    ----------
    packed : uint8 ndarray of shape (n,)

    Returns
    -------
    value : object
        Equal to what was packed, with the same types, dtypes and memory layout; an
        object that stood in several places still is one.
    """
    size = int.from_bytes(packed[:8].tobytes(), "little")
    text = packed[8 : 8 + size].tobytes()
    return _Reader(packed, 8 + size).read(json.loads(text))


class _Writer:
    """Turn a value into what JSON can hold; arrays are laid aside.

    In JSON a list stands for anything that is not a scalar: a tag and its content.
    """

    def __init__(self) -> None:
        self.arrays: list[NDArray] = []
        self._done: dict[int, int] = {}
        self._open: set[int] = set()
        self._kept: list[Any] = []  # an id is one object's only while it lives

    def write(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if id(value) in self._done:
            return ["same", self._done[id(value)]]
        if id(value) in self._open:
            raise TypeError(f"a {type(value).__name__} that contains itself")
        self._open.add(id(value))
        self._kept.append(value)
        written = self._write(value)
        self._open.remove(id(value))
        self._done[id(value)] = len(self._done)
        return written

    def _write(self, value: Any) -> list:
        kind = type(value)
        if kind is dict:
            kinds = set(map(type, value.values()))
            if not set(map(type, value)) <= {str}:
                pairs = [[self.write(k), self.write(v)] for k, v in value.items()]
                return ["pairs", pairs]
            if kinds <= _PLAIN:
                return ["dict", value]
            return ["dict", {name: self.write(each) for name, each in value.items()}]
        if kind in (list, tuple):
            return [kind.__name__, [self.write(each) for each in value]]
        if kind in (set, frozenset):
            if not set(map(type, value)) <= _PLAIN:
                raise TypeError(f"a {kind.__name__} of things that have no order")
            return [kind.__name__, sorted(value, key=json.dumps)]
        if kind is bytes:
            return ["bytes", value.hex()]
        if kind is slice:
            parts = (value.start, value.stop, value.step)
            return ["slice", [self.write(part) for part in parts]]
        if kind is np.ndarray:
            return self._write_array(value)
        if isinstance(value, np.generic):
            return ["scalar", self._write_array(np.asarray(value))]
        if isinstance(value, np.dtype) and value.kind in _NUMBERS:
            return ["dtype", value.str]
        if kind is type and issubclass(value, np.generic):
            return ["type", np.dtype(value).str]
        if _SPARSE.get(kind.__name__) is kind:
            arrays = [value.data, value.indices, value.indptr]
            written = [self._write_array(array) for array in arrays]
            return ["sparse", kind.__name__, list(value.shape), written]
        return self._write_object(value)

    def _write_array(self, array: NDArray) -> list:
        if array.dtype == object:
            cells = [self.write(cell) for cell in array.ravel().tolist()]
            return ["objects", list(array.shape), cells]
        if array.dtype.kind not in _NUMBERS + _TEXTS_AND_TIMES or array.dtype.names:
            raise TypeError(f"an array of {array.dtype}")
        by_column = array.flags.f_contiguous and not array.flags.c_contiguous
        self.arrays.append(np.ascontiguousarray(array.T if by_column else array))
        return ["array", array.dtype.str, list(array.shape), by_column]

    def _write_object(self, value: Any) -> list:
        kind = type(value)
        if not _is_transparent(kind):
            raise TypeError(f"a {kind.__name__}")
        state = {name: self.write(each) for name, each in _attributes(value)}
        return ["object", kind.__module__, kind.__qualname__, state]


class _Reader:
    def __init__(self, packed: NDArray[np.uint8], position: int) -> None:
        self._packed = packed
        self._position = position
        self._done: list[Any] = []

    def read(self, written: Any) -> Any:
        if type(written) is not list:
            return written
        if written[0] == "same":
            return self._done[written[1]]
        value = self._read(*written)
        self._done.append(value)
        return value

    def _read(self, tag: str, *content: Any) -> Any:
        if tag == "dict":
            return {name: self.read(each) for name, each in content[0].items()}
        if tag == "pairs":
            return {self.read(name): self.read(each) for name, each in content[0]}
        if tag in ("list", "tuple", "slice"):
            parts = [self.read(each) for each in content[0]]
            if tag == "slice":
                return slice(*parts)
            return parts if tag == "list" else tuple(parts)
        if tag in ("set", "frozenset"):
            return set(content[0]) if tag == "set" else frozenset(content[0])
        if tag == "bytes":
            return bytes.fromhex(content[0])
        if tag in ("array", "objects"):
            return self._read_array(tag, *content)
        if tag == "scalar":
            return self._read_array(*content[0])[()]
        if tag == "dtype":
            return np.dtype(content[0])
        if tag == "type":
            return np.dtype(content[0]).type
        if tag == "sparse":
            kind, shape, arrays = content
            parts = tuple(self._read_array(*array) for array in arrays)
            return _SPARSE[kind](parts, tuple(shape), copy=False)
        return self._read_object(*content)

    def _read_array(self, tag: str, *content: Any) -> NDArray:
        if tag == "objects":
            shape, cells = content
            flat = np.empty(len(cells), dtype=object)
            for position, cell in enumerate(cells):
                flat[position] = self.read(cell)
            return flat.reshape(shape)
        name, shape, by_column = content
        dtype = np.dtype(name)
        self._position += -self._position % _ALIGNMENT
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        part = self._packed[self._position : self._position + size]
        self._position += size
        if size == 0:  # a text of no characters has no bytes to look at
            return np.zeros(shape, dtype=dtype, order="F" if by_column else "C")
        array = part.view(dtype)
        return array.reshape(shape[::-1]).T if by_column else array.reshape(shape)

    def _read_object(self, module: str, name: str, state: dict) -> Any:
        kind = _find(module, name)
        value = object.__new__(kind)
        slots = set(_slots(kind))
        for attribute, each in state.items():
            if attribute in slots:
                object.__setattr__(value, attribute, self.read(each))
            else:
                vars(value)[attribute] = self.read(each)
        return value


def _is_transparent(kind: type) -> bool:
    """Tell whether an object is its attributes, and its class one that we trust."""
    if not kind.__module__.startswith(_HOMES) or issubclass(kind, type | BaseException):
        return False
    plain = kind.__getstate__ in _PLAIN_STATES or is_dataclass(kind)
    plain = plain or getattr(kind, "_state_is_plain", False)
    return (
        plain
        and kind.__new__ is object.__new__
        and kind.__reduce__ is object.__reduce__
        and kind.__reduce_ex__ is object.__reduce_ex__
    )


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    for name in _slots(type(value)):
        if hasattr(value, name):
            yield name, getattr(value, name)
    if getattr(value, "_state_is_plain", False):
        yield from value.__getstate__().items()
    else:
        yield from getattr(value, "__dict__", {}).items()


def _slots(kind: type) -> Iterator[str]:
    for each in kind.__mro__:
        slots = vars(each).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield name


def _find(module: str, name: str) -> type:
    if not module.startswith(_HOMES):
        raise TypeError(f"{module}.{name} is not a class that is rebuilt")
    kind: Any = importlib.import_module(module)
    for part in name.split("."):
        kind = getattr(kind, part)
    if not isinstance(kind, type) or not _is_transparent(kind):
        raise TypeError(f"{module}.{name} is not a class that is rebuilt")
    return kind
