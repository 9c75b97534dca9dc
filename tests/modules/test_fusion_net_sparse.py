import pytest
import torch
from torch import nn

from mmsk.modules import MLP, FusionNet, GatedFusion
from tests.modules.test_sparse_rows import rows_of, thin

NAMES = ("text", "table")
WIDTHS = {"text": 30, "table": 3}


def make_net(**kwargs):
    torch.manual_seed(0)
    return FusionNet(
        {name: MLP(WIDTHS[name], (4,)) for name in NAMES},
        GatedFusion(dict.fromkeys(NAMES, 4), out_size=5),
        nn.Linear(5, 2),
        generator=torch.Generator().manual_seed(1),
        **kwargs,
    ).double()


def batch(n=40):
    text, table = thin(n, 30), torch.randn(n, 3, dtype=torch.float64)
    present = torch.rand(n, 2) < 0.6
    present[:2] = torch.tensor([[True, True], [False, False]])
    return text, table, present


def outputs_and_gradients(net, *args):
    net.zero_grad()
    outputs = net(*args)
    outputs.square().sum().backward()
    return outputs.detach(), [weight.grad.clone() for weight in net.parameters()]


@pytest.mark.parametrize("modality_dropout", [0.0, 0.5])
@pytest.mark.parametrize("auxiliary", [False, True])
def test_sparse_rows_are_the_dense_ones(modality_dropout, auxiliary):
    text, table, present = batch()
    results = []
    for rows in (text, rows_of(text)):
        heads = [nn.Linear(4, 2) for _ in NAMES] if auxiliary else ()
        torch.manual_seed(2)
        for head in heads:
            head.reset_parameters()
        net = make_net(modality_dropout=modality_dropout, auxiliary=heads)
        blocks = {"text": rows, "table": table}
        results.append(outputs_and_gradients(net, blocks, present))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("content", [1e6, float("nan")])
def test_absent_content_changes_neither_outputs_nor_gradients(content):
    text, table, present = batch()
    net = make_net()
    # content takes the place of what is stored and of what is not
    text[~present[:, 0], :2] = 1.0
    expected = outputs_and_gradients(
        net, {"text": rows_of(text), "table": table}, present
    )
    text[~present[:, 0], :5] = content
    got = outputs_and_gradients(net, {"text": rows_of(text), "table": table}, present)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert torch.isfinite(got[0]).all()


def test_what_modality_dropout_hides_has_no_influence():
    text, table, present = batch()
    present[:] = True
    outputs = []
    for factor in (1, 1000):
        net = make_net(modality_dropout=0.9)  # the same draws each time
        blocks = {"text": rows_of(text * factor), "table": table}
        outputs.append(net(blocks, present).detach())
    hidden = (outputs[0] == outputs[1]).all(dim=1)
    assert 10 < hidden.sum() < 30  # the other rows lost their table


def test_who_takes_them():
    class Own(nn.Linear):
        def lay_out_for_sparse(self):
            pass

    encoders = {
        "a": MLP(3, (4,)),
        "b": nn.Linear(3, 4),
        "c": nn.Identity(),
        "d": Own(3, 4),
    }
    net = FusionNet(encoders, GatedFusion(dict.fromkeys(encoders, 4)), nn.Identity())
    assert list(net.sparse_takers) == ["a", "d"]
    assert net.sparse_takers["a"] is encoders["a"]
