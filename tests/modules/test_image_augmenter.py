import pytest
import torch

from mmsk.modules import ImageAugmenter

ALL = {"flip": 0.5, "rotation_deg": 20, "crop": 0.2, "color": 0.3, "erasing": 0.5}


def seeded(seed=0, **options):
    return ImageAugmenter(generator=torch.Generator().manual_seed(seed), **options)


def fixed(augment, *values):
    """Let the next draws be these, of the range from 0 to 1."""
    draws = iter(values)

    def uniform(x, low, high):
        return torch.full((len(x),), low + (high - low) * next(draws), dtype=x.dtype)

    augment._uniform = uniform
    return augment


def disc(height, width, radius):
    rows, columns = torch.meshgrid(
        torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij"
    )
    far = (rows - height / 2).square() + (columns - width / 2).square()
    return (radius - far.sqrt()).clamp(0, 1).expand(1, 3, height, width)


def test_nothing_is_changed_in_evaluation_or_without_strength():
    x = torch.rand(4, 3, 9, 7)
    assert seeded(**ALL).eval()(x) is x
    assert seeded()(x) is x
    assert seeded(**ALL)(x[:0]).shape == (0, 3, 9, 7)


def test_all_changes_stay_in_range_and_leave_the_input():
    x = torch.rand(64, 3, 16, 12)
    before = x.clone()
    y = seeded(**ALL)(x)
    assert y.shape == x.shape
    assert torch.equal(x, before)
    assert 0 <= y.min() <= y.max() <= 1
    assert not torch.isclose(y, x).all(dim=3).all(dim=2).all(dim=1).any()


def test_the_generator_decides_and_the_global_seed_has_no_part():
    x = torch.rand(8, 3, 10, 10)
    state = torch.get_rng_state()
    one = seeded(1, **ALL)(x)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert torch.equal(seeded(1, **ALL)(x), one)
    assert not torch.equal(seeded(2, **ALL)(x), one)
    augment = seeded(1, **ALL)
    assert not torch.equal(augment(x), augment(x))


def test_every_picture_has_changes_of_its_own():
    x = torch.rand(1, 3, 10, 10).expand(6, -1, -1, -1)
    y = seeded(**ALL)(x)
    assert len({tuple(sample.flatten().tolist()) for sample in y}) == 6


def test_flip_is_left_to_right():
    x = torch.rand(200, 3, 5, 6)
    torch.testing.assert_close(seeded(flip=1.0)(x), x.flip(-1))
    flipped = torch.isclose(seeded(flip=0.3)(x), x.flip(-1), atol=1e-5)
    share = flipped.all(dim=3).all(dim=2).all(dim=1).float().mean()
    assert 0.2 < share < 0.4


@pytest.mark.parametrize(("draw", "turns"), [(1.0, 1), (0.0, -1), (0.5, 0)])
def test_a_quarter_turn(draw, turns):
    x = torch.rand(2, 3, 8, 8)
    # angle, side, mirror, right, down
    augment = fixed(ImageAugmenter(rotation_deg=90), draw, 0.0, 1.0, 0.5, 0.5)
    expected = torch.rot90(x, turns, (2, 3))
    torch.testing.assert_close(augment(x), expected, atol=1e-5, rtol=0)


def test_a_disc_in_a_wide_picture_stays_a_disc():
    x = disc(40, 80, 15)
    augment = fixed(ImageAugmenter(rotation_deg=90), 0.8, 0.0, 1.0, 0.5, 0.5)
    # but for its edge, which is interpolated
    assert (augment(x) - x).abs().mean() < 0.01
    ellipse = x.flip(-1).roll(3, dims=-1)
    assert (ellipse - x).abs().mean() > 0.01


def test_a_crop_is_a_window_blown_up():
    x = torch.arange(16.0).reshape(1, 1, 4, 4) / 16
    # side 1/2, its middle a quarter of the picture to the right and down
    augment = fixed(ImageAugmenter(crop=0.5), 0.5, 0.0, 1.0, 1.0, 1.0)
    y = augment(x)
    window = torch.nn.functional.interpolate(x[:, :, 2:, 2:], 4, mode="bilinear")
    # inside the window; its own edge is interpolated with what is beyond
    torch.testing.assert_close(y[..., 1:, 1:], window[..., 1:, 1:])


def test_outside_is_the_edge_repeated():
    x = torch.full((3, 3, 6, 6), 0.7)
    y = seeded(rotation_deg=180, crop=0.9, flip=0.5)(x)
    torch.testing.assert_close(y, x)


def test_brightness_contrast_and_saturation():
    x = torch.tensor([0.2, 0.4, 0.6]).reshape(1, 3, 1, 1).repeat(1, 1, 2, 2)
    x[:, :, 0] *= 0.5
    brighter = fixed(ImageAugmenter(color=0.5), 1.0, 0.5, 0.5)(x)
    torch.testing.assert_close(brighter, 1.5 * x)
    flatter = fixed(ImageAugmenter(color=0.5), 0.5, 0.0, 0.5)(x)
    torch.testing.assert_close(flatter, (x + x.mean()) / 2)
    paler = fixed(ImageAugmenter(color=0.5), 0.5, 0.5, 0.0)(x)
    grey = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(paler, (x + grey[:, None]) / 2)


def test_grey_stays_grey_and_other_channels_are_read():
    x = torch.rand(5, 1, 4, 4).expand(-1, 3, -1, -1)
    y = seeded(color=0.9)(x)
    torch.testing.assert_close(y[:, 0], y[:, 2])
    assert seeded(**ALL)(torch.rand(2, 1, 8, 8)).shape == (2, 1, 8, 8)


def test_erased_rectangles():
    x = torch.rand(300, 3, 50, 40)
    y = seeded(erasing=0.5)(x)
    erased = (x != y).any(dim=1)  # (n, H, W)
    areas = erased.float().mean(dim=(1, 2))
    hit = areas > 0
    assert 0.4 < hit.float().mean() < 0.6
    assert areas[hit].max() < 0.22
    assert areas[hit].min() > 0.01
    first = int(hit.nonzero()[0])
    rows, columns = erased[first].any(1), erased[first].any(0)
    assert erased[first][rows][:, columns].all()  # a rectangle
    inside = y[first][:, erased[first]]
    torch.testing.assert_close(
        inside, x[first].mean(dim=(1, 2))[:, None].expand_as(inside)
    )


@pytest.mark.parametrize(
    "options",
    [
        {"flip": -0.1},
        {"flip": 1.1},
        {"erasing": 2},
        {"crop": 1.0},
        {"color": 1.0},
        {"rotation_deg": 181},
    ],
)
def test_parameters_are_checked(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be in"):
        ImageAugmenter(**options)
