import pytest
import torch

from mmsk.modules import PoolingFusion

SIZES = {"image": 3, "text": 2}
PRESENT = torch.tensor([[True, True], [False, True], [False, False]])


def test_formula():
    blocks = {name: torch.randn(3, size) for name, size in SIZES.items()}
    for pooling in ("sum", "mean", "max"):
        fuse = PoolingFusion(SIZES, out_size=4, pooling=pooling)
        image, text = (
            (blocks[name] @ layer.weight.T + layer.bias).tanh()
            for name, layer in zip(SIZES, fuse.project, strict=True)
        )
        both = {
            "sum": image[0] + text[0],
            "mean": (image[0] + text[0]) / 2,
            "max": torch.maximum(image[0], text[0]),
        }[pooling]
        expected = torch.stack([both, text[1], torch.zeros(4)])
        torch.testing.assert_close(fuse(blocks, PRESENT), expected)


def test_an_unknown_pooling():
    with pytest.raises(ValueError, match="pooling must be one of"):
        PoolingFusion(SIZES, pooling="median")
