"""Seeds for building and training modules, torch's global stream left as it was."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

_lock = threading.RLock()


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[torch.Generator]:
    """Build a module with torch's global CPU stream set to a seed.

    Layers initialise themselves from the global stream. It is put back
    afterwards, and only one thread at a time is inside, so that two fits in
    two threads don't take each other's numbers.

    Parameters
    ----------
    seed : int
    device : torch.device, default=None
        A CUDA device whose stream is set, and put back, too.

    Yields
    ------
    generator : torch.Generator
        Another stream, for the module's own later draws.
    """
    cuda = device is not None and device.type == "cuda"
    # not torch.manual_seed: it would also reseed the GPUs, which are not forked
    with _lock, torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        own = int(torch.empty((), dtype=torch.int64).random_().item())
        yield torch.Generator().manual_seed(own)


def training_stream(
    module: nn.Module, seed: int, device: torch.device
) -> AbstractContextManager:
    """Give a module that draws from torch's global streams seeded ones.

    Trainings of such modules take turns in threads; mmsk's own draw from
    generators of their own and need nothing.

    Parameters
    ----------
    module : Module
    seed : int
    device : torch.device
    """
    if any(_may_draw_globally(part) for part in module.modules()):
        return seeded(seed, device)
    return nullcontext()


def _may_draw_globally(part: nn.Module) -> bool:
    origin = type(part).__module__
    if origin.startswith("mmsk."):
        return False
    if not origin.startswith("torch.nn.modules."):
        return True  # whatever its forward does
    draws = isinstance(part, nn.RReLU | nn.FractionalMaxPool2d | nn.FractionalMaxPool3d)
    return draws or any(getattr(part, name, 0) for name in ("p", "dropout"))
