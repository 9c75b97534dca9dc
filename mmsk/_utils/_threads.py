"""How many threads torch may use, without a trace afterwards."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

PARALLEL_WORK = 2**30
"""Multiply-adds a batch from which several threads pay, even on a busy machine."""

_lock = threading.Lock()
_state = {"inside": 0, "threads": 1}
_here = threading.local()


@contextmanager
def suitable_threads(work: int) -> Iterator[None]:
    """Use one torch thread for small work, and restore the setting.

    The number of threads is a property of the calling thread, but torch also
    keeps the last number set anywhere as the one that *new* threads start
    with. So a thread that finds a one while others are inside must not believe
    it: it restores what the first of them found.

    Parameters
    ----------
    work : int
        Multiply-adds a batch; from `PARALLEL_WORK` on nothing is changed.
    """
    if work >= PARALLEL_WORK or getattr(_here, "inside", False):
        yield
        return
    with _lock:
        before = torch.get_num_threads()
        if not _state["inside"]:
            _state["threads"] = before
        elif before == 1:
            before = _state["threads"]
        _state["inside"] += 1
        if before != 1:
            torch.set_num_threads(1)
    _here.inside = True
    try:
        yield
    finally:
        _here.inside = False
        with _lock:
            _state["inside"] -= 1
            if before != 1:
                torch.set_num_threads(before)
