"""Small nets and pictures for the tests of CNN features."""

import numpy as np
import torch

from mmsk.modules import EfficientNetLite, ResNet


def lively(net):
    """Give batch norm statistics and weights as if the net had been trained."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1, generator=generator)
                layer.running_var.uniform_(0.5, 1.5, generator=generator)
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.1, generator=generator)
    return net.eval()


def make_net(name):
    """Return a built-in net with weights of its own, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    if name.startswith("resnet"):
        return lively(ResNet(depth=int(name[6:]), generator=generator))
    return lively(EfficientNetLite(variant=int(name[-1]), generator=generator))


def batch(n, side, seed=0):
    """Return n pictures as torch wants them, channels last in memory."""
    random = np.random.default_rng(seed)
    x = torch.from_numpy(random.normal(size=(n, 3, side, side)).astype(np.float32))
    return x.contiguous(memory_format=torch.channels_last)
