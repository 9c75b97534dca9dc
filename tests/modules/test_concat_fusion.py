import torch
from torch.autograd import gradcheck

from mmsk.modules import ConcatFusion

SIZES = {"image": 3, "text": 2}


def random_blocks(n, **kwargs):
    return {name: torch.randn(n, size, **kwargs) for name, size in SIZES.items()}


def test_formula():
    fuse = ConcatFusion(SIZES, out_size=4)
    torch.nn.init.normal_(fuse.absent)
    blocks = random_blocks(3)
    present = torch.tensor([[True, True], [False, True], [False, False]])
    weight, bias, absent = fuse.mix.weight, fuse.mix.bias, fuse.absent
    image = blocks["image"] @ weight[:, :3].T
    text = blocks["text"] @ weight[:, 3:].T
    expected = torch.stack(
        [
            image[0] + text[0] + bias,
            text[1] + bias + absent[0],
            bias + absent[0] + absent[1],
        ]
    )
    torch.testing.assert_close(fuse(blocks, present), expected.clamp(min=0))


def test_absent_vectors_start_at_zero_and_move_only_when_needed():
    fuse = ConcatFusion(SIZES, out_size=4)
    assert not fuse.absent.any()
    fuse(random_blocks(3), torch.ones(3, 2, dtype=torch.bool)).sum().backward()
    assert not fuse.absent.grad.any()
    present = torch.tensor([[True, False]] * 3)
    fuse(random_blocks(3), present).sum().backward()
    assert fuse.absent.grad[1].any()
    assert not fuse.absent.grad[0].any()


def test_order_of_the_given_blocks_does_not_matter():
    fuse = ConcatFusion(SIZES, out_size=4)
    blocks = random_blocks(3)
    present = torch.tensor([[True, False]] * 3)
    swapped = {"text": blocks["text"], "image": blocks["image"]}
    assert torch.equal(fuse(blocks, present), fuse(swapped, present))


def test_gradients():
    fuse = ConcatFusion(SIZES, out_size=4).double()
    present = torch.tensor([[True, True], [False, True], [False, False]])

    def run(image, text, *_):
        return fuse({"image": image, "text": text}, present)

    blocks = random_blocks(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(run, (*blocks.values(), *fuse.parameters()))
