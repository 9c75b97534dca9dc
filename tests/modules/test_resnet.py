import pytest
import torch
import torch.nn.functional as F

from mmsk.modules import ResNet

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def published_shapes(depth):
    """Return names and shapes of torchvision's state dict, written down by hand."""
    shapes = {}

    def convolution(name, out, channels, kernel):
        shapes[f"{name}.weight"] = (out, channels, kernel, kernel)

    def norm(name, channels):
        for part in NORM:
            shapes[f"{name}.{part}"] = () if part == NORM[-1] else (channels,)

    convolution("conv1", 64, 3, 7)
    norm("bn1", 64)
    channels = 64
    for stage, repeats in enumerate([2, 2, 2, 2] if depth == 18 else [3, 4, 6, 3]):
        width = 64 * 2**stage
        out = width if depth == 18 else 4 * width
        for repeat in range(repeats):
            block = f"layer{stage + 1}.{repeat}"
            first = channels if repeat == 0 else out
            kernels = [3, 3] if depth == 18 else [1, 3, 1]
            before = first
            for position, kernel in enumerate(kernels, 1):
                after = out if position == len(kernels) else width
                convolution(f"{block}.conv{position}", after, before, kernel)
                norm(f"{block}.bn{position}", after)
                before = after
            if repeat == 0 and (stage > 0 or depth == 50):
                convolution(f"{block}.downsample.0", out, first, 1)
                norm(f"{block}.downsample.1", out)
        channels = out
    shapes["fc.weight"] = (1000, channels)
    shapes["fc.bias"] = (1000,)
    return shapes


def published_state(depth):
    """Return such a state dict, drawn at random."""
    generator = torch.Generator().manual_seed(depth)
    state = {}
    for name, shape in published_shapes(depth).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif len(shape) == 4:
            bound = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
            state[name] = bound * torch.randn(shape, generator=generator)
        elif name.endswith(("bias", "running_mean")):
            state[name] = 0.1 * torch.randn(shape, generator=generator)
        else:
            state[name] = 0.5 + torch.rand(shape, generator=generator)
    return state


def forward_by_names(state, x, depth):
    """Compute the features from a published state dict alone (He et al., table 1)."""

    def convolve(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var, gain, bias = (
            state[f"{norm}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(y, mean, var, gain, bias, eps=1e-5)

    x = F.relu(convolve(x, "conv1", "bn1", 2))
    x = F.max_pool2d(x, 3, 2, 1)
    for stage, repeats in enumerate([2, 2, 2, 2] if depth == 18 else [3, 4, 6, 3]):
        for repeat in range(repeats):
            block, stride = (
                f"layer{stage + 1}.{repeat}",
                2 if stage and not repeat else 1,
            )
            strides = [stride, 1] if depth == 18 else [1, stride, 1]
            y = x
            for position, step in enumerate(strides, 1):
                y = convolve(
                    y, f"{block}.conv{position}", f"{block}.bn{position}", step
                )
                y = F.relu(y) if position < len(strides) else y
            past = x
            if f"{block}.downsample.0.weight" in state:
                past = convolve(
                    x, f"{block}.downsample.0", f"{block}.downsample.1", stride
                )
            x = F.relu(y + past)
    return x.mean(dim=(2, 3))


@pytest.mark.parametrize(("depth", "n_entries"), [(18, 122), (50, 320)])
def test_a_published_state_dict_loads_whole(depth, n_entries):
    state = published_state(depth)
    assert len(state) == n_entries  # as torchvision's has
    net = ResNet((3, 64, 64), depth=depth).eval()
    own = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    del own["steps"]
    shapes = published_shapes(depth)
    assert own == {n: s for n, s in shapes.items() if not n.startswith("fc.")}
    net.load_published(state)
    x = torch.rand(2, 3, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.inference_mode():
        expected = forward_by_names(state, (x - mean) / std, depth)
        assert expected.shape == (2, 512 if depth == 18 else 2048)
        torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4)


def test_a_file_of_weights(tmp_path):
    state = published_state(18)
    torch.save(state, tmp_path / "resnet18.pth")
    net = ResNet((3, 32, 32), weights=tmp_path / "resnet18.pth")
    torch.testing.assert_close(net.conv1.weight, state["conv1.weight"])
    assert net.pretrained


def test_an_unknown_depth_is_refused():
    with pytest.raises(ValueError, match="depth must be 18 or 50, got 34"):
        ResNet(depth=34)
