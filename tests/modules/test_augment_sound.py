import pytest
import torch

from mmsk.modules import SoundAugmenter


def augmenter(seed=0, **params):
    return SoundAugmenter(**params, generator=torch.Generator().manual_seed(seed))


def sequences(n=200, length=20, n_frames=30, n_features=16):
    x = torch.zeros(n, n_frames, n_features + 1)
    x[:, :length, :-1] = 5 + 2 * torch.randn(n, length, n_features)
    x[:, :length, -1] = 1
    return x


EVERYTHING = {
    "warp": 0.2,
    "shift": 0.5,
    "gain": 6.0,
    "noise": 0.3,
    "n_time_masks": 2,
    "n_feature_masks": 2,
}


@pytest.mark.parametrize(
    "params",
    [EVERYTHING, *({k: v} for k, v in EVERYTHING.items())],
    ids=lambda params: "-".join(params),
)
def test_each_sample_is_changed_in_its_own_way_and_padding_is_not(params):
    x = sequences()
    x[1:] = x[0]
    before = x.clone()
    changed = augmenter(**params)(x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    torch.testing.assert_close(changed[..., -1], x[..., -1], rtol=0, atol=0)
    assert not changed[:, 20:].any()
    assert torch.isfinite(changed).all()
    assert len({tuple(row.flatten().tolist()) for row in changed}) > 3


def test_the_seed_is_the_change():
    x = sequences(5)
    first = augmenter(**EVERYTHING)
    torch.manual_seed(0)
    one, two = first(x), first(x)
    assert not torch.equal(one, two)
    torch.manual_seed(1)
    torch.testing.assert_close(augmenter(**EVERYTHING)(x), one, rtol=0, atol=0)
    assert not torch.equal(augmenter(1, **EVERYTHING)(x), one)


def test_predicting_changes_nothing():
    x = sequences(5)
    assert augmenter(**EVERYTHING).eval()(x) is x
    torch.testing.assert_close(augmenter()(x), x, rtol=0, atol=0)


def test_a_gain_is_one_number_for_all_features():
    x = sequences()
    change = (augmenter(gain=6.0)(x) - x)[:, :20, :-1]
    per_sample = change[:, 0, 0]
    expected = per_sample[:, None, None].expand_as(change)
    torch.testing.assert_close(change, expected, rtol=0, atol=1e-5)
    assert per_sample.abs().max() <= 6.0
    assert per_sample.min() < -5
    assert per_sample.max() > 5


def test_noise_is_in_standard_deviations_of_each_feature():
    x = sequences(500)
    x[..., 3] *= 100
    change = (augmenter(noise=0.5)(x) - x)[:, :20, :-1]
    spread = x[:, :20, :-1].std(dim=1, correction=0)
    ratio = change.std(dim=(0, 1)) / spread.square().mean(dim=0).sqrt()
    torch.testing.assert_close(ratio, torch.full((16,), 0.5), rtol=0.05, atol=0)


def test_a_shift_goes_round():
    x = sequences(300)
    changed = augmenter(shift=0.25)(x)
    steps = set()
    for one, other in zip(x, changed, strict=True):
        found = [
            k
            for k in range(-10, 10)
            if torch.equal(one[:20, :-1].roll(k, 0), other[:20, :-1])
        ]
        assert len(found) == 1
        steps.update(found)
    assert steps == set(range(-5, 6))


def test_a_warp_moves_what_features_say_along_their_axis():
    place = torch.arange(16.0)
    x = sequences(400)
    x[:, :20, :-1] = place
    changed = augmenter(warp=0.25)(x)[:, :20, :-1]
    torch.testing.assert_close(changed, changed[:, :1].expand_as(changed))
    factor = 1 / changed[:, 0, 1]  # feature 1 says where it was read
    assert 0.75 <= factor.min() < 0.77
    assert 1.23 < factor.max() <= 1.25
    expected = (place / factor[:, None]).clamp(max=15)
    torch.testing.assert_close(changed[:, 0], expected, rtol=1e-5, atol=1e-5)


def test_a_stretch_makes_more_frames_or_fewer_of_the_same_sound():
    x = sequences(400)
    x[:, :20, :-1] = torch.arange(20.0)[:, None]
    changed = augmenter(stretch=0.25)(x)
    counts = changed[..., -1].sum(dim=1)
    assert set(counts.tolist()) == set(range(15, 26))
    for row, count in zip(changed, counts.int().tolist(), strict=True):
        assert row[:count, -1].all()
        assert not row[count:].any()
        expected = (torch.arange(count) * 20 / count).clamp(max=19)
        torch.testing.assert_close(row[:count, 0], expected, rtol=1e-5, atol=1e-5)


def test_a_stretch_has_the_room_of_the_sequence():
    x = sequences(100, length=30)
    counts = augmenter(stretch=0.5)(x)[..., -1].sum(dim=1)
    assert counts.max() == 30
    assert counts.min() < 20


@pytest.mark.parametrize(
    ("params", "axis", "size"),
    [
        ({"n_time_masks": 1, "time_mask": 0.5}, 1, 20),
        ({"n_feature_masks": 1, "feature_mask": 0.25}, 2, 16),
    ],
)
def test_a_mask_is_a_stretch_of_the_mean(params, axis, size):
    x = sequences()
    changed = augmenter(**params)(x)
    longest = params.get("time_mask", params.get("feature_mask")) * size
    lengths = []
    mean = x[:, :20, :-1].mean(dim=1)
    for row in range(len(x)):
        different = (changed[row] != x[row])[:20, :-1]
        touched = different.any(dim=2 - axis).nonzero().flatten()
        lengths.append(len(touched))
        if not len(touched):
            continue
        assert touched[-1] - touched[0] + 1 == len(touched)
        whole = different[touched] if axis == 1 else different[:, touched]
        assert whole.all()
        expected = mean[row].expand(20, -1)[different]
        torch.testing.assert_close(
            changed[row, :20, :-1][different], expected, rtol=1e-5, atol=1e-5
        )
    assert max(lengths) == longest
    assert min(lengths) == 0


def test_samples_of_nothing_and_of_one_frame():
    x = sequences(4)
    x[0] = 0
    x[1, 1:] = 0
    changed = augmenter(**EVERYTHING, stretch=0.9)(x)
    assert not changed[0].any()
    assert torch.isfinite(changed).all()
    assert (changed[1:, 0, -1] == 1).all()
    assert augmenter(**EVERYTHING)(x[:0]).shape == (0, 30, 17)


@pytest.mark.parametrize(
    "params",
    [
        {"stretch": 1.0},
        {"warp": -0.1},
        {"shift": 1.5},
        {"time_mask": -0.1},
        {"feature_mask": 2},
        {"gain": -1.0},
        {"noise": -1.0},
        {"n_time_masks": -1},
        {"n_feature_masks": -1},
    ],
)
def test_refuses(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"{name} must"):
        SoundAugmenter(**params)


def test_says_what_it_does():
    assert "gain=6.0" in repr(SoundAugmenter(gain=6.0))
