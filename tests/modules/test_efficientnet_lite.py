"""The graphs, against what the published package gives for the same weights.

The literals are those of efficientnet-lite-pytorch 0.1.0 at its own picture sizes,
with weights drawn by NumPy's frozen generator.
"""

import numpy as np
import pytest
import torch

from mmsk.modules import EfficientNetLite

# variant: entries without the classifier, sum, norm and four of the 1280 features
PUBLISHED = {
    0: (294, 2026.5352327, 79.0192965, (1.2343818, 1.3997743, 2.9941714, 0.9018615)),
    1: (384, 2245.5603908, 88.1923359, (0.0, 0.0951686, 1.1753244, 1.0242722)),
    2: (384, 2087.9276453, 84.6747309, (0.0054713, 3.6076109, 0.0394924, 0.1117487)),
}


def drawn_weights(net):
    """Return weights that any machine draws alike, as a published state dict."""
    random = np.random.RandomState(0)
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    state = {}
    for name in sorted(shapes):
        shape = shapes[name]
        if name.endswith("num_batches_tracked") or name == "steps":
            continue
        if len(shape) == 4:
            values = random.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        elif name.endswith(("bias", "running_mean")):
            values = random.normal(0, 0.1, shape)
        else:
            values = random.uniform(0.5, 1.5, shape)
        state[name] = torch.from_numpy(values.astype(np.float32))
    return state


@pytest.mark.parametrize("variant", PUBLISHED)
def test_features_are_those_of_the_published_package(variant):
    n_entries, total, norm, some = PUBLISHED[variant]
    net = EfficientNetLite(variant=variant).eval()
    net.load_published(drawn_weights(net))
    assert len(net.state_dict()) - 1 == n_entries  # "steps" is ours
    side = {0: 224, 1: 240, 2: 260}[variant]
    assert net.side == side
    pixels = np.random.RandomState(1).randint(0, 256, (1, 3, side, side))
    with torch.inference_mode():
        (features,) = net(torch.from_numpy(pixels.astype(np.float32)) / 255)
    features = features.double().numpy()
    assert features.shape == (1280,)
    np.testing.assert_allclose(features.sum(), total, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features), norm, rtol=1e-4)
    scale = 1e-4 * features.max()
    np.testing.assert_allclose(features[[0, 1, 500, 1279]], some, rtol=0, atol=scale)


def test_names_are_the_published_ones():
    names = set(EfficientNetLite().state_dict())
    assert {
        "_conv_stem.weight",
        "_bn0.running_mean",
        "_blocks.0._depthwise_conv.weight",
        "_blocks.0._project_conv.weight",
        "_blocks.1._expand_conv.weight",
        "_blocks.15._bn2.num_batches_tracked",
        "_conv_head.weight",
        "_bn1.bias",
    } <= names
    assert "_blocks.0._expand_conv.weight" not in names


@pytest.mark.parametrize(("variant", "millions"), [(0, 3.371), (1, 4.136), (2, 4.811)])
def test_number_of_parameters(variant, millions):
    with torch.device("meta"):
        net = EfficientNetLite(variant=variant)
    count = sum(weight.numel() for weight in net.parameters())
    assert round(count / 1e6, 3) == millions


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (1, 70)])
def test_any_size_is_read(height, width):
    net = EfficientNetLite((3, height, width), out_size=5).eval()
    with torch.inference_mode():
        features = net.features(torch.rand(2, 3, height, width))
        assert features.shape == (2, 1280, -(-height // 32), -(-width // 32))
        assert net(torch.rand(2, 3, height, width)).shape == (2, 5)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="variant must be 0, 1 or 2, got 3"):
        EfficientNetLite(variant=3)


def test_features_of_the_installed_weights():
    net = EfficientNetLite(weights="auto").eval()
    rows, columns = np.mgrid[:224, :224]
    disc = (rows - 112) ** 2 + (columns - 112) ** 2 < 60**2
    picture = np.stack([rows, columns, np.where(disc, 200, 30)]).astype(np.float32)
    with torch.inference_mode():
        (features,) = net(torch.from_numpy(picture)[None] / 255)
    features = features.double().numpy()
    # the published package's, with the same weights
    np.testing.assert_allclose(features.sum(), 143.4137113, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features), 14.6589935, rtol=1e-4)
    assert features.argmax() == 113
    np.testing.assert_allclose(features[[2, 113]], [2.5060596, 4.7104468], rtol=1e-4)
