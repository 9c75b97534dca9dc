import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from mmsk.compose import Block, Blocks, BlockSelector
from tests._blocks import BLOCKS, RAW

GAPS = Blocks([Block("b", 6, 8, indicator=1), Block("a", 2, 3)], n_features=10)
"""Blocks out of order, with a presence column far away and unclaimed columns."""

X = np.arange(30.0).reshape(3, 10)
X[:, 1] = [1, 0, 1]


def test_sequence_of_blocks_by_position_and_name():
    assert len(GAPS) == 2
    assert [block.name for block in GAPS] == ["b", "a"]
    assert GAPS[0] is GAPS["b"]
    assert GAPS[-1] == Block("a", 2, 3)
    assert "a" in GAPS
    assert "c" not in GAPS
    assert Block("a", 2, 3) in GAPS
    assert Block("a", 3, 4) not in GAPS


def test_unknown_name():
    with pytest.raises(KeyError, match=r"no modality 'c'; there are \['b', 'a'\]"):
        GAPS["c"]


def test_n_features_defaults_to_the_last_column():
    assert BLOCKS.n_features == 4
    assert Blocks([Block("a", 0, 2, indicator=7)]).n_features == 8
    assert Blocks([]).n_features == 0


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([Block("a", 0, 2), Block("a", 2, 3)], "names must be unique"),
        ([Block("a", 0, 2), Block("b", 1, 3)], "must not share columns"),
        ([Block("a", 0, 2, 2), Block("b", 2, 3)], "must not share columns"),
        ([Block("a", 0, 2, 4), Block("b", 2, 4, 4)], "must not share columns"),
    ],
)
def test_contradictions_are_refused(blocks, message):
    with pytest.raises(ValueError, match=message):
        Blocks(blocks)


def test_too_few_features():
    with pytest.raises(ValueError, match="need 4 columns, got n_features=3"):
        Blocks(BLOCKS, n_features=3)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csr_matrix])
class TestReading:
    def test_split(self, kind):
        parts = GAPS.split(kind(X))
        assert list(parts) == ["b", "a"]
        for name, columns in {"b": [6, 7], "a": [2]}.items():
            part = parts[name]
            assert sp.issparse(part) == sp.issparse(kind(X))
            part = part.toarray() if sp.issparse(part) else part
            np.testing.assert_array_equal(part, X[:, columns])

    @pytest.mark.parametrize(
        "rows", [[2, 0], slice(1, None), np.array([True, False, True])], ids=str
    )
    def test_rows(self, kind, rows):
        parts = GAPS.split(kind(X), rows)
        part = parts["b"].toarray() if sp.issparse(parts["b"]) else parts["b"]
        np.testing.assert_array_equal(part, X[rows][:, 6:8])
        np.testing.assert_array_equal(
            GAPS.present(kind(X), rows), GAPS.present(X)[rows]
        )

    def test_present(self, kind):
        expected = [[True, True], [False, True], [True, True]]
        np.testing.assert_array_equal(GAPS.present(kind(X)), expected)

    @pytest.mark.parametrize("value", [0.5, -1.0, 2.0, np.nan])
    def test_presence_is_0_or_1(self, kind, value):
        broken = X.copy()
        broken[1, 1] = value
        with pytest.raises(ValueError, match="presence column 1 of modality 'b'"):
            GAPS.present(kind(broken))
        with pytest.raises(ValueError, match="scale with BlockScaler instead"):
            GAPS.check(kind(broken))

    def test_width_is_checked(self, kind):
        with pytest.raises(ValueError, match="describe 10 columns, X has 9"):
            GAPS.check(kind(X[:, :9]))
        GAPS.check(kind(X))

    @pytest.mark.parametrize(
        "blocks",
        [
            GAPS,
            Blocks([Block("b", 6, 8, indicator=8), Block("a", 9, 10)]),
            Blocks([Block("b", 0, 8, indicator=8), Block("a", 9, 10)]),
            Blocks([Block("a", 5, 10), Block("b", 0, 5)]),
            Blocks([Block("none", 3, 3), Block("a", 4, 10)]),
            Blocks([Block("none", 3, 3)], n_features=10),
        ],
        ids=repr,
    )
    def test_take(self, kind, blocks):
        taken = blocks.take(kind(X))
        assert sp.issparse(taken) == sp.issparse(kind(X))
        taken = taken.toarray() if sp.issparse(taken) else taken
        np.testing.assert_array_equal(taken, X[:, blocks.columns])


