"""How the learning rate changes in training."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, pi
from numbers import Integral, Real
from typing import Any

from skorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mmsk._utils._param_validation import Interval
from mmsk.neural_network._strategy import Strategy


class Schedule(Strategy, ABC):
    """Private base of the schedules."""

    @abstractmethod
    def callback(self, n_steps: int) -> Callback:
        """Return what changes the rate of a net.

        Parameters
        ----------
        n_steps : int
            Batches of the whole training.
        """


class StepSchedule(Schedule):
    """Private base of the schedules that know the factor of each step."""

    @abstractmethod
    def factor(self, step: int, n_steps: int) -> float:
        """Return what the learning rate is multiplied by.

        Parameters
        ----------
        step : int
            From 0 to ``n_steps - 1``.
        n_steps : int
        """

    def callback(self, n_steps):
        """Return what changes the rate of a net."""
        return _Stepper(self, n_steps)


@dataclass
class OneCycle(StepSchedule):
    """Rise from a low learning rate to ``lr``, then fall to nearly nothing.

    Both along a half cosine, over all steps of the training.

    Parameters
    ----------
    pct_start : float, default=0.3
        Share of the steps that rise, in (0, 1).
    div_factor : float, default=25.0
        What ``lr`` is divided by at the start.
    final_div_factor : float, default=1e4
        What the rate of the start is divided by at the end.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of
           Neural Networks Using Large Learning Rates", arXiv:1708.07120, 2017.
    """

    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    _parameter_constraints = {
        "pct_start": [Interval(Real, 0, 1, closed="neither")],
        "div_factor": [Interval(Real, 1, None, closed="left")],
        "final_div_factor": [Interval(Real, 1, None, closed="left")],
    }

    def factor(self, step, n_steps):
        """Return what the learning rate is multiplied by."""
        start = 1 / self.div_factor
        top = self.pct_start * n_steps - 1  # the step of the full rate
        if step < top:
            return _along_cosine(start, 1.0, step / top)
        top = max(top, 0.0)
        share = (step - top) / max(n_steps - 1 - top, 1)
        return _along_cosine(1.0, start / self.final_div_factor, share)


@dataclass
class Cosine(StepSchedule):
    """Let the learning rate fall along a half cosine.

    Parameters
    ----------
    warmup : float, default=0.0
        Share of the steps, in [0, 1), in which it first rises linearly.
    final_factor : float, default=0.0
        What is left of it at the end, in [0, 1].

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with
           Warm Restarts", ICLR, 2017.
    """

    warmup: float = 0.0
    final_factor: float = 0.0

    _parameter_constraints = {
        "warmup": [Interval(Real, 0, 1, closed="left")],
        "final_factor": [Interval(Real, 0, 1, closed="both")],
    }

    def factor(self, step, n_steps):
        """Return what the learning rate is multiplied by."""
        n_warm = int(self.warmup * n_steps)
        if step < n_warm:
            return (step + 1) / n_warm
        share = (step - n_warm) / (n_steps - n_warm)
        return _along_cosine(1.0, self.final_factor, share)


@dataclass
class Plateau(Schedule):
    """Lower the learning rate when the loss does not fall any more.

    It looks at the validation loss, and at the training loss where no rows are
    held out.

    Parameters
    ----------
    factor : float, default=0.1
        What the rate is multiplied by, in (0, 1).
    patience : int, default=5
        Epochs without a new lowest loss that are still accepted.
    """

    factor: float = 0.1
    patience: int = 5

    _parameter_constraints = {
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 0, None, closed="left")],
    }

    def callback(self, n_steps):
        """Return what changes the rate of a net."""
        return _Lowerer(factor=self.factor, patience=self.patience)


SCHEDULES: dict[str, type[Schedule]] = {
    "one_cycle": OneCycle,
    "cosine": Cosine,
    "plateau": Plateau,
}


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2


class _Stepper(Callback):
    """Set the learning rate before each step."""

    def __init__(self, schedule: StepSchedule, n_steps: int) -> None:
        self.schedule = schedule
        self.n_steps = n_steps

    def initialize(self):
        self.step_ = 0
        return self

    def on_batch_begin(self, net: Any, batch=None, training=None, **kwargs):
        if not training:
            return
        rate = net.lr * self.schedule.factor(self.step_, self.n_steps)
        for group in net.optimizer_.param_groups:
            group["lr"] = rate
        self.step_ += 1

    def on_epoch_end(self, net, **kwargs):
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])


class _Lowerer(Callback):
    """Lower the learning rate between two epochs."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_train_begin(self, net, **kwargs):
        self.scheduler_ = ReduceLROnPlateau(net.optimizer_, **self.options)

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])
        self.scheduler_.step(row.get("valid_loss", row["train_loss"]))
