from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mmsk.feature_extraction.image._fused_net import FusedNet, has_fused_convolutions
from mmsk.feature_extraction.image._onednn_graph import compiled
from mmsk.modules._image_units import Convolution, Unit
from tests.feature_extraction.image._nets import batch, make_net


def unit(**changes):
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(8, 3, 3, 3, generator=generator)
    second = torch.randn(8, 8, 1, 1, generator=generator)
    path = (
        Convolution(first, torch.arange(8.0), padding=1, activation="relu6"),
        Convolution(second, torch.arange(8.0)),
    )
    return Unit("one", path, **changes)


needs_onednn = pytest.mark.skipif(
    not has_fused_convolutions() or compiled([unit()], (1, 3, 9, 9)) is None,
    reason="no oneDNN in this torch",
)


@needs_onednn
def test_a_graph_computes_what_its_layers_compute():
    skip = Unit(
        "two",
        (Convolution(torch.ones(8, 1, 3, 3), torch.zeros(8), padding=1, groups=8),),
        skip=True,
        activation="relu",
        max_pool=True,
    )
    x = batch(2, 9)
    first, second = unit().path
    conv = torch.nn.functional.conv2d
    y = conv(x, first.weight, first.bias, padding=1).clamp(0, 6)
    y = conv(y, second.weight, second.bias)
    y = (conv(y, torch.ones(8, 1, 3, 3), padding=1, groups=8) + y).clamp(min=0)
    expected = torch.nn.functional.max_pool2d(y, 3, stride=2, padding=1)
    with torch.inference_mode():
        got = compiled([unit(), skip], (2, 3, 9, 9))(x)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)


@needs_onednn
def test_input_may_lie_otherwise_in_memory():
    run = compiled([unit()], (2, 3, 9, 9))
    x = batch(2, 9)
    with torch.inference_mode():
        got, expected = run(x.contiguous()), run(x)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)


@needs_onednn
def test_threads_share_a_graph():
    net = FusedNet(make_net("efficientnet_lite0").units(), 64, 2)
    pictures = [batch(2, 64, seed) for seed in range(4)]
    alone = [net(x) for x in pictures]
    with ThreadPoolExecutor(2) as pool:
        for together in pool.map(lambda _: [net(x) for x in pictures], range(4)):
            assert all(map(torch.equal, alone, together))


@needs_onednn
@pytest.mark.parametrize("enabled", [False, True])
def test_the_switch_of_the_process_stays_as_it_was(enabled):
    before = torch.jit.onednn_fusion_enabled()
    torch.jit.enable_onednn_fusion(enabled)
    try:
        compiled([unit()], (1, 3, 9, 9))
        assert torch.jit.onednn_fusion_enabled() is enabled
    finally:
        torch.jit.enable_onednn_fusion(before)


@pytest.mark.parametrize("side", [1, 32])
def test_maps_of_one_position(side):
    net = make_net("efficientnet_lite0")
    x = batch(2, side)
    with torch.inference_mode():
        expected = net.features(x)
    got = FusedNet(net.units(), side, 2)(x)
    scale = float(expected.abs().max())
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * scale)


def test_a_build_that_cannot_compile_calls_layer_by_layer(monkeypatch):
    monkeypatch.delattr(torch._C, "_jit_set_llga_enabled", raising=False)
    assert compiled([unit()], (1, 3, 9, 9)) is None
    net = make_net("resnet18")
    x = batch(1, 40)
    got = FusedNet(net.units(), 40, 1)(x)
    kind = "operations" if has_fused_convolutions() else "plain"
    assert torch.equal(got, FusedNet(net.units(), 40, 1, kind)(x))


def test_another_torch_may_lack_the_graphs(monkeypatch):
    monkeypatch.delattr(torch._C, "_create_function_from_graph")
    assert compiled([unit()], (1, 3, 9, 9)) is None
    x = batch(2, 64)
    units = make_net("efficientnet_lite0").units()
    plain = FusedNet(units, 64, 2, kind="plain")(x)
    torch.testing.assert_close(FusedNet(units, 64, 2)(x), plain, rtol=1e-4, atol=1e-4)
