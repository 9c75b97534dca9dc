"""What happens between two epochs."""

import sys
import time
from math import inf, isfinite
from numbers import Real

from skorch.callbacks import Callback

NOT_RECORDED = ("epoch", "batches")
FIRST = ("train_loss", "valid_loss")


class Recorder(Callback):
    """Keep the numbers of the epochs, and stop a training that has diverged.

    Parameters
    ----------
    history : list of dict
        Gets a row an epoch: its number, the losses, and what other callbacks
        have recorded.
    verbose : int
        Above 0, a line an epoch; with 1, on a terminal, one line that changes.
    max_epochs : int
    """

    def __init__(
        self, history: list[dict[str, float]], verbose: int, max_epochs: int
    ) -> None:
        self.history = history
        self.verbose = verbose
        self.max_epochs = max_epochs

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Look at the clock."""
        self.began_ = time.perf_counter()
        self.done_ = 0

    def on_epoch_end(self, net, **kwargs):
        """Record, write and check."""
        found = net.history[-1]
        names = [name for name in FIRST if name in found]
        names += [
            name
            for name, value in found.items()
            if isinstance(value, Real) and name not in (*FIRST, *NOT_RECORDED)
        ]
        row = {"epoch": len(self.history) + 1} | {name: found[name] for name in names}
        self.history.append(row)
        self.done_ += 1
        if self.verbose:
            self._write(row)
        if not isfinite(row["train_loss"]):
            raise ValueError(
                f"Training diverged: the loss of epoch {row['epoch']} is "
                f"{row['train_loss']}. Scale the features or lower lr="
                f"{net.lr}."
            )

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """End the line."""
        if self._one_line() and self.done_:
            sys.stdout.write("\n")

    def _one_line(self) -> bool:
        return self.verbose == 1 and sys.stdout.isatty()

    def _write(self, row: dict[str, float]) -> None:
        numbers = [f"{name} {row[name]:.4g}" for name in row if name != "epoch"]
        text = f"epoch {row['epoch']}: {', '.join(numbers)}"
        if self._one_line():
            spent = time.perf_counter() - self.began_
            left = spent / self.done_ * (self.max_epochs - self.done_)
            sys.stdout.write(f"\r{text}, at most {left:.0f} s left\x1b[K")
            sys.stdout.flush()
        else:
            sys.stdout.write(f"{text}\n")


class BestWeights(Callback):
    """Keep the weights of the lowest validation loss; stop when it won't fall.

    Parameters
    ----------
    patience : int
        Epochs without a new lowest loss until it stops.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def initialize(self):
        """Forget."""
        self.lowest_ = inf
        self.waited_ = 0
        self.best_ = None
        return self

    def on_epoch_end(self, net, **kwargs):
        """Compare."""
        loss = net.history[-1]["valid_loss"]
        if loss < self.lowest_:
            self.lowest_, self.waited_ = loss, 0
            state = net.module_.state_dict()
            self.best_ = {name: value.clone() for name, value in state.items()}
            return
        self.waited_ += 1
        if self.waited_ >= self.patience:
            net.enough_ = True

    def on_train_end(self, net, **kwargs):
        """Restore."""
        if self.best_ is not None:
            net.module_.load_state_dict(self.best_)
