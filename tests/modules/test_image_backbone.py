import copy

import pytest
import torch
from torch import nn

from mmsk.modules import EfficientNetLite, ImageAugmenter, ResNet

SHAPE = (3, 32, 32)


def net(**options):
    return ResNet(SHAPE, **options)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def train_a_step(module, x):
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.1)
    module.train()
    module(x).square().sum().backward()
    optimizer.step()


def test_frozen_then_unfrozen():
    module = net(out_size=4, frozen_steps=2)
    module.pretrained = True  # batch norm rests as well
    x = torch.rand(4, *SHAPE)
    before = weights(module)
    for step in range(3):
        train_a_step(module, x)
        after = weights(module)
        changed = {
            name for name in before if not torch.equal(before[name], after[name])
        }
        changed -= {"steps"}
        assert int(module.steps) == step + 1
        if step < 2:
            assert changed == {"projection.weight", "projection.bias"}
        else:
            assert {"conv1.weight", "layer4.1.bn2.weight"} <= changed
            assert not any("running" in name for name in changed)


def test_frozen_for_ever():
    module = net(out_size=4, frozen_steps=None)
    before = weights(module)["conv1.weight"]
    for _ in range(3):
        train_a_step(module, torch.rand(4, *SHAPE))
    assert torch.equal(module.conv1.weight, before)


def test_random_batch_norm_learns_its_statistics():
    module = net()
    module.train()
    module(torch.rand(4, *SHAPE))
    assert module.bn1.running_mean.abs().sum() > 0


def test_steps_travel_with_the_weights():
    module = net(frozen_steps=1)
    module.train()
    module(torch.rand(2, *SHAPE))
    other = net(frozen_steps=1)
    other.load_state_dict(module.state_dict())
    assert int(other.steps) == 1


@pytest.mark.parametrize("kind", [EfficientNetLite, ResNet])
def test_a_batch_is_its_samples_one_by_one(kind):
    module = kind(SHAPE, out_size=3).eval()
    x = torch.rand(5, *SHAPE)
    with torch.inference_mode():
        one_by_one = torch.cat([module(sample[None]) for sample in x])
        torch.testing.assert_close(module(x), one_by_one)


def test_a_blank_sample_has_finite_values_and_gradients():
    module = net(out_size=2).train()
    x = torch.zeros(3, *SHAPE, requires_grad=True)
    module(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(w.grad).all() for w in module.parameters())


def test_augmentation_is_for_training_alone():
    module = net(augment=ImageAugmenter(flip=1.0)).eval()
    x = torch.rand(2, *SHAPE)
    plain = net().eval()
    plain.load_state_dict(module.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(module(x), plain(x), rtol=0, atol=0)
        module.pretrained = plain.pretrained = True
        module.train(), plain.train()
        torch.testing.assert_close(module(x), plain(x.flip(-1)))


def test_the_generator_decides_the_weights_and_the_global_seed_stays():
    def make(seed):
        return net(out_size=2, generator=torch.Generator().manual_seed(seed))

    one, same, other = weights(make(1)), weights(make(1)), weights(make(2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])
    assert not torch.equal(one["projection.weight"], other["projection.weight"])
    # He et al.: variance 2 / (out_channels * kernel area)
    std = one["layer4.0.conv2.weight"].std()
    torch.testing.assert_close(
        std, torch.tensor((2 / (512 * 9)) ** 0.5), rtol=0.01, atol=0
    )


def test_can_be_built_on_meta_without_a_draw():
    state = torch.get_rng_state()
    with torch.device("meta"):
        module = net(out_size=2)
    assert {value.device.type for value in module.parameters()} == {"meta"}
    assert torch.equal(torch.get_rng_state(), state)


def test_a_copy_is_equal():
    module = net(augment=ImageAugmenter(flip=0.5)).eval()
    x = torch.rand(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(copy.deepcopy(module)(x), module(x))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("bn1.bias"), "they lack bn1.bias"),
        (lambda s: s.update(head=torch.zeros(1)), "they have besides head"),
        (lambda s: s.update({"conv1.weight": torch.zeros(1)}), "another shape conv1"),
    ],
)
def test_other_weights_are_refused(change, words):
    module = net()
    state = {k: v for k, v in module.state_dict().items() if k != "steps"}
    change(state)
    with pytest.raises(ValueError, match=f"not the weights of resnet18: .*{words}"):
        module.load_published(state)


def test_old_state_dicts_count_no_batches():
    module = net()
    state = {k: v for k, v in module.state_dict().items() if "num_batches" not in k}
    state.pop("steps")
    module.load_published(state)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32), (32, 32, 3)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match="A picture is"):
        ResNet(shape)


def test_result_is_normalised_averaged_and_projected():
    module = net(out_size=3).eval()
    x = torch.rand(2, *SHAPE)
    with torch.no_grad():
        pooled = module.features(module.normalised(x)).mean(dim=(2, 3))
        layer = module.projection
        assert isinstance(layer, nn.Linear)
        expected = pooled @ layer.weight.T + layer.bias
        torch.testing.assert_close(module(x), expected)
