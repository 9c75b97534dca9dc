import enum
import json
import subprocess
import sys

import numpy as np
import pytest

from mmsk.store import config_digest, content_digest, row_key

# Frozen: another value means that every store in the world is read in vain.
LITERAL = {
    "bytes": "8450909b456d93c4915a7051336831f36b5313bed1442fb0d7eb8335afd3cedc",
    "str": "0910f2e9ce1ce10e230ab21ba9ee3749af3c0da447e57cd2d67fa3e30dd2d584",
    "surrogate": "7484f65079f4d8ac28d062c27014e5122049b60ba9f24fb3123362ae6ada91ab",
    "array": "48ba78ce90fa287f643141f2c0c521ba2912c66fe70e38ca21cfe15ecd90ac06",
    "config": "d1c990ec27e951599768502e7fb022c3ad7e1e182707737e48c030edbd9165b3",
    "key": "f7817b71b63adc4014151d95f897e3e9e1be4d6d72d8ee1c64d85d1576ed82e5",
}

COMPUTE = """
import json
import numpy as np
from mmsk.store import config_digest, content_digest, row_key

config = config_digest(
    "mmsk.HOGExtractor",
    3,
    {
        "size": (64, np.int64(32)),
        "words": {"of", "the", "a", "in"},
        "rate": 0.1,
        "limit": float("inf"),
        "mean": np.array([0.5, 1.5], dtype=np.float32),
        "nested": {"b": [None, True], "a": "é"},
    },
    {"decoder": "13.0", "weights": b"digest"},
)
digests = {
    "bytes": content_digest(b"a cat"),
    "str": content_digest("a cat"),
    "surrogate": content_digest("a \\ud800 cat"),
    "array": content_digest(np.arange(6, dtype="<f4").reshape(2, 3)),
    "config": config,
    "key": row_key(config, content_digest(b"a cat")),
}
print(json.dumps({name: digest.hex() for name, digest in digests.items()}))
"""


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_keys_are_literal_in_any_process(environment, seed):
    output = subprocess.run(
        [sys.executable, "-c", COMPUTE],
        env=environment | {"PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(output) == LITERAL


def test_kinds_of_content_do_not_collide():
    contents = [
        b"",
        "",
        np.array([], dtype=np.uint8),
        b"abcd",
        "abcd",
        np.frombuffer(b"abcd", dtype=np.uint8),
        np.frombuffer(b"abcd", dtype=np.int8),
        np.frombuffer(b"abcd", dtype=np.uint8).reshape(2, 2),
        np.frombuffer(b"abcd", dtype=np.uint8).reshape(1, 4),
        np.frombuffer(b"abcd", dtype="<i4"),
        np.frombuffer(b"abcd", dtype=">i4"),
        np.frombuffer(b"abcd", dtype="<f4").reshape(()),
        np.array("abcd"),
    ]
    digests = {content_digest(content) for content in contents}
    assert len(digests) == len(contents)
    assert {len(digest) for digest in digests} == {32}


def test_content_of_an_array_is_its_values_not_its_memory():
    array = np.arange(24).reshape(4, 6)
    assert content_digest(array[::2, ::-1]) == content_digest(array[::2, ::-1].copy())
    assert content_digest(array) == content_digest(np.asfortranarray(array))


@pytest.mark.parametrize(
    "content", [None, 5, ["a"], np.array([object()]), np.zeros(2, dtype="f4,i4")]
)
def test_other_content_is_refused(content):
    with pytest.raises(TypeError):
        content_digest(content)


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "one, other",
    [
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}),
        ({"a": np.float64(0.1)}, {"a": 0.1}),
        ({"a": np.int8(3)}, {"a": 3}),
        ({"a": np.bool_(True)}, {"a": True}),
        ({"a": np.str_("x")}, {"a": "x"}),
        ({"a": {"u", "v"}}, {"a": frozenset({"v", "u"})}),
        ({"a": Colour.RED}, {"a": 1}),
        ({"a": np.nan}, {"a": float("nan")}),
    ],
)
def test_equal_parameters_have_one_digest(one, other):
    assert config_digest("x", 1, one) == config_digest("x", 1, other)


def test_different_parameters_have_different_digests():
    digest = content_digest(b"x").hex()
    values = [
        None,
        False,
        True,
        0,
        1,
        "1",
        1.0,
        -0.0,
        0.0,
        0.1,
        np.float32(0.1),
        float("nan"),
        float("inf"),
        -float("inf"),
        "nan",
        [],
        {},
        set(),
        "",
        b"",
        [1],
        [[1]],
        {1},
        {"a": 1},
        b"x",
        "x",
        np.array(1),
        np.array([1]),
        {"digest": digest},
        {"dict": {"digest": digest}},
        {"float": "nan"},
        {"set": []},
    ]
    digests = {config_digest("x", 1, {"a": value}) for value in values}
    digests |= {
        config_digest("x", 1, {}),
        config_digest("x", 2, {}),
        config_digest("y", 1, {}),
        config_digest("x", 1, {"b": 1}),
        config_digest("x", 1, {}, {"a": 1}),
    }
    assert len(digests) == len(values) + 5


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        np.float32,
        np.random.default_rng(0),
        [1, [object()]],
        {"x": len},
        {1: 2},
        np.array([None]),
        np.longdouble(1),
        1j,
    ],
)
def test_what_cannot_be_digested_names_its_parameter(value):
    with pytest.raises(TypeError, match="Parameter 'analyzer'"):
        config_digest("x", 1, {"lowercase": True, "analyzer": value})
    with pytest.raises(TypeError, match="Parameter 'analyzer'"):
        config_digest("x", 1, {}, {"analyzer": value})


def test_identity_of_the_computation_is_checked():
    with pytest.raises(TypeError, match="store_id"):
        config_digest(None, 1, {})
    with pytest.raises(TypeError, match="store_id"):
        config_digest("x", "1", {})


def test_row_key_depends_on_both_parts_and_where_they_meet():
    keys = {row_key(b"ab", b"c"), row_key(b"a", b"bc"), row_key(b"abc", b"")}
    assert len(keys) == 3
