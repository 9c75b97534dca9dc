"""Numbers too small for a full mantissa, without a trace afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers below 1e-38 for 0 in the calling thread, and restore the setting.

    Averages of gradients that have died decay through that range, where arithmetic
    is many times slower. Nothing changes on processors that cannot do it.
    """
    before = _are_flushed()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _are_flushed() -> bool:
    """Tell whether the thread takes them for 0; torch only sets this."""
    smallest = torch.tensor(torch.finfo(torch.float32).tiny)
    return (smallest / 2).item() == 0
