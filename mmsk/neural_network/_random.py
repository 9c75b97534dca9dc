"""Seeds for building modules, torch's global stream left as it was."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[torch.Generator]:
    """Build a module with torch's global CPU stream set to a seed.

    Layers initialise themselves from the global stream. It is put back
    afterwards, and only one thread at a time is inside, so that two fits in
    two threads don't take each other's numbers.

    Parameters
    ----------
    seed : int

    Yields
    ------
    generator : torch.Generator
        Another stream, for the module's own later draws.
    """
    # not torch.manual_seed: it would also reseed the GPUs, which are not forked
    with _lock, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        own = int(torch.empty((), dtype=torch.int64).random_().item())
        yield torch.Generator().manual_seed(own)
