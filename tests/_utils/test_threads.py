import threading

import pytest
import torch

from mmsk._utils._threads import PARALLEL_WORK, suitable_threads


@pytest.fixture(autouse=True)
def _three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_small_work_uses_one_thread_and_restores():
    with suitable_threads(1000):
        assert torch.get_num_threads() == 1
        with suitable_threads(1000):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_large_work_keeps_the_setting():
    with suitable_threads(PARALLEL_WORK):
        assert torch.get_num_threads() == 3


def test_restores_after_an_error():
    with pytest.raises(KeyError), suitable_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 3


def test_thread_that_starts_inside_another_restores_the_true_number():
    # a new thread starts with the number set last anywhere, which is 1 here
    inside, first_left, seen = threading.Event(), threading.Event(), []

    def second():
        with suitable_threads(1):
            inside.set()
            first_left.wait(10)
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=second)
    with suitable_threads(1):
        thread.start()
        assert inside.wait(10)
    assert torch.get_num_threads() == 3
    first_left.set()
    thread.join()
    assert seen == [1, 3]
    late = []
    thread = threading.Thread(target=lambda: late.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert late == [3]


def test_many_threads_leave_no_trace():
    after = []

    def work():
        for _ in range(50):
            with suitable_threads(1):
                torch.ones(4, 4) @ torch.ones(4, 4)
                assert torch.get_num_threads() == 1
        after.append(torch.get_num_threads())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    assert torch.get_num_threads() == 3
    assert after == [3] * 9
