"""Random streams that belong to one module."""

from copy import deepcopy

import torch
from torch import nn


def own_generator() -> torch.Generator:
    """Make a CPU generator seeded by torch's global one, once.

    A module that is built after ``torch.manual_seed`` is reproducible, and its
    later draws neither read nor advance the global stream.
    """
    # an explicit device: the caller may build on "meta", where .item() fails
    seed = torch.empty((), dtype=torch.int64, device="cpu").random_()
    return torch.Generator().manual_seed(int(seed.item()))


def generator_on(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """Return a generator of a device, the same one where it is there already."""
    if generator.device.type == device.type:
        return generator
    return torch.Generator(device=device).manual_seed(generator.initial_seed())


def with_generator(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Copy a module; what draws in training draws from another generator.

    So the draws of a module that a user made follow the seed of a fit.
    """
    copied = deepcopy(module)
    for part in copied.modules():
        if isinstance(getattr(part, "generator", None), torch.Generator):
            part.generator = generator
    return copied
