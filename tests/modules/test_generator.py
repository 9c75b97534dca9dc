import torch

from mmsk.modules import MLP
from mmsk.modules._generator import with_generator


def test_a_copy_draws_from_another_generator():
    module = MLP(4, (8,), dropout=0.5)
    x = torch.randn(3, 4)
    one, other = (
        with_generator(module, torch.Generator().manual_seed(0)) for _ in range(2)
    )
    assert torch.equal(one(x), other(x))
    before = module.layers[2].generator
    one.layers[0].weight.data.zero_()
    assert module.layers[0].weight.any()
    assert module.layers[2].generator is before
