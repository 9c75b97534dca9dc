import numpy as np
import pytest
import scipy.sparse as sp
import torch

from mmsk._utils._blocks import Block, Blocks
from mmsk.modules import ModuleEnsemble
from mmsk.neural_network._inputs import BlockInputs, MatrixInputs

CPU = torch.device("cpu")
ROWS = [slice(1, 4), np.array([4, 0, 4])]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_matrix_rows(rows, dtype, kind):
    X = np.random.RandomState(0).rand(5, 3)
    inputs = MatrixInputs(kind(X)).to(dtype, CPU)
    assert (len(inputs), inputs.n_features) == (5, 3)
    (x,) = inputs.take(rows).values()
    assert x.dtype == dtype
    np.testing.assert_array_equal(x, X.astype(x.numpy().dtype)[rows])


@pytest.mark.parametrize("rows", ROWS)
def test_a_module_that_works_in_place_cannot_write_to_X(rows):
    X = np.random.RandomState(0).rand(5, 3)
    before = X.copy()
    for layout in (X, np.asfortranarray(X), X[::-1], X[:, ::-1]):
        MatrixInputs(layout).to(torch.float64, CPU).take(rows)["x"].zero_()
    X.flags.writeable = False
    MatrixInputs(X).to(torch.float64, CPU).take(rows)["x"].zero_()
    np.testing.assert_array_equal(X, before)


def test_only_the_batch_of_a_sparse_matrix_is_dense(monkeypatch):
    shapes, original = [], sp.csr_array.toarray

    def toarray(self, *args, **kwargs):
        shapes.append(self.shape)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(sp.csr_array, "toarray", toarray)
    inputs = MatrixInputs(sp.csr_array((100_000, 50_000))).to(torch.float32, CPU)
    inputs.take(np.arange(7))
    inputs.take(slice(3, 5))
    assert shapes == [(7, 50_000), (2, 50_000)]


BLOCKS = Blocks(
    [
        Block("text", 0, 2, indicator=2),
        Block("image", 3, 7, kind="image", shape=(1, 2, 2)),
    ]
)


def block_matrix():
    X = np.random.RandomState(0).rand(5, 7)
    X[:, 2] = [1, 0, 1, 0, 1]
    return X


@pytest.mark.parametrize("rows", ROWS)
def test_block_rows(rows):
    X = block_matrix()
    taken = BlockInputs(X, BLOCKS).to(torch.float32, CPU).take(rows)
    assert set(taken) == {"blocks", "present"}
    assert list(taken["blocks"]) == ["text", "image"]
    X = X.astype(np.float32)
    np.testing.assert_array_equal(taken["blocks"]["text"], X[rows, :2])
    image = X[rows, 3:].reshape(-1, 1, 2, 2)
    np.testing.assert_array_equal(taken["blocks"]["image"], image)
    assert taken["present"].dtype == torch.bool
    expected = np.column_stack([X[rows, 2] == 1, np.ones(len(X[rows]), bool)])
    np.testing.assert_array_equal(taken["present"], expected)


def test_sparse_blocks_are_the_dense_ones():
    X, blocks = block_matrix(), BLOCKS.select(["text"])
    for rows in ROWS:
        dense = BlockInputs(X, blocks).to(torch.float64, CPU).take(rows)
        sparse = BlockInputs(sp.csr_array(X), blocks).to(torch.float64, CPU).take(rows)
        torch.testing.assert_close(dense, sparse, rtol=0, atol=0)


def test_blocks_that_do_not_describe_X_are_refused():
    with pytest.raises(ValueError, match="7 columns, X has 6"):
        BlockInputs(block_matrix()[:, :6], BLOCKS)
    X = block_matrix()
    X[0, 2] = 0.5
    with pytest.raises(ValueError, match="must be 0 or 1"):
        BlockInputs(X, BLOCKS)


class Taker(torch.nn.Module):
    """A module that takes sparse rows."""

    laid_out = 0

    def lay_out_for_sparse(self):
        self.laid_out += 1


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_few_values_are_taken_as_sparse_rows(rows, dtype):
    X = sp.random_array((5, 400), density=0.02, rng=0, format="csr")
    inputs, module = MatrixInputs(X).to(dtype, CPU), Taker()
    inputs.suit(module, fresh=True)
    assert module.laid_out == 1
    assert inputs.row_size == X.nnz // 5
    (x,) = inputs.take(rows).values()
    assert x.values.dtype == dtype
    assert x.indices.dtype == x.offsets.dtype
    starts = np.append(x.offsets, len(x.indices))
    built = sp.csr_array(
        (x.values.numpy(), x.indices.numpy(), starts), shape=(len(x.offsets), 400)
    )
    np.testing.assert_array_equal(
        built.toarray(), X[rows].toarray().astype(built.dtype)
    )


def test_who_gets_dense_rows():
    few = sp.random_array((5, 400), density=0.02, rng=0, format="csr")
    many = sp.random_array((5, 400), density=0.5, rng=0, format="csr")
    for X, module in (
        (few, torch.nn.Linear(400, 1)),
        (many, Taker()),
        (few.toarray(), Taker()),
    ):
        inputs = MatrixInputs(X).to(torch.float64, CPU)
        inputs.suit(module, fresh=True)
        assert inputs.take(slice(0, 2))["x"].shape == (2, 400)
        assert inputs.row_size == 400
        assert getattr(module, "laid_out", 0) == 0


