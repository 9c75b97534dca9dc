"""What happens between two epochs."""

import sys
from math import inf, isfinite

from skorch.callbacks import Callback


class Recorder(Callback):
    """Keep the losses of the epochs, and stop a training that has diverged."""

    def __init__(self, history: list[dict[str, float]], verbose: int) -> None:
        self.history = history
        self.verbose = verbose

    def on_epoch_end(self, net, **kwargs):
        row = {"epoch": len(self.history) + 1}
        losses = {k: v for k, v in net.history[-1].items() if k.endswith("_loss")}
        self.history.append(row | losses)
        if self.verbose:
            text = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
            sys.stdout.write(f"epoch {row['epoch']}: {text}\n")
        if not isfinite(losses["train_loss"]):
            raise ValueError(
                f"Training diverged: the loss of epoch {row['epoch']} is "
                f"{losses['train_loss']}. Scale the features or lower lr="
                f"{net.lr}."
            )


class Enough(Exception):
    """The validation loss has not fallen for long enough."""


class BestWeights(Callback):
    """Keep the weights of the lowest validation loss; stop when it won't fall."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def initialize(self):
        self.lowest_ = inf
        self.waited_ = 0
        self.best_ = None
        return self

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1]["valid_loss"]
        if loss < self.lowest_:
            self.lowest_, self.waited_ = loss, 0
            state = net.module_.state_dict()
            self.best_ = {name: value.clone() for name, value in state.items()}
            return
        self.waited_ += 1
        if self.waited_ >= self.patience:
            raise Enough

    def on_train_end(self, net, **kwargs):
        if self.best_ is not None:
            net.module_.load_state_dict(self.best_)
