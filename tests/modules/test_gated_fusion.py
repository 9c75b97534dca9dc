import pytest
import torch
from torch.autograd import gradcheck

from mmsk.modules import GatedFusion

SIZES = {"image": 3, "text": 2, "audio": 1}
PRESENT = torch.tensor(
    [[True, True, True], [False, True, True], [False, False, True], [False] * 3]
)


def random_blocks(n, **kwargs):
    return {name: torch.randn(n, size, **kwargs) for name, size in SIZES.items()}


def test_formula():
    fuse = GatedFusion(SIZES, out_size=4)
    blocks = random_blocks(4)
    fused = fuse(blocks, PRESENT)
    for row, present in enumerate(PRESENT.tolist()):
        parts = [
            block[row] * has
            for block, has in zip(blocks.values(), present, strict=True)
        ]
        scores = fuse.gate.weight @ torch.cat(parts) + fuse.gate.bias
        odds = torch.where(torch.tensor(present), scores.exp(), 0.0)
        expected = torch.zeros(4)
        for odd, layer, part in zip(odds, fuse.project, parts, strict=True):
            if odd > 0:
                hidden = torch.tanh(layer.weight @ part + layer.bias)
                expected = expected + odd / odds.sum() * hidden
        torch.testing.assert_close(fused[row], expected)


def test_one_present_modality_has_the_whole_gate():
    fuse = GatedFusion(SIZES, out_size=4)
    blocks = random_blocks(4)
    alone = fuse.project[2](blocks["audio"]).tanh()
    torch.testing.assert_close(fuse(blocks, PRESENT)[2], alone[2])


def test_row_without_modalities_is_zero_with_finite_gradients():
    fuse = GatedFusion(SIZES, out_size=4)
    blocks = random_blocks(4, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):  # no NaN on the way either
        fused = fuse(blocks, PRESENT)
        assert not fused[3].any()
        fused.square().sum().backward()
    for tensor in (*blocks.values(), *fuse.parameters()):
        assert torch.isfinite(tensor.grad).all()
    assert not blocks["image"].grad[1:].any()


def test_gradients():
    fuse = GatedFusion(SIZES, out_size=2).double()

    def run(image, text, audio, *_):
        return fuse({"image": image, "text": text, "audio": audio}, PRESENT)

    blocks = random_blocks(4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(run, (*blocks.values(), *fuse.parameters()))


def test_wrong_presence_is_refused():
    with pytest.raises(ValueError, match=r"one column for each of .* got 2"):
        GatedFusion(SIZES)(random_blocks(4), PRESENT[:, :2])
