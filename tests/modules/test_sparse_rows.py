import pytest
import scipy.sparse as sp
import torch
from torch import nn

from mmsk.modules import MLP, SparseRows
from mmsk.modules._sparse_rows import InputLinear


def rows_of(dense):
    csr = sp.csr_array(dense.numpy())
    return SparseRows(
        torch.from_numpy(csr.indices),
        torch.from_numpy(csr.indptr[:-1]),
        torch.from_numpy(csr.data),
    )


def thin(n_rows, n_columns, dtype=torch.float64):
    x = torch.randn(n_rows, n_columns, dtype=dtype)
    x[torch.rand(n_rows, n_columns) < 0.7] = 0.0
    x[1] = 0.0
    return x


@pytest.mark.parametrize("laid_out", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_the_dense_rows(laid_out, dtype):
    x, layer = thin(6, 9, dtype), InputLinear(9, 4, dtype=dtype)
    expected = layer(x)
    expected.square().sum().backward()
    gradients = [weight.grad.clone() for weight in layer.parameters()]
    if laid_out:
        layer.lay_out_for_sparse()
    layer.zero_grad()
    out = layer(rows_of(x))
    out.square().sum().backward()
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close([w.grad for w in layer.parameters()], gradients)


def test_a_column_that_is_stored_twice_counts_twice():
    layer = InputLinear(3, 2)
    twice = SparseRows(torch.tensor([1, 1]), torch.tensor([0]), torch.tensor([2.0, 3]))
    torch.testing.assert_close(layer(twice), layer(torch.tensor([[0.0, 5.0, 0.0]])))


def test_rows_without_any_value():
    layer = InputLinear(3, 2)
    empty = SparseRows(
        torch.empty(0, dtype=torch.int32),
        torch.zeros(2, dtype=torch.int32),
        torch.empty(0),
    )
    torch.testing.assert_close(layer(empty), layer.bias.expand(2, 2))


def test_layout_changes_no_number_and_no_step():
    plain, laid_out = InputLinear(30, 5), InputLinear(30, 5)
    laid_out.load_state_dict(plain.state_dict())
    laid_out.lay_out_for_sparse()
    assert laid_out.weight.stride() == (1, 5)
    x = thin(8, 30, torch.float32)
    for layer in (plain, laid_out):
        step = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
        for _ in range(3):
            step.zero_grad()
            layer(x).square().mean().backward()
            step.step()
    torch.testing.assert_close(plain.weight, laid_out.weight, rtol=1e-5, atol=1e-6)
    assert laid_out.weight.stride() == (1, 5)


def test_mlp_takes_them_with_and_without_hidden_layers():
    x = thin(6, 9)
    for hidden in ((4, 3), ()):
        net = MLP(9, hidden, out_size=2).double()
        net.lay_out_for_sparse()
        assert isinstance(net.layers[0], nn.Linear)
        torch.testing.assert_close(net(rows_of(x)), net(x))


def test_an_mlp_without_layers_says_what_it_was_given():
    x = thin(6, 9)
    net = MLP(9, ())
    net.lay_out_for_sparse()
    assert torch.equal(net(rows_of(x)), x)


def test_counts_and_dense_rows():
    x = torch.tensor([[0.0, 0, 0], [0, 2, 3], [0, 0, 0], [4, 0, 0], [0, 0, 0]])
    rows = rows_of(x)
    assert rows.counts.tolist() == [0, 2, 0, 1, 0]
    assert torch.equal(rows.to_dense(3), x)
    twice = SparseRows(torch.tensor([1, 1]), torch.tensor([0]), torch.tensor([2.0, 3]))
    assert twice.to_dense(2).tolist() == [[0, 5]]


def test_emptied_rows_hold_nothing_whatever_they_held():
    x = torch.tensor([[0.0, 1], [float("nan"), 2], [0, 0], [3, float("inf")]])
    rows = rows_of(x)
    left = rows.emptied(torch.tensor([False, True, False, True]))
    assert left.to_dense(2).tolist() == [[0, 1], [0, 0], [0, 0], [0, 0]]
    assert left.offsets.tolist() == [0, 1, 1, 1]
    assert left.offsets.dtype == left.indices.dtype == rows.indices.dtype
    left = rows.emptied(torch.tensor([True, True, True, False]))
    assert left.to_dense(2).tolist() == [[0, 0], [0, 0], [0, 0], [3, float("inf")]]
    assert rows.emptied(torch.zeros(4, dtype=torch.bool)) is rows
    none = SparseRows(*(kept[:0] for kept in rows))
    assert none.emptied(torch.zeros(0, dtype=torch.bool)).to_dense(2).shape == (0, 2)
