import threading

import pytest
import torch

from mmsk._utils._denormals import flushed_denormals


def half_of_the_smallest():
    return (torch.tensor(torch.finfo(torch.float32).tiny) / 2).item()


def test_they_are_zero_inside_and_back_outside():
    assert half_of_the_smallest() > 0
    with flushed_denormals():
        inside = half_of_the_smallest()
        with flushed_denormals():
            pass
        assert half_of_the_smallest() == inside
    assert half_of_the_smallest() > 0
    if torch.set_flush_denormal(False):  # the processor can do it
        assert inside == 0


def test_what_was_set_before_stays():
    if not torch.set_flush_denormal(True):
        return
    try:
        with flushed_denormals():
            pass
        assert half_of_the_smallest() == 0
    finally:
        torch.set_flush_denormal(False)


def test_an_error_restores_them_and_other_threads_have_their_own():
    seen = []
    with pytest.raises(KeyError), flushed_denormals():
        thread = threading.Thread(target=lambda: seen.append(half_of_the_smallest()))
        thread.start()
        thread.join()
        raise KeyError
    assert half_of_the_smallest() > 0
    assert len(seen) == 1