@pytest.mark.parametrize(
    ("sparse", "dense"),
    [
        # six columns, three of them of "a"
        ((False, True), True),
        ((True, False), True),
        ((True, True), False),
        ((False, None), False),
        ((None, None), False),
    ],
)
def test_the_layout_says_how_a_matrix_is_best_stored(sparse, dense):
    a, b = sparse
    blocks = Blocks(
        [Block("a", 0, 2, indicator=2, sparse=a), Block("b", 3, 6, sparse=b)]
    )
    eye = np.eye(6)
    stored = blocks.stored(sp.csr_array(eye))
    assert sp.issparse(stored) != dense
    np.testing.assert_array_equal(stored if dense else stored.toarray(), eye)
    assert blocks.stored(eye) is eye


def test_a_few_dense_columns_leave_a_matrix_sparse():
    blocks = Blocks([Block("a", 0, 4, sparse=True), Block("b", 4, 7, sparse=False)])
    assert sp.issparse(blocks.stored(sp.csr_array(np.eye(7))))


def test_split_gives_raw_blocks_their_shape():
    X = np.arange(12.0).reshape(2, 6)
    parts = RAW.split(X)
    np.testing.assert_array_equal(parts["a"], X[:, :4].reshape(2, 2, 2))
    np.testing.assert_array_equal(parts["b"], X[:, [5]])
    assert RAW.raw == ("a",)
    assert BLOCKS.raw == ()


def test_select_keeps_columns_and_order():
    assert GAPS.select(["a", "b"]) == GAPS
    assert GAPS.select(None) is GAPS
    assert GAPS.select(["a"]) == Blocks([Block("a", 2, 3)], n_features=10)
    assert GAPS.select("a") == GAPS.select(["a"])
    assert GAPS.select(name for name in "a") == GAPS.select(["a"])


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a", "c"], r"Unknown modalities \['c'\]"), ([], "No modality is chosen")],
)
def test_select_refuses(names, message):
    with pytest.raises(ValueError, match=message):
        GAPS.select(names)


def test_packed_describes_the_taken_columns():
    packed = GAPS.packed()
    assert packed == Blocks([Block("b", 0, 2, indicator=2), Block("a", 3, 4)])
    taken = X[:, GAPS.columns]
    for name, part in packed.split(taken).items():
        np.testing.assert_array_equal(part, GAPS.split(X)[name])
    np.testing.assert_array_equal(packed.present(taken), GAPS.present(X))
    assert packed.packed() == packed


def test_stacked_moves_any_blocks():
    stacked = Blocks.stacked([Block("x", 5, 7), Block("y", 0, 1, 3), Block("z", 0, 2)])
    assert stacked == Blocks(
        [Block("x", 0, 2), Block("y", 2, 3, indicator=3), Block("z", 4, 6)]
    )


IMAGE = ["image__a", "image__modality_present"]


