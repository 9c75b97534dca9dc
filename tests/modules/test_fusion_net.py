import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from mmsk.modules import MLP, ConcatFusion, CrossModalFusion, FusionNet, GatedFusion

MECHANISMS = [ConcatFusion, GatedFusion]
# names that nn.ModuleDict refuses
NAMES = ("type", "a.b", "image")


def make_net(mechanism=GatedFusion, **kwargs):
    encoders = {name: MLP(3, (4,), activation="tanh") for name in NAMES}
    fusion = mechanism(dict.fromkeys(NAMES, 4), out_size=5)
    return FusionNet(encoders, fusion, MLP(5, (), out_size=2), **kwargs)


def random_batch(n, **kwargs):
    blocks = {name: torch.randn(n, 3, **kwargs) for name in NAMES}
    present = torch.rand(n, 3) < 0.5
    present[0] = True
    present[1] = False
    return blocks, present


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_is_the_composition_of_its_parts(mechanism):
    net = make_net(mechanism)
    blocks, present = random_batch(6)
    present[:] = True
    encoded = {
        name: encoder(blocks[name])
        for name, encoder in zip(NAMES, net.encoders, strict=True)
    }
    torch.testing.assert_close(
        net(blocks, present), net.head(net.fusion(encoded, present))
    )


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("content", [1e6, float("nan")])
def test_absent_content_changes_neither_outputs_nor_gradients(mechanism, content):
    net = make_net(mechanism)
    blocks, present = random_batch(20)
    expected = net(blocks, present)
    expected.square().sum().backward()
    gradients = [weight.grad.clone() for weight in net.parameters()]
    assert torch.isfinite(expected).all()
    net.zero_grad()
    other = {
        name: blocks[name].masked_fill(~present[:, [m]], content)
        for m, name in enumerate(NAMES)
    }
    outputs = net(other, present)
    outputs.square().sum().backward()
    assert torch.equal(outputs, expected)
    for weight, gradient in zip(net.parameters(), gradients, strict=True):
        assert torch.isfinite(gradient).all()
        assert torch.equal(weight.grad, gradient)


def test_absent_rows_do_not_reach_batch_statistics():
    encoders = {"a": nn.BatchNorm1d(3), "b": nn.BatchNorm1d(3)}
    net = FusionNet(encoders, GatedFusion({"a": 3, "b": 3}, 2), nn.Identity())
    blocks = {"a": torch.randn(8, 3), "b": torch.randn(8, 3)}
    present = torch.ones(8, 2, dtype=torch.bool)
    present[0, 0] = False
    expected = net(blocks, present)
    blocks["a"][0] = 1e6
    assert torch.equal(net(blocks, present), expected)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_batch_equals_one_by_one(mechanism):
    net = make_net(mechanism).eval()
    blocks, present = random_batch(6)
    rows = [
        net({k: v[i : i + 1] for k, v in blocks.items()}, present[i : i + 1])
        for i in range(6)
    ]
    torch.testing.assert_close(torch.cat(rows), net(blocks, present))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_gradients(mechanism):
    net = make_net(mechanism).double()
    blocks, present = random_batch(4, dtype=torch.float64, requires_grad=True)

    def run(*tensors):
        return net(dict(zip(NAMES, tensors, strict=True)), present)

    assert gradcheck(run, tuple(blocks.values()))


def test_encoded_blocks_of_absent_modalities_are_zero():
    # for mechanisms that don't look at the presence: the encoder of zeros is 7
    class Sum(nn.Module):
        def forward(self, blocks, present):
            return sum(blocks.values())

    encoders = {name: nn.Linear(2, 1) for name in "ab"}
    for encoder in encoders.values():
        nn.init.constant_(encoder.bias, 7.0)
        nn.init.zeros_(encoder.weight)
    net = FusionNet(encoders, Sum(), nn.Identity())
    present = torch.tensor([[True, True], [True, False], [False, False]])
    out = net({name: torch.randn(3, 2) for name in "ab"}, present)
    assert out.tolist() == [[14.0], [7.0], [0.0]]


def test_raw_blocks_of_any_shape():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    net = FusionNet(
        {"picture": flat, "text": nn.Linear(2, 4)},
        ConcatFusion({"picture": 4, "text": 4}, out_size=3),
        nn.Linear(3, 1),
    )
    blocks = {"picture": torch.randn(5, 3, 2, 2), "text": torch.randn(5, 2)}
    present = torch.tensor([[True, True]] * 4 + [[False, True]])
    expected = net(blocks, present)
    blocks["picture"][4] = 9.0
    assert torch.equal(net(blocks, present), expected)


def test_modality_dropout_shares():
    net = make_net(modality_dropout=0.3, generator=torch.Generator().manual_seed(0))
    present = torch.ones(50_000, 3, dtype=torch.bool)
    present[:10_000, 2] = False
    present[:10, :] = False
    kept = net._drop_modalities(present)
    assert not (kept & ~present).any()
    assert torch.equal(kept.any(dim=1), present.any(dim=1))
    # of three: kept alone .7, or the best of three that were all dropped .3^3 / 3
    expected = 0.7 + 0.3**3 / 3
    shares = kept[10_000:].double().mean(dim=0)
    torch.testing.assert_close(
        shares, torch.full((3,), expected, dtype=torch.double), rtol=0, atol=0.01
    )


