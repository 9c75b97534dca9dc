import pytest
import torch

from mmsk.modules import TensorFusion

SIZES = {"image": 3, "text": 2}


def test_is_a_linear_layer_on_the_outer_product():
    fuse = TensorFusion(SIZES, out_size=4, rank=3)
    torch.nn.init.normal_(fuse.factors[0].bias)
    torch.nn.init.normal_(fuse.bias)
    image, text = torch.randn(5, 3), torch.randn(5, 2)
    one = torch.ones(5, 1)
    outer = torch.einsum(
        "ni,nj->nij", torch.cat([image, one], 1), torch.cat([text, one], 1)
    )
    # the weight tensor of rank 3, written out
    full = [
        torch.cat([layer.weight, layer.bias[:, None]], dim=1).view(3, 4, -1)
        for layer in fuse.factors
    ]
    weight = torch.einsum("rdi,rdj->dij", *full) / 3
    expected = torch.einsum("nij,dij->nd", outer, weight) + fuse.bias
    fused = fuse({"image": image, "text": text}, torch.ones(5, 2, dtype=torch.bool))
    torch.testing.assert_close(fused, expected)


def test_an_absent_block_leaves_the_products_of_the_others():
    fuse = TensorFusion(SIZES, out_size=4, rank=1)
    torch.nn.init.normal_(fuse.factors[0].bias)
    text = torch.randn(1, 2)
    fused = fuse(
        {"image": torch.randn(1, 3), "text": text}, torch.tensor([[False, True]])
    )
    expected = fuse.factors[0].bias * fuse.factors[1](text)
    torch.testing.assert_close(fused, expected)


def test_wrong_rank():
    with pytest.raises(ValueError, match="rank must be positive, got 0"):
        TensorFusion(SIZES, rank=0)
