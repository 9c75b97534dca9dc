"""What every fusion mechanism keeps."""

from functools import partial

import pytest
import torch
from torch.autograd import gradcheck

from mmsk.modules import (
    AttentionFusion,
    BilinearFusion,
    ConcatFusion,
    CrossModalFusion,
    GatedFusion,
    PoolingFusion,
    TensorFusion,
    WeightedSumFusion,
)

MECHANISMS = {
    "concat": ConcatFusion,
    "sum": PoolingFusion,
    "mean": partial(PoolingFusion, pooling="mean"),
    "max": partial(PoolingFusion, pooling="max"),
    "weighted-modality": WeightedSumFusion,
    "weighted-feature": partial(WeightedSumFusion, weights="feature"),
    "gated": GatedFusion,
    "attention": partial(AttentionFusion, n_heads=2),
    "cross_modal": partial(CrossModalFusion, n_heads=2),
    "bilinear": BilinearFusion,
    "tensor": partial(TensorFusion, rank=2),
}
# names that an nn.ModuleDict refuses
SIZES = {"type": 3, "a.b": 2, "audio": 1}
PRESENT = torch.tensor(
    [[True] * 3, [False, True, True], [True, False, False], [False] * 3]
)
each_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS)


def random_blocks(n=4, **kwargs):
    return {name: torch.randn(n, size, **kwargs) for name, size in SIZES.items()}


def make(mechanism, out_size=32):
    fuse = MECHANISMS[mechanism](SIZES, out_size)
    for weight in fuse.parameters():
        if weight.dim() == 1 or not weight.any():
            torch.nn.init.normal_(weight)  # zeros and ones hide mistakes
    return fuse


@each_mechanism
def test_shape_and_width(mechanism):
    fuse = make(mechanism, 6)
    assert fuse.out_size == 6
    assert fuse.names == tuple(SIZES)
    assert fuse(random_blocks(), PRESENT).shape == (4, 6)


@each_mechanism
def test_what_stands_for_an_absent_modality_changes_nothing(mechanism):
    fuse = make(mechanism)
    blocks = random_blocks()
    fused = fuse(blocks, PRESENT)
    for fill in (torch.nan, torch.inf, 1e9):
        other = {
            name: block.masked_fill(~PRESENT[:, [m]], fill)
            for m, (name, block) in enumerate(blocks.items())
        }
        assert torch.equal(fuse(other, PRESENT), fused)


@each_mechanism
def test_what_stands_for_a_present_modality_does_change_it(mechanism):
    fuse = make(mechanism)
    blocks = random_blocks()
    fused = fuse(blocks, PRESENT)
    for m, (name, block) in enumerate(blocks.items()):
        moved = fuse(blocks | {name: block - 3.0}, PRESENT) != fused
        assert moved.any(dim=1).tolist() == PRESENT[:, m].tolist()


@each_mechanism
def test_presence_matters(mechanism):
    fuse = make(mechanism)
    blocks = {name: torch.zeros(4, size) for name, size in SIZES.items()}
    fused = fuse(blocks, PRESENT)
    told = {tuple(row.tolist()) for row in fused.detach()}
    # one weight tensor alone takes zeros for a present modality as for an absent one
    assert len(told) > 1 or mechanism == "tensor"


@each_mechanism
def test_nothing_present_is_finite_and_so_are_the_gradients(mechanism):
    fuse = make(mechanism)
    blocks = random_blocks(requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):  # no NaN on the way either
        fuse(blocks, PRESENT).square().sum().backward()
    for tensor in (*blocks.values(), *fuse.parameters()):
        assert torch.isfinite(tensor.grad).all()
    for m, block in enumerate(blocks.values()):
        assert not block.grad[~PRESENT[:, m]].any()
        assert block.grad[PRESENT[:, m]].any(dim=1).all()


@each_mechanism
def test_a_batch_is_its_rows_one_by_one(mechanism):
    fuse = make(mechanism)
    blocks = random_blocks()
    single = [
        fuse({name: block[[i]] for name, block in blocks.items()}, PRESENT[[i]])
        for i in range(4)
    ]
    torch.testing.assert_close(torch.cat(single), fuse(blocks, PRESENT))


@each_mechanism
def test_order_of_the_given_blocks_does_not_matter(mechanism):
    fuse = make(mechanism)
    blocks = random_blocks()
    turned = dict(reversed(blocks.items()))
    assert torch.equal(fuse(turned, PRESENT), fuse(blocks, PRESENT))


@each_mechanism
def test_gradients(mechanism):
    fuse = make(mechanism, 2).double()

    def run(*tensors):
        return fuse(dict(zip(SIZES, tensors, strict=False)), PRESENT)

    blocks = random_blocks(dtype=torch.float64, requires_grad=True)
    assert gradcheck(run, (*blocks.values(), *fuse.parameters()))


@each_mechanism
def test_wrong_presence_is_refused(mechanism):
    with pytest.raises(ValueError, match=r"one column for each of .* got 2"):
        make(mechanism)(random_blocks(), PRESENT[:, :2])


@each_mechanism
def test_a_single_modality(mechanism):
    fuse = MECHANISMS[mechanism]({"one": 3}, 4)
    fused = fuse({"one": torch.randn(2, 3)}, torch.tensor([[True], [False]]))
    assert torch.isfinite(fused).all()
    assert not torch.equal(fused[0], fused[1])
