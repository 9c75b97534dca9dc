"""Random streams that belong to one module."""

import torch


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
