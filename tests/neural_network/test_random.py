import threading

import torch
from torch import nn

from mmsk.neural_network._random import seeded


def draw(seed):
    with seeded(seed) as generator:
        return nn.Linear(3, 3).weight.detach(), torch.rand(3, generator=generator)


def test_same_seed_same_weights_whatever_the_global_seed():
    before = torch.get_rng_state()
    weight, own = draw(1)
    with torch.random.fork_rng():
        torch.manual_seed(77)
        again, own_again = draw(1)
    assert torch.equal(weight, again)
    assert torch.equal(own, own_again)
    other, own_other = draw(2)
    assert not torch.equal(weight, other)
    assert not torch.equal(own, own_other)
    assert torch.equal(torch.get_rng_state(), before)


def test_threads_do_not_take_each_others_numbers():
    alone = [draw(seed)[0] for seed in range(8)]
    before, found = torch.get_rng_state(), {}

    def work(seed):
        for _ in range(20):
            found.setdefault(seed, []).append(draw(seed)[0])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, weights in found.items():
        assert all(torch.equal(weight, alone[seed]) for weight in weights)
    assert torch.equal(torch.get_rng_state(), before)
