import pytest
import torch

from mmsk.modules import PoolingFusion, WeightedSumFusion

SIZES = {"image": 3, "text": 2}
PRESENT = torch.tensor([[True, True], [False, True], [False, False]])


def random_blocks():
    return {name: torch.randn(3, size) for name, size in SIZES.items()}


def test_formula():
    blocks = random_blocks()
    for weights in ("modality", "feature"):
        fuse = WeightedSumFusion(SIZES, out_size=4, weights=weights)
        torch.nn.init.normal_(fuse.scores)
        image, text = (
            (blocks[name] @ layer.weight.T + layer.bias).tanh()
            for name, layer in zip(SIZES, fuse.project, strict=True)
        )
        odds = fuse.scores.exp()  # (d or 1, M)
        share = odds[:, 0] / odds.sum(dim=1)
        both = share * image[0] + (1 - share) * text[0]
        expected = torch.stack([both, text[1], torch.zeros(4)])
        torch.testing.assert_close(fuse(blocks, PRESENT), expected)


def test_is_a_mean_before_training():
    blocks = random_blocks()
    weighted, mean = WeightedSumFusion(SIZES), PoolingFusion(SIZES, pooling="mean")
    weighted.project.load_state_dict(mean.project.state_dict())
    torch.testing.assert_close(weighted(blocks, PRESENT), mean(blocks, PRESENT))


def test_unknown_weights():
    with pytest.raises(ValueError, match="weights must be one of"):
        WeightedSumFusion(SIZES, weights="sample")
