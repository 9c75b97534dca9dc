import copy
import pickle

import numpy as np
import pytest

from mmsk.compose import Block


def test_width_and_columns():
    block = Block("image", 2, 5, indicator=9)
    assert block.width == 3
    assert block.columns == [2, 3, 4, 9]
    assert Block("table", 2, 5).columns == [2, 3, 4]


def test_shape_of_a_vector_is_its_width():
    assert Block("table", 2, 5).shape == (3,)


def test_moved_puts_the_presence_column_behind():
    block = Block("a", 2, 6, 0, "image", (2, 2), categorical=(1,), parts=(("x", 0, 4),))
    moved = block.moved(10, "b")
    assert moved == Block("b", 10, 14, 14, "image", (2, 2), (1,), (("x", 0, 4),))
    assert Block("a", 2, 6).moved(0) == Block("a", 0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": 3, "stop": 2}, "got columns 3:2"),
        ({"start": -1, "stop": 2}, "got columns -1:2"),
        ({"kind": "picture"}, "kind must be one of"),
        ({"shape": (2, 3)}, "does not fill 4 columns"),
        ({"indicator": 3}, "must stand outside the features 0:4"),
        ({"indicator": -1}, "must stand outside the features 0:4"),
        ({"categorical": (4,)}, "categorical offsets"),
        ({"categorical": (-1,)}, "categorical offsets"),
        ({"parts": (("title", 2, 5),)}, "parts must lie in its 4 columns"),
    ],
)
def test_contradictions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Block(**({"name": "a", "start": 0, "stop": 4} | arguments))


def test_immutable():
    with pytest.raises(AttributeError):
        Block("a", 0, 2).start = 1


def test_numpy_integers_and_lists_are_made_plain():
    block = Block(
        "a", np.int64(0), np.int64(4), np.int64(4), "image", [2, 2], [np.int8(1)]
    )
    assert block == Block("a", 0, 4, 4, "image", (2, 2), (1,))
    assert hash(block) == hash(Block("a", 0, 4, 4, "image", (2, 2), (1,)))
    values = [block.start, block.stop, block.indicator, *block.shape]
    assert {type(value) for value in (*values, *block.categorical)} == {int}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_equal(copied):
    block = Block("a", 0, 4, 4, "image", (2, 2))
    assert copied(block) == block


def test_pickle():
    block = Block("a", 0, 4, 4, "image", (2, 2), parts=(("x", 0, 4),))
    assert pickle.loads(pickle.dumps(block)) == block


def test_repr():
    assert repr(Block("a", 0, 4)) == "Block('a', 0:4)"
    assert (
        repr(Block("a", 0, 4, 4, "image", (2, 2)))
        == "Block('a', 0:4, indicator=4, image (2, 2))"
    )