class TestFeatureNames:
    def test_prefixes(self):
        names = ["text__cat", "text__a__b", "text__modality_present", "table__price"]
        blocks = Blocks.from_feature_names(names)
        assert blocks == Blocks([Block("text", 0, 2, 2), Block("table", 3, 4)])

    def test_the_name_of_a_presence_column_says_that_a_block_is_sparse(self):
        names = ["text__cat", "text__modality_present_sparse", "table__price"]
        blocks = Blocks.from_feature_names([*names, *IMAGE])
        assert [block.indicator for block in blocks] == [1, None, 4]
        assert [block.sparse for block in blocks] == [True, False, False]
        blocks = Blocks.from_feature_names([*names[2:], *IMAGE])
        assert [block.sparse for block in blocks] == [None, None]

    def test_no_prefix_is_one_block(self):
        blocks = Blocks.from_feature_names(["cat", "price"])
        assert blocks == Blocks([Block("X", 0, 2)])

    def test_some_prefixes(self):
        with pytest.raises(ValueError, match=r"have no prefix: \['price'\]"):
            Blocks.from_feature_names(["text__cat", "price"])

    def test_a_prefix_comes_twice(self):
        with pytest.raises(ValueError, match="must be unique"):
            Blocks.from_feature_names(["text__cat", "table__price", "text__dog"])

    def test_presence_column_is_last(self):
        with pytest.raises(ValueError, match="must be the last column"):
            Blocks.from_feature_names(["text__modality_present", "text__cat"])
        with pytest.raises(ValueError, match="'text__modality_present_sparse' must be"):
            Blocks.from_feature_names(["text__modality_present_sparse", "text__cat"])


class TestValue:
    def test_immutable(self):
        blocks = Blocks(BLOCKS)
        with pytest.raises(AttributeError, match="immutable"):
            blocks.names = ()
        with pytest.raises(AttributeError, match="immutable"):
            del blocks.names
        with pytest.raises(TypeError):
            blocks[0] = Block("a", 0, 1)

    def test_copies_are_the_same_object(self):
        assert copy.copy(BLOCKS) is BLOCKS
        assert copy.deepcopy(BLOCKS) is BLOCKS
        assert copy.deepcopy({"grid": [BLOCKS]})["grid"][0] is BLOCKS
        assert clone(BlockSelector(blocks=BLOCKS)).blocks is BLOCKS

    def test_pickle(self):
        again = pickle.loads(pickle.dumps(GAPS))
        assert again == GAPS
        assert again.n_features == 10
        assert again.digest == GAPS.digest

    def test_equality_and_hash(self):
        same = Blocks(list(GAPS), n_features=10)
        assert same == GAPS
        assert hash(same) == hash(GAPS)
        assert Blocks(GAPS) != GAPS  # other n_features
        assert Blocks(reversed(list(GAPS)), 10) != GAPS
        assert list(GAPS) != GAPS

    def test_repr_is_short(self):
        assert repr(GAPS) == "Blocks(b: 2, a: 1)"

    @pytest.mark.parametrize(
        "other",
        [
            Blocks(GAPS),
            Blocks(reversed(list(GAPS)), 10),
            GAPS.packed(),
            Blocks([Block("B", 6, 8, indicator=1), Block("a", 2, 3)], 10),
            Blocks([Block("b", 6, 8, 1, categorical=(0,)), Block("a", 2, 3)], 10),
            Blocks([Block("b", 6, 8, 1, "tokens"), Block("a", 2, 3)], 10),
            Blocks([Block("b", 6, 8, 1, "tokens", (1, 2)), Block("a", 2, 3)], 10),
            Blocks([Block("b", 6, 8, 1, parts=[("t", 0, 2)]), Block("a", 2, 3)], 10),
            Blocks([Block("b", 6, 8), Block("a", 2, 3)], 10),
        ],
    )
    def test_digest_tells_layouts_apart(self, other):
        assert other.digest != GAPS.digest

    def test_digest_of_equal_layouts(self):
        numbers = [Block("b", np.int64(6), np.int64(8), np.int32(1), shape=[2])]
        assert Blocks([*numbers, Block("a", 2, 3)], np.int64(10)).digest == GAPS.digest

    @pytest.mark.parametrize("seed", ["1", "2"])
    def test_digest_is_the_same_in_every_process(self, seed):
        code = (
            "from mmsk._utils._blocks import Block, Blocks;"
            "blocks = [Block('b', 6, 8, indicator=1), Block('a', 2, 3)];"
            "print(Blocks(blocks, 10).digest)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == GAPS.digest == "1888e043afc7"
