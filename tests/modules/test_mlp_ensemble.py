import pytest
import torch

from mmsk.modules import MLP, MLPEnsemble, ModuleEnsemble
from tests.modules.test_sparse_rows import rows_of, thin

KINDS = [
    {},
    {"activation": "tanh"},
    {"normalization": "batch"},
    {"normalization": "layer", "residual": True},
]


def members(n=3, hidden=(5, 5), **options):
    return [MLP(7, hidden, 2, **options).double() for _ in range(n)]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("hidden", [(), (5,), (5, 5), (4, 6, 6)])
@pytest.mark.parametrize("training", [False, True])
def test_every_member_says_what_it_says_alone(options, hidden, training):
    nets = members(hidden=hidden, **options)
    for net in nets:
        for weight in net.parameters():  # norms begin with ones and zeros
            torch.nn.init.normal_(weight)
        net.train(training)
    together = MLPEnsemble(nets).double().train(training)
    assert (together.n_members, together.in_size, together.out_size) == (3, 7, 2)
    x = torch.randn(8, 7, dtype=torch.float64)
    out = together(x)
    torch.testing.assert_close(out, torch.stack([net(x) for net in nets]))
    out.square().sum().backward()
    sum(net(x).square().sum() for net in nets).backward()
    first = torch.cat([net.layers[0].weight.grad for net in nets])
    torch.testing.assert_close(together.layers[0].weight.grad, first)


def test_members_share_nothing():
    nets = members()
    together = MLPEnsemble(nets)
    before = [net.layers[0].weight.clone() for net in nets]
    together(torch.randn(4, 7, dtype=torch.float64))[1].sum().backward()
    gradients = together.layers[0].weight.grad.unflatten(0, (3, -1))
    assert not gradients[[0, 2]].any()
    assert gradients[1].any()
    with torch.no_grad():
        for weight in together.parameters():
            weight.zero_()
    torch.testing.assert_close([net.layers[0].weight for net in nets], before)


def test_batch_statistics_are_those_of_each_member():
    nets = members(normalization="batch")
    together = MLPEnsemble(nets).double()
    x = torch.randn(8, 7, dtype=torch.float64)
    together(x)
    for net in nets:
        net(x)
    torch.testing.assert_close(
        together.layers[1].running_var,
        torch.cat([net.layers[1].running_var for net in nets]),
    )
    for net in (together, *nets):
        net.eval()
    torch.testing.assert_close(together(x), torch.stack([net(x) for net in nets]))


def test_sparse_rows():
    together = MLPEnsemble(members())
    x = thin(6, 7)
    expected = together(x)
    together.lay_out_for_sparse()
    torch.testing.assert_close(together(rows_of(x)), expected)


def test_gradients_are_clipped_for_each_member():
    nets = members()
    together, x = MLPEnsemble(nets), torch.randn(8, 7, dtype=torch.float64)
    scales = torch.tensor([1e3, 1e-3, 1.0], dtype=torch.float64)
    (together(x).sum(dim=(1, 2)) * scales).sum().backward()
    for net, scale in zip(nets, scales, strict=True):
        net.zero_grad()
        (net(x).sum() * scale).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    expected = [net.layers[0].weight.grad.clone() for net in nets]
    together.clip_gradients(0.5)
    found = together.layers[0].weight.grad.unflatten(0, (3, -1))
    torch.testing.assert_close(found, torch.stack(expected))
    norms = torch.stack([gradient.norm() for gradient in expected])
    assert norms[0] <= 0.5
    assert norms[1] < 0.1


def test_a_module_ensemble_clips_its_own_members():
    nets = members(2)
    together = ModuleEnsemble(nets)
    out = together(torch.randn(8, 7, dtype=torch.float64))
    assert out.shape == (2, 8, 2)
    (out.sum(dim=(1, 2)) * torch.tensor([1e3, 1e-5])).sum().backward()
    small = nets[1].layers[0].weight.grad.clone()
    together.clip_gradients(0.5)
    squares = [weight.grad.square().sum() for weight in nets[0].parameters()]
    assert sum(squares) ** 0.5 == pytest.approx(0.5, rel=1e-3)
    torch.testing.assert_close(nets[1].layers[0].weight.grad, small)


def test_different_members_are_refused():
    with pytest.raises(ValueError, match="2 different architectures"):
        MLPEnsemble([MLP(7, (5,), 2), MLP(7, (6,), 2)])


def test_can_be_built_on_meta():
    with torch.device("meta"):
        together = MLPEnsemble(members(normalization="layer", residual=True))
    x = torch.empty(4, 7, device="meta", dtype=torch.float64)
    assert together(x).shape == (3, 4, 2)
