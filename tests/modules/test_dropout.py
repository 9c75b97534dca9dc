import copy
import pickle

import pytest
import torch
from torch.autograd import gradcheck

from mmsk.modules import Dropout


def seeded(p, seed=0):
    return Dropout(p, torch.Generator().manual_seed(seed))


def test_values_and_expectation():
    y = seeded(0.25)(torch.full((100_000,), 3.0))
    assert set(y.tolist()) == {0.0, 4.0}
    # the mean of n draws has standard deviation 4 * sqrt(.25 * .75 / n) = .0055
    assert abs(y.mean().item() - 3.0) < 0.022


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_evaluation_is_identity(p):
    x = torch.randn(7)
    assert Dropout(p).eval()(x) is x


def test_limits():
    x = torch.randn(7)
    assert Dropout(0.0)(x) is x
    assert not Dropout(1.0)(x).any()
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            Dropout(p)


def test_leaves_the_global_stream_alone_and_does_not_read_it():
    drop, x = seeded(0.5), torch.ones(64)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = drop(x)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(seeded(0.5)(x), first)


def test_default_generator_is_seeded_once_by_the_global_stream():
    x = torch.ones(64)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first = Dropout(0.5)(x)
        torch.manual_seed(5)
        drop = Dropout(0.5)
        torch.manual_seed(6)
        assert torch.equal(drop(x), first)
        assert not torch.equal(Dropout(0.5)(x), first)


def test_gradient_is_the_mask():
    def same_mask(x):
        return seeded(0.5)(x)

    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(same_mask, (x,))


def test_copies_continue_the_stream():
    drop, x = seeded(0.5), torch.ones(64)
    drop(x)
    twins = [copy.deepcopy(drop), pickle.loads(pickle.dumps(drop))]
    expected = drop(x)
    for twin in twins:
        assert torch.equal(twin(x), expected)
