import pytest
import torch

from mmsk.modules import ImageAugmenter, ImageCNN


def small(shape=(3, 16, 12), **options):
    return ImageCNN(shape, widths=(8, 16), out_size=5, **options)


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 7, 9), (3, 1, 1), (6, 64, 5)])
def test_any_shape(shape):
    net = small(shape)
    assert net(torch.rand(3, *shape)).shape == (3, 5)
    assert net.out_size == 5


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_is_its_samples_one_by_one_in_training_as_well(training):
    net = small().train(training)
    x = torch.rand(4, 3, 16, 12)
    one_by_one = torch.cat([net(sample[None]) for sample in x])
    torch.testing.assert_close(net(x), one_by_one)


def test_a_blank_sample_has_finite_values_and_gradients():
    net = small()
    x = torch.zeros(2, 3, 16, 12, requires_grad=True)
    net(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters())


def test_the_generator_decides_weights_and_dropout():
    def run(seed):
        net = small(dropout=0.5, generator=torch.Generator().manual_seed(seed))
        return net(torch.full((2, 3, 16, 12), 0.3))

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_augmentation_is_for_training_alone():
    net = small(augment=ImageAugmenter(flip=1.0)).eval()
    x = torch.rand(2, 3, 16, 12)
    plain = net(x)
    torch.testing.assert_close(net.train()(x), net.eval()(x.flip(-1)))
    assert not torch.allclose(net.train()(x), plain)


def test_it_tells_stripes_across_from_stripes_along():
    pictures = torch.rand(40, 3, 16, 16) * 0.3
    pictures[:20, :, ::4] += 0.6
    pictures[20:, :, :, ::4] += 0.6
    target = torch.arange(40) // 20
    net = torch.nn.Sequential(small((3, 16, 16)), torch.nn.Linear(5, 2))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(25):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(pictures), target).backward()
        optimizer.step()
    assert (net(pictures).argmax(1) == target).all()


def test_can_be_built_on_meta():
    with torch.device("meta"):
        net = small()
    assert {weight.device.type for weight in net.parameters()} == {"meta"}


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((28, 28), {}, "A picture is"),
        ((3, 0, 4), {}, "A picture is"),
        ((3, 8, 8), {"widths": ()}, "multiples of 8"),
        ((3, 8, 8), {"widths": (8, 12)}, "multiples of 8"),
    ],
)
def test_parameters_are_checked(shape, options, words):
    with pytest.raises(ValueError, match=words):
        ImageCNN(shape, **options)