def test_modality_dropout_only_in_training_and_by_the_own_generator():
    net = make_net(modality_dropout=0.5, generator=torch.Generator().manual_seed(1))
    blocks, present = random_batch(40)
    state = torch.get_rng_state()
    first, second = net(blocks, present), net(blocks, present)
    assert not torch.equal(first, second)
    net.generator.manual_seed(1)
    assert torch.equal(net(blocks, present), first)
    assert torch.equal(torch.get_rng_state(), state)
    net.eval()
    assert torch.equal(net(blocks, present), net(blocks, present))


def test_can_be_built_on_meta():
    with torch.device("meta"):
        net = make_net(modality_dropout=0.1)
    assert {weight.device.type for weight in net.parameters()} == {"meta"}


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_modality_dropout_range(p):
    with pytest.raises(ValueError, match="modality_dropout"):
        make_net(modality_dropout=p)


class TestAuxiliary:
    def net(self, **params):
        encoders = {"image": MLP(3, (5,)), "text": MLP(2, (4,))}
        fuse = ConcatFusion({"image": 5, "text": 4}, out_size=6)
        heads = [nn.Linear(5, 2), nn.Linear(4, 2)]
        return FusionNet(encoders, fuse, nn.Linear(6, 2), auxiliary=heads, **params)

    def test_outputs_of_the_modalities_by_themselves(self):
        net = self.net()
        blocks = {"image": torch.randn(3, 3), "text": torch.randn(3, 2)}
        present = torch.tensor([[True, True], [False, True], [True, False]])
        main, alone, seen = FusionNet.unpack(net(blocks, present), 2)
        assert torch.equal(seen, present)
        for m, (encoder, head, x) in enumerate(
            zip(net.encoders, net.auxiliary, blocks.values(), strict=True)
        ):
            expected = head(encoder(x))
            has = present[:, m]
            torch.testing.assert_close(alone[has, m], expected[has])
        plain, *nothing = FusionNet.unpack(net.eval()(blocks, present), 2)
        assert torch.equal(plain, main)
        assert nothing == [None, None]

    @pytest.mark.parametrize("content", [0.0, 1e6, float("nan")])
    def test_weighted_mean_of_the_heads_that_saw_something(self, content):
        net = self.net(auxiliary_weights=(0.5, 2))
        blocks = {"image": torch.randn(4, 3), "text": torch.randn(4, 2)}
        present = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 0]], dtype=torch.bool)
        main, alone, _ = FusionNet.unpack(net(blocks, present), 2)
        expected = [
            (main[0] + 0.5 * alone[0, 0] + 2 * alone[0, 1]) / 3.5,
            (main[1] + 2 * alone[1, 1]) / 3,
            (main[2] + 0.5 * alone[2, 0]) / 1.5,
            main[3],
        ]
        blocks["image"][~present[:, 0]] = content
        blocks["text"][~present[:, 1]] = content
        said = net.eval()(blocks, present)
        torch.testing.assert_close(said, torch.stack(expected))

    @pytest.mark.parametrize("weights", [(1.0,), (1, -1), (1, float("nan"))])
    def test_weights_refused(self, weights):
        with pytest.raises(ValueError, match="auxiliary_weights must hold one finite"):
            self.net(auxiliary_weights=weights)

    def test_a_dropped_modality_counts_as_absent(self):
        net = self.net(modality_dropout=0.6)
        blocks = {"image": torch.randn(200, 3), "text": torch.randn(200, 2)}
        present = torch.ones(200, 2, dtype=torch.bool)
        _, _, seen = FusionNet.unpack(net(blocks, present), 2)
        assert 0.3 < seen.float().mean() < 0.8
        assert seen.any(dim=1).all()

    def test_sequences_are_averaged(self):
        heads = [nn.Linear(3, 2), nn.Linear(2, 2)]
        fuse = CrossModalFusion({"audio": 3, "text": 2}, out_size=4)
        encoders = {"audio": nn.Identity(), "text": nn.Identity()}
        net = FusionNet(encoders, fuse, nn.Linear(4, 2), auxiliary=heads)
        blocks = {"audio": torch.randn(5, 7, 3), "text": torch.randn(5, 2)}
        outputs = net(blocks, torch.ones(5, 2, dtype=torch.bool))
        _, alone, _ = FusionNet.unpack(outputs, 2)
        torch.testing.assert_close(alone[:, 0], heads[0](blocks["audio"].mean(dim=1)))

    def test_another_number_of_heads(self):
        with pytest.raises(ValueError, match="one head for each of"):
            FusionNet(
                {"a": MLP(3, (5,)), "b": MLP(3, (5,))},
                ConcatFusion({"a": 5, "b": 5}),
                nn.Linear(64, 2),
                auxiliary=[nn.Linear(5, 2)],
            )
