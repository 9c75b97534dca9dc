import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from mmsk.neural_network import Cosine, NeuralClassifier, OneCycle, Plateau


def rates_of_torch(scheduler, n_steps, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule = scheduler(optimizer, **options)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("n_steps", [5, 10, 101])
@pytest.mark.parametrize("pct_start", [0.3, 0.55])
def test_one_cycle_is_torchs(n_steps, pct_start):
    ours = OneCycle(pct_start, div_factor=10.0, final_div_factor=100.0)
    expected = rates_of_torch(
        OneCycleLR,
        n_steps - 1,  # the last step of torch's is one too many to ask for
        max_lr=0.3,
        total_steps=n_steps,
        pct_start=pct_start,
        div_factor=10.0,
        final_div_factor=100.0,
        cycle_momentum=False,
    )
    found = [0.3 * ours.factor(step, n_steps) for step in range(n_steps)]
    np.testing.assert_allclose(found[:-1], expected)
    assert found[-1] == pytest.approx(0.3 / 1000)


@pytest.mark.parametrize("pct_start", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n_steps", [1, 2, 10])
def test_one_cycle_of_few_steps(n_steps, pct_start):
    factors = [OneCycle(pct_start).factor(step, n_steps) for step in range(n_steps)]
    assert all(0 < factor <= 1 for factor in factors)


def test_cosine_is_torchs():
    expected = rates_of_torch(CosineAnnealingLR, 20, T_max=20, eta_min=0.03)
    found = [0.3 * Cosine(final_factor=0.1).factor(step, 20) for step in range(20)]
    np.testing.assert_allclose(found, expected)


def test_cosine_warms_up_linearly_first():
    factors = [Cosine(warmup=0.4).factor(step, 10) for step in range(10)]
    np.testing.assert_allclose(factors[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(factors[4:], [Cosine().factor(i, 6) for i in range(6)])


def test_every_step_has_its_rate_and_the_history_the_last(classification, monkeypatch):
    X, y = classification
    seen, original = [], torch.optim.AdamW.step

    def step(self, *args, **kwargs):
        seen.append(self.param_groups[0]["lr"])
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    options = {"lr": 0.3, "batch_size": 100, "max_epochs": 4, "random_state": 0}
    clf = NeuralClassifier((), schedule="cosine", warm_start=True, **options)
    clf.fit(X, y)
    expected = [0.3 * Cosine().factor(i, 12) for i in range(12)]
    np.testing.assert_allclose(seen, expected)
    assert [row["lr"] for row in clf.history_] == seen[2::3]
    clf.fit(X, y)  # begins anew
    np.testing.assert_allclose(seen[12:], expected)


def test_a_plateau_lowers_the_rate():
    rng = np.random.RandomState(0)
    X, y = rng.randn(120, 20), rng.randint(2, size=120)
    options = {"early_stopping": True, "n_iter_no_change": 100, "random_state": 0}
    clf = NeuralClassifier(
        lr=0.05, schedule=Plateau(factor=0.5, patience=2), **options
    ).fit(X, y)
    rates = [row["lr"] for row in clf.history_]
    losses = [row["valid_loss"] for row in clf.history_]
    fall = rates.index(0.025)
    best = int(np.argmin(losses[:fall]))
    assert best + 3 == fall - 1  # three epochs without a lower loss
    assert rates == sorted(rates, reverse=True)
    # without held-out rows it looks at the training loss
    clf.set_params(early_stopping=False, schedule="plateau").fit(X, y)
    assert clf.history_[0]["lr"] == 0.05


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "plateau", OneCycle(0.1)])
def test_they_learn(schedule, classification):
    X, y = classification
    clf = NeuralClassifier(schedule=schedule, lr=0.01, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    if schedule != "plateau":
        rates = [row["lr"] for row in clf.history_]
        assert rates[-1] < 1e-4


def test_partial_fit_knows_no_end(classification):
    X, y = classification
    with pytest.raises(ValueError, match="schedule='constant'"):
        NeuralClassifier(schedule="cosine").partial_fit(X, y, ["a", "b", "c"])


def test_parameters_are_checked_at_fit(classification):
    X, y = classification
    for schedule, name in ((OneCycle(1.0), "pct_start"), (Plateau(2.0), "factor")):
        with pytest.raises(ValueError, match=f"'{name}' parameter of"):
            NeuralClassifier(schedule=schedule).fit(X, y)
    with pytest.raises(ValueError, match="'schedule' parameter"):
        NeuralClassifier(schedule="linear").fit(X, y)
