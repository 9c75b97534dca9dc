import pytest
import torch

from mmsk.modules import BilinearFusion

SIZES = {"image": 3, "text": 2, "audio": 1}


def factors(fuse, blocks):
    return [
        (block @ layer.weight.T + layer.bias).tanh()
        for block, layer in zip(blocks.values(), fuse.factors, strict=True)
    ]


def test_two_modalities_are_kims_formula():
    sizes = {"image": 3, "text": 2}
    fuse = BilinearFusion(sizes, out_size=4, rank=5)
    blocks = {name: torch.randn(3, size) for name, size in sizes.items()}
    present = torch.tensor([[True, True], [False, True], [False, False]])
    image, text = factors(fuse, blocks)
    z = torch.stack([image[0] * text[0], text[1], torch.zeros(5)])
    expected = z @ fuse.mix.weight.T + fuse.mix.bias
    torch.testing.assert_close(fuse(blocks, present), expected)


def test_pairs_of_three():
    fuse = BilinearFusion(SIZES, out_size=4)
    assert fuse.rank == 8
    blocks = {name: torch.randn(3, size) for name, size in SIZES.items()}
    present = torch.tensor(
        [[True, True, True], [True, True, False], [False, False, True]]
    )
    a, b, c = factors(fuse, blocks)
    z = torch.stack(
        [
            a[0] * b[0] + a[0] * c[0] + b[0] * c[0],
            a[1] * b[1] + a[1] + b[1],
            # two of the three pairs are left
            (c[2] + c[2]) * 3 / 2,
        ]
    )
    torch.testing.assert_close(fuse(blocks, present), fuse.mix(z))


def test_full_rows_do_not_say_which_sign_a_lone_factor_has():
    sizes = {"image": 3, "text": 2}
    fuse = BilinearFusion(sizes, out_size=4)
    blocks = {name: torch.randn(2, size) for name, size in sizes.items()}
    present = torch.tensor([[True, True], [False, True]])
    before = fuse(blocks, present) - fuse.mix.bias
    with torch.no_grad():
        for parameter in fuse.factors.parameters():
            parameter.neg_()
    after = fuse(blocks, present) - fuse.mix.bias
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1], -before[1])


def test_wrong_rank():
    with pytest.raises(ValueError, match="rank must be positive, got 0"):
        BilinearFusion(SIZES, rank=0)
