import subprocess
import sys

import pytest
import torch
from torch.autograd import gradcheck

from mmsk.modules import MLP


def test_one_hidden_layer_by_hand():
    net = MLP(2, (2,), out_size=1)
    first, _, last = net.layers
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 0.0]]))
        first.bias.copy_(torch.tensor([0.0, -1.0]))
        last.weight.copy_(torch.tensor([[3.0, 10.0]]))
        last.bias.fill_(0.5)
    # hidden: relu(1 - 3) = 0, relu(2 - 1) = 1; relu(4 - 1) = 3, relu(8 - 1) = 7
    out = net(torch.tensor([[1.0, 3.0], [4.0, 1.0]]))
    torch.testing.assert_close(out, torch.tensor([[10.5], [79.5]]))


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("identity", lambda x: x),
        ("logistic", torch.sigmoid),
        ("tanh", torch.tanh),
        ("relu", torch.relu),
        ("gelu", torch.nn.functional.gelu),
        ("silu", lambda x: x * torch.sigmoid(x)),
    ],
)
def test_encoder_ends_with_its_activation(activation, function):
    net = MLP(3, 4, activation=activation)
    x = torch.randn(5, 3)
    torch.testing.assert_close(net(x), function(net.layers[0](x)))
    assert net.out_size == 4


def test_no_hidden_layer_is_linear():
    net = MLP(3, (), out_size=2)
    x = torch.randn(4, 3)
    (layer,) = net.layers
    torch.testing.assert_close(net(x), x @ layer.weight.T + layer.bias)


def test_gradients():
    net = MLP(3, (4, 4), out_size=2, activation="tanh").double()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(net, (x,))


def test_dropout_follows_each_hidden_layer_and_uses_the_generator():
    generator = torch.Generator().manual_seed(3)
    net = MLP(3, (50, 50), out_size=2, dropout=0.5, generator=generator)
    drops = [layer for layer in net.layers if hasattr(layer, "p")]
    assert [drop.p for drop in drops] == [0.5, 0.5]
    assert all(drop.generator is generator for drop in drops)
    x = torch.randn(4, 3)
    first = net(x)
    assert not torch.equal(first, net(x))
    generator.manual_seed(3)
    torch.testing.assert_close(net(x), first, rtol=0, atol=0)


def test_can_be_built_on_meta():
    with torch.device("meta"):
        net = MLP(3, (4,), out_size=2, dropout=0.1)
    assert {weight.device.type for weight in net.parameters()} == {"meta"}
    assert net.eval()(torch.empty(5, 3, device="meta")).shape == (5, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "swish"}, "must be one of .*'gelu'.* got 'swish'"),
        ({"hidden_layer_sizes": (4, 0)}, "must be positive"),
        ({"out_size": 0}, "must be positive"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        MLP(**{"in_size": 3, "hidden_layer_sizes": (4,)} | arguments)


def test_modules_load_no_estimator_library():
    code = (
        "import sys, mmsk.modules\n"
        "found = {'sklearn', 'skorch', 'lightgbm'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_normalisation_stands_between_layer_and_activation():
    net = MLP(3, (4,), out_size=2, normalization="layer")
    linear, _norm, _, last = net.layers
    x = torch.randn(5, 3)
    hidden = linear(x)
    centred = hidden - hidden.mean(dim=1, keepdim=True)
    normal = centred / (hidden.var(dim=1, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(net(x), last(torch.relu(normal)))
    net = MLP(3, (4,), normalization="batch")
    out = net.layers[1](torch.randn(50, 4))
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(4), rtol=0, atol=1e-5)


def test_short_cuts_go_around_equally_wide_layers_after_the_first():
    net = MLP(4, (4, 4, 5), out_size=2, residual=True)
    first, _, second, third, _, last = net.layers
    x = torch.randn(6, 4)
    h = torch.relu(first(x))
    h = h + torch.relu(second[0](h))
    h = torch.relu(third(h))
    torch.testing.assert_close(net(x), last(h))


def test_batch_equals_one_by_one_in_evaluation():
    for normalization in ("batch", "layer"):
        net = MLP(3, (4, 4), 2, normalization=normalization, residual=True)
        x = torch.randn(6, 3)
        net(x)
        net.eval()
        single = torch.cat([net(row[None]) for row in x])
        torch.testing.assert_close(net(x), single)


def test_unknown_normalisation_is_refused():
    with pytest.raises(ValueError, match=r"'batch', 'layer'\] or None, got 'group'"):
        MLP(3, (4,), normalization="group")
