import numpy as np
import pytest
import torch

from mmsk.neural_network._batches import Batches, TrainingRows
from mmsk.neural_network._inputs import MatrixInputs


def make_rows(n, seed=0):
    inputs = MatrixInputs(np.arange(n, dtype=float)[:, None])
    inputs.to(torch.float64, torch.device("cpu"))
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return TrainingRows(inputs, np.arange(n), np.arange(n) / 2, generator)


def epoch(batches):
    return [(x["x"][:, 0].tolist(), y.tolist(), w.tolist()) for x, (y, w) in batches]


def test_every_row_once_in_equal_batches_with_its_target_and_weight():
    batches = epoch(Batches(make_rows(130), 64))
    assert [len(x) for x, _, _ in batches] == [44, 43, 43]
    assert sorted(value for x, _, _ in batches for value in x) == list(range(130))
    for x, y, w in batches:
        assert x == y
        assert [value / 2 for value in x] == w


def test_epochs_are_shuffled_differently_and_by_the_seed():
    batches, twin = Batches(make_rows(30), 10), Batches(make_rows(30), 10)
    first, second = epoch(batches), epoch(batches)
    assert first != second
    assert (first, second) == (epoch(twin), epoch(twin))
    assert first != epoch(Batches(make_rows(30, seed=1), 10))


def test_one_batch_is_not_shuffled_and_made_once():
    batches = Batches(make_rows(10), 10)
    assert epoch(batches)[0][0] == list(range(10))
    (first,), (second,) = list(batches), list(batches)
    assert first is second


def test_weights_of_1_are_none():
    inputs = MatrixInputs(np.ones((3, 1))).to(torch.float64, torch.device("cpu"))
    rows = TrainingRows(inputs, np.arange(3), np.ones(3), None)
    _, (values, weights) = rows.take(torch.tensor([2, 0]))
    assert values.tolist() == [2, 0]
    assert weights is None


@pytest.mark.parametrize("weights", [np.ones(5), np.array([1.0, 3.0, 2.0, 0.5, 3.5])])
def test_members_have_weights_of_their_own(weights):
    inputs = MatrixInputs(np.ones((5, 1))).to(torch.float64, torch.device("cpu"))
    rows = TrainingRows(inputs, np.arange(5), weights, None).part(np.array([4, 1, 2]))
    factors = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    _, (_, found) = rows.weighted(factors).take(torch.tensor([1, 2, 4]))
    w = weights[[1, 2, 4]]
    expected = w[:, None] * factors[[1, 2, 0]]
    expected *= w.mean() / expected.mean(axis=0)
    np.testing.assert_allclose(found, expected)


def test_part_shares_data_and_keeps_order_when_asked():
    rows = make_rows(30)
    held_out = rows.part(np.array([5, 7, 20, 29]), shuffled=False)
    assert len(held_out) == 4
    assert [x for x, _, _ in epoch(Batches(held_out, 2))] == [[5, 7], [20, 29]]
    assert held_out.inputs is rows.inputs
    assert len(rows) == 30
