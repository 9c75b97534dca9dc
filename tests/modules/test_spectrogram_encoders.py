import pytest
import torch
from torch.autograd import gradcheck

from mmsk.modules import SoundAugmenter, SpectrogramCNN, SpectrogramCRNN
from mmsk.modules._spectrogram_frames import SpectrogramFrames

KINDS = [SpectrogramCNN, SpectrogramCRNN]
each = pytest.mark.parametrize("kind", KINDS)
SMALL = {"widths": (4, 6), "out_size": 5}


def sequences(*lengths, n_frames=11, n_features=7):
    """Return noise, padded behind."""
    x = torch.zeros(len(lengths), n_frames, n_features + 1)
    for row, length in enumerate(lengths):
        x[row, :length, :-1] = 3 + 2 * torch.randn(length, n_features)
        x[row, :length, -1] = 1
    return x


@each
def test_a_batch_is_its_rows_one_by_one(kind):
    net = kind((11, 8), **SMALL).eval()
    x = sequences(11, 4, 0, 1, 10)
    single = torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(net(x), single, rtol=1e-5, atol=1e-6)
    assert net(x).shape == (5, net.out_size)
    assert net.out_size == 5


@each
@pytest.mark.parametrize("normalize", ["sample", "feature", None])
@pytest.mark.parametrize("more", [1, 2, 5])
def test_more_padding_changes_nothing(kind, normalize, more):
    net = kind((11, 8), normalize=normalize, **SMALL).eval()
    x = sequences(11, 6, 3)
    longer = torch.cat([x, torch.zeros(3, more, 8)], dim=1)
    torch.testing.assert_close(net(longer), net(x), rtol=1e-5, atol=1e-6)


@each
def test_what_stands_in_padding_has_no_part(kind):
    net = kind((11, 8), **SMALL).eval()
    x = sequences(5, 8)
    dirty = x.clone()
    dirty[0, 5:, :-1] = 1e6
    dirty[1, 8:, :-1] = torch.nan
    torch.testing.assert_close(net(dirty), net(x), rtol=0, atol=0)


@each
def test_all_padding_has_finite_values_and_gradients(kind):
    net = kind((11, 8), **SMALL)
    x = sequences(0, 3, 0).requires_grad_()
    out = net(x)
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert torch.isfinite(x.grad).all()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
    torch.testing.assert_close(out[0], out[2])


@each
def test_order_of_frames_matters_but_not_loudness(kind):
    net = kind((11, 8), normalize="sample", **SMALL).eval()
    x = sequences(11)
    turned = x.flip(1)
    assert not torch.allclose(net(x), net(turned), rtol=1e-3)
    louder = torch.cat([x[..., :-1] * 7 + 40, x[..., -1:]], dim=-1)
    torch.testing.assert_close(net(louder), net(x), rtol=1e-3, atol=1e-4)


def test_of_constant_units_a_feature_is_free():
    net = SpectrogramCNN((11, 8), normalize="feature", **SMALL).eval()
    x = sequences(11, 6)
    scaled = x.clone()
    scaled[..., :-1] *= torch.arange(1.0, 8.0)
    scaled[0, :11, :-1] += torch.arange(7.0)
    torch.testing.assert_close(net(scaled), net(x), rtol=1e-3, atol=1e-4)


@each
def test_the_seed_is_the_net(kind):
    x = sequences(11, 5)

    def outputs(seed):
        generator = torch.Generator().manual_seed(seed)
        net = kind((11, 8), dropout=0.5, generator=generator, **SMALL)
        return net(x), net(x), net.eval()(x)

    for one, other in zip(outputs(1), outputs(1), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    first, second, evaluated = outputs(1)
    assert not torch.equal(first, second)
    assert not torch.equal(evaluated, outputs(2)[2])


@each
def test_weights_do_not_touch_the_global_stream(kind):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(3)
    a = kind((11, 8), generator=generator, **SMALL).state_dict()
    torch.manual_seed(4)
    b = kind((11, 8), generator=generator.manual_seed(0), **SMALL).state_dict()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0)


@each
def test_can_be_built_on_meta(kind):
    with torch.device("meta"):
        net = kind((11, 8), **SMALL)
    assert {weight.device.type for weight in net.parameters()} == {"meta"}


@each
def test_augments_in_training_only(kind):
    augment = SoundAugmenter(noise=1.0, generator=torch.Generator().manual_seed(0))
    net = kind((11, 8), augment=augment, **SMALL)
    x = sequences(11, 9)
    assert not torch.equal(net(x), net(x))
    net.eval()
    torch.testing.assert_close(net(x), net(x), rtol=0, atol=0)


@each
def test_learns_where_a_tone_is(kind):
    torch.manual_seed(0)
    x = 0.1 * torch.randn(120, 8, 9)
    x[..., -1] = 1
    y = torch.arange(120) % 2
    x[y == 0, 3, 2] += 3  # low, high
    x[y == 1, 3, 6] += 3
    generator = torch.Generator().manual_seed(0)
    encoder = kind(
        (8, 9), widths=(8,), normalize="sample", out_size=8, generator=generator
    )
    net = torch.nn.Sequential(encoder, torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[:80]), y[:80]).backward()
        optimizer.step()
    assert (net.eval()(x[80:]).argmax(dim=1) == y[80:]).float().mean() > 0.9


def test_frames_are_halved_and_masked():
    frames = SpectrogramFrames((11, 8), (4, 6), None)
    out, there = frames(sequences(11, 5, 4, 0))
    assert out.shape == (4, 3, frames.out_size)
    assert frames.out_size == 6 * 2  # 7 features become 4, then 2
    assert there.sum(dim=1).tolist() == [3, 2, 1, 0]
    assert not out[~there].any()


def test_gradients_of_frames():
    frames = SpectrogramFrames((6, 4), (3,), "feature").double()
    x = sequences(6, 3, n_frames=6, n_features=3).double().requires_grad_()
    there = x[..., -1:].detach()

    def of_features(features):
        return frames(torch.cat([features, there], dim=-1))[0]

    assert gradcheck(of_features, (x[..., :-1].detach().requires_grad_(),))


@each
@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        ((11,), {}, r"n_features \+ 1.*got \(11,\)"),
        ((11, 1), {}, "says what is there"),
        ((0, 8), {}, "says what is there"),
        ((11, 8), {"widths": ()}, "widths must be positive"),
        ((11, 8), {"widths": (4, 0)}, "widths must be positive"),
        ((11, 8), {"normalize": "batch"}, "normalize must be one of"),
    ],
)
def test_refuses(kind, shape, params, message):
    with pytest.raises(ValueError, match=message):
        kind(shape, **params)
