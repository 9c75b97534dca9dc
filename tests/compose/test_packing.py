"""Learned state as JSON and arrays: exact, and nothing that runs code."""

import datetime
import json
import math

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from mmsk.compose._packing import pack, unpack
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor

VALUES = [
    None,
    True,
    -(2**70),
    0.1,
    "a \ud800 \0 猫",
    b"\0\xff",
    slice(1, None, 2),
    [],
    (1, (2.5, [None, "x"])),
    {"a": 1, "b": [1, 2], "c": {}},
    {3: "three", None: 0, ("a", 1): [()]},
    {3},
    frozenset({"b"}),
    {"list": "of", "words": "that look like tags"},
]
ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(20)[::3],
    np.array(3.5),
    np.zeros((0, 4), dtype=np.int8),
    np.zeros(3, dtype="U0"),
    np.array([True, False]),
    np.array([1, 2], dtype=">i4"),
    np.array(["ab", "猫"]),
    np.array([b"a", b"\xff"]),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    np.array([["a", None], [1.5, (1, 2)]], dtype=object),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values(value):
    packed = pack(value)
    again = unpack(packed)
    assert again == value
    assert type(again) is type(value)
    assert pack(again).tobytes() == packed.tobytes()


def test_numbers_that_are_not_finite():
    found = unpack(pack([math.nan, math.inf, -0.0]))
    assert [repr(each) for each in found] == ["nan", "inf", "-0.0"]


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_arrays(array):
    found = unpack(pack({"first": np.ones(3, dtype=np.int8), "array": array}))["array"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()
    assert found.flags.writeable
    assert found.flags.c_contiguous or array.flags.f_contiguous
    assert found.flags.f_contiguous or not array.flags.f_contiguous


@pytest.mark.parametrize(
    "number", [np.float32(0.1), np.int64(-3), np.bool_(True), np.str_("ab")], ids=repr
)
def test_scalars_of_numpy(number):
    found = unpack(pack(number))
    assert found == number
    assert type(found) is type(number)


def test_types_of_numpy():
    assert unpack(pack([np.float64, np.dtype("f4")])) == [np.float64, np.dtype("f4")]


@pytest.mark.parametrize(
    "kind", [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix]
)
def test_sparse(kind):
    matrix = kind(np.array([[0, 2.5, 0], [1, 0, 0]], dtype=np.float32))
    found = unpack(pack(matrix))
    assert type(found) is kind
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), matrix.toarray())


def test_what_stands_in_two_places_is_one_thing():
    words = {"cat": 0}
    array = np.arange(3)
    found = unpack(pack([words, {"again": words, "a": array}, array]))
    assert found[0] is found[1]["again"]
    assert found[2] is found[1]["a"]


def test_an_object_as_large_as_memory_is_not_copied_twice():
    found = unpack(pack([np.ones(1000), np.ones(10)]))
    assert all(not array.flags.owndata for array in found)


@pytest.mark.parametrize("kind", [PCA(2), StandardScaler(), TableExtractor()], ids=str)
def test_fitted_estimators_of_ours_and_of_sklearn(kind):
    X = np.random.default_rng(0).normal(size=(9, 3))
    fitted = kind.fit(X)
    again = unpack(pack(fitted))
    assert type(again) is type(fitted)
    assert vars(again).keys() == vars(fitted).keys()
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_properties_are_not_confused_with_attributes():
    fitted = TfidfExtractor().fit([["red car"], ["blue car"]])
    again = unpack(pack(fitted))
    assert again.vocabulary_ == fitted.vocabulary_
    assert (again.transform([["red"]]) != fitted.transform([["red"]])).nnz == 0


class Foreign:
    """A class of nobody's."""


class Dict(dict):
    """A dict that may be more."""


LOOP = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Foreign(), "Foreign"),
        (Foreign, "type"),
        (len, "builtin_function_or_method"),
        (lambda: 0, "function"),
        (Dict(), "Dict"),
        (LOOP, "contains itself"),
        (datetime.date(2020, 1, 1), "date"),
        (np.random.RandomState(0), "RandomState"),
        (np.random.default_rng(0), "Generator"),
        (np.ma.array([1]), "MaskedArray"),
        (np.zeros(2, dtype="i4,f4"), "array of"),
        ({Foreign()}, "set of things"),
        (sp.coo_array(np.eye(2)), "coo_array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(value, name):
    with pytest.raises(TypeError, match=name):
        pack({"inside": [value]})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("subprocess", "Popen"),
        ("os", "system"),
        ("mmsk.compose._packing", "importlib.machinery.FileFinder"),
        ("mmsk.compose._packing", "pack"),
        ("mmsk.exceptions", "MediaError"),
        ("sklearn.utils", "Bunch"),
    ],
)
def test_no_other_class_is_ever_made(module, name):
    text = json.dumps(["object", module, name, {}]).encode()
    forged = np.frombuffer(len(text).to_bytes(8, "little") + text, dtype=np.uint8)
    with pytest.raises(TypeError, match="not a class that is rebuilt"):
        unpack(forged)
