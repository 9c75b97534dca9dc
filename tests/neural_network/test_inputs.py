import numpy as np
import pytest
import scipy.sparse as sp
import torch

from mmsk._utils._blocks import Block, Blocks
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