def test_what_an_optimizer_knows_is_not_laid_out_anew():
    X = sp.random_array((5, 400), density=0.02, rng=0, format="csr")
    module = Taker()
    MatrixInputs(X).suit(module, fresh=False)
    assert module.laid_out == 0


WIDE = Blocks(
    [
        Block("text", 0, 400, indicator=400),
        Block("table", 401, 404),
        Block("image", 404, 412, kind="image", shape=(2, 2, 2)),
        Block("codes", 412, 712),
    ]
)


def wide_matrix():
    """Return a matrix for WIDE with two blocks of few values."""
    rng = np.random.default_rng(0)
    X = np.zeros((20, 712))
    X[np.arange(20), rng.integers(400, size=20)] = rng.random(20)
    X[:, 400] = rng.random(20) < 0.7
    X[:, 401:412] = rng.random((20, 11))
    X[:, 405] = 0
    X[np.arange(20), 412 + rng.integers(300, size=20)] = 1
    return X


class TakerOfBlocks(torch.nn.Module):
    """A module whose encoders of the named blocks take sparse rows."""

    def __init__(self, *names):
        super().__init__()
        self.sparse_takers = {name: Taker() for name in names}

    def laid_out(self):
        return [name for name, taker in self.sparse_takers.items() if taker.laid_out]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
def test_blocks_of_few_values_are_taken_as_sparse_rows(rows, dtype, kind):
    X = wide_matrix()
    expected = BlockInputs(X, WIDE).to(dtype, CPU).take(rows)
    inputs = BlockInputs(kind(X), WIDE).to(dtype, CPU)
    module = TakerOfBlocks(*WIDE.names)
    inputs.suit(module, fresh=True)
    assert module.laid_out() == ["text", "codes"]
    taken = inputs.take(rows)
    assert list(taken["blocks"]) == list(WIDE.names)
    for name in module.laid_out():
        sparse = taken["blocks"][name]
        assert sparse.values.dtype == dtype
        taken["blocks"][name] = sparse.to_dense(WIDE[name].width)
    torch.testing.assert_close(taken, expected, rtol=0, atol=0)


def test_who_gets_dense_blocks():
    X, more = wide_matrix(), wide_matrix()
    more[:, :20] = 1.0  # 5 percent of the text
    few, many = sp.csr_array(X), sp.csr_array(more)
    for X_, module, sparse in (
        (X, TakerOfBlocks(*WIDE.names), []),
        (few, torch.nn.Linear(3, 3), []),
        (few, TakerOfBlocks("table", "image"), []),
        (few, TakerOfBlocks("table", "codes"), ["codes"]),
        (many, TakerOfBlocks(*WIDE.names), ["codes"]),
    ):
        inputs = BlockInputs(X_, WIDE).to(torch.float64, CPU)
        inputs.suit(module, fresh=True)
        blocks = inputs.take(slice(0, 2))["blocks"]
        for name in WIDE.names:
            assert torch.is_tensor(blocks[name]) == (name not in sparse)
        if isinstance(module, TakerOfBlocks):
            assert module.laid_out() == sparse


def test_all_members_take_sparse_blocks_or_none():
    X = sp.csr_array(wide_matrix())
    both = [TakerOfBlocks("text", "codes"), TakerOfBlocks("text")]
    inputs = BlockInputs(X, WIDE)
    inputs.suit(ModuleEnsemble(both), fresh=True)
    assert [member.laid_out() for member in both] == [["text"], ["text"]]
    blocks = inputs.take(slice(0, 2))["blocks"]
    assert [torch.is_tensor(x) for x in blocks.values()] == [False, True, True, True]


def test_encoders_that_an_optimizer_knows_are_not_laid_out_anew():
    module = TakerOfBlocks("text")
    inputs = BlockInputs(sp.csr_array(wide_matrix()), WIDE)
    inputs.suit(module, fresh=False)
    assert module.laid_out() == []
    assert not torch.is_tensor(inputs.take(slice(0, 2))["blocks"]["text"])


def test_size_of_a_row_counts_what_is_taken():
    inputs = BlockInputs(sp.csr_array(wide_matrix()), WIDE)
    assert inputs.row_size == 400 + 3 + 8 + 300
    inputs.suit(TakerOfBlocks("text", "codes"), fresh=True)
    assert inputs.row_size == 1 + 3 + 8 + 1


def test_a_sparse_block_is_never_made_dense(monkeypatch):
    shapes, original = [], sp.csr_array.toarray

    def toarray(self, *args, **kwargs):
        shapes.append(self.shape)
        return original(self, *args, **kwargs)

    blocks = Blocks([Block("text", 0, 50_000), Block("thin", 50_000, 51_000)])
    X = sp.csr_array((100_000, 51_000), dtype=np.float32)
    inputs = BlockInputs(X, blocks)
    monkeypatch.setattr(sp.csr_array, "toarray", toarray)
    inputs.suit(TakerOfBlocks("text"), fresh=True)
    inputs.take(np.arange(7))
    assert shapes == [(7, 1_000)]  # the block whose encoder wants it, a batch of it


@pytest.mark.parametrize("rows", ROWS)
def test_dense_blocks_of_a_sparse_matrix_are_copies(rows):
    X = sp.csr_array(wide_matrix())
    inputs = BlockInputs(X, WIDE).to(torch.float64, CPU)
    for part in inputs.take(rows)["blocks"].values():
        part.zero_()
    expected = BlockInputs(wide_matrix(), WIDE).to(torch.float64, CPU).take(rows)
    torch.testing.assert_close(inputs.take(rows), expected, rtol=0, atol=0)
