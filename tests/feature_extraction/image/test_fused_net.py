import pytest
import torch

from mmsk.feature_extraction.image import _fused_net
from mmsk.feature_extraction.image._fused_net import FusedNet, has_fused_convolutions
from mmsk.feature_extraction.image._onnx_net import OnnxNet
from mmsk.modules._image_units import same_padding, up_to
from tests.feature_extraction.image._nets import batch, make_net

NAMES = ["efficientnet_lite0", "resnet18", "resnet50"]
KINDS = {
    "plain": lambda *shape: FusedNet(*shape, "plain"),
    "operations": lambda *shape: FusedNet(*shape, "operations"),
    "best": FusedNet,
    "onnxruntime": OnnxNet,
}


@pytest.fixture(scope="module", params=NAMES)
def net(request):
    return make_net(request.param)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("side", "n"), [(64, 1), (33, 2)])
def test_units_compute_what_the_module_computes(net, kind, side, n):
    x = batch(n, side)
    before = x.clone()
    with torch.inference_mode():
        expected = net.features(x)
    run = KINDS[kind](net.units(), side, n)
    got = run(x)
    scale = float(expected.abs().max())
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * scale)
    assert torch.equal(x, before)
    assert torch.equal(run(x), got)  # nothing is left behind


@pytest.mark.parametrize(("side", "n"), [(64, 3), (33, 4)])
def test_the_place_in_a_batch_changes_nothing(net, side, n):
    run = FusedNet(net.units(), side, n)
    x = batch(n, side)
    got = run(x)
    for shift in range(1, n):
        assert torch.equal(run(x.roll(shift, 0)), got.roll(shift, 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "layer", "module"),
    [
        ("resnet18", "layer2", "layer2"),
        ("resnet18", "layer3.0", "layer3.0"),
        ("efficientnet_lite0", "blocks.3", "_blocks.3"),
    ],
)
def test_a_layer_is_that_of_the_module(kind, name, layer, module):
    net = make_net(name)
    seen = []
    hook = net.get_submodule(module).register_forward_hook(
        lambda module, given, result: seen.append(result)
    )
    x = batch(1, 40)
    with torch.inference_mode():
        net.features(x)
    hook.remove()
    units = up_to(net.units(), layer)
    got = KINDS[kind](units, 40, 1)(x)
    scale = float(seen[0].abs().max())
    torch.testing.assert_close(got, seen[0], rtol=0, atol=1e-5 * scale)


@pytest.mark.skipif(not has_fused_convolutions(), reason="no oneDNN in this torch")
@pytest.mark.parametrize("limit", [0, 2**15])
def test_large_maps_go_alone_and_small_ones_together(net, limit, monkeypatch):
    shapes = []
    prepare = _fused_net._prepare_fused

    def spy(convolution, shape, after_sum):
        shapes.append(shape)
        return prepare(convolution, shape, after_sum)

    monkeypatch.setattr(_fused_net, "_prepare_fused", spy)
    monkeypatch.setattr(_fused_net, "_VALUES_TOGETHER", limit)
    x = batch(3, 64)
    got = FusedNet(net.units(), 64, 3, "operations")(x)
    with torch.inference_mode():
        expected = net.features(x)
    scale = float(expected.abs().max())
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * scale)
    counts = [shape[0] for shape in shapes]
    assert counts == sorted(counts)  # alone first, and never again
    if not any(c.groups > 1 for unit in net.units() for c in unit.path):
        assert set(counts) == {3}
    else:
        assert set(counts) == ({1, 3} if limit else {1})


def test_an_unknown_layer_names_those_there_are():
    with pytest.raises(ValueError, match="no layer 'layer5'; there are stem, layer1"):
        up_to(make_net("resnet18").units(), "layer5")


def test_a_build_without_fused_convolutions_is_served(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not has_fused_convolutions()
    monkeypatch.setattr(_fused_net, "_prepare_fused", None)
    net = make_net("resnet18")
    units = up_to(net.units(), "layer1")
    assert FusedNet(units, 32, 1)(batch(1, 32)).shape == (1, 64, 8, 8)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [
        (224, 3, 2, (0, 1)),
        (112, 5, 2, (1, 2)),
        (33, 3, 2, (1, 1)),
        (15, 5, 2, (2, 2)),
        (14, 5, 1, (2, 2)),
        (7, 1, 1, (0, 0)),
        (1, 5, 2, (2, 2)),
    ],
)
def test_padding_is_tensorflows(side, kernel, stride, padding):
    assert same_padding(side, kernel, stride) == padding
    assert (side + sum(padding) - kernel) // stride + 1 == -(-side // stride)


def test_another_device_gets_the_plain_graph():
    net = FusedNet(make_net("resnet18").to("meta").units(), 32, 2)
    assert net(torch.empty(2, 3, 32, 32, device="meta")).device.type == "meta"
