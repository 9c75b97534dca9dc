"""The skorch net that the estimators hold, and its loop."""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator
from torch import Tensor, nn

from mmsk.neural_network._batches import Batches, TrainingRows
from mmsk.neural_network._callbacks import Enough
from mmsk.neural_network._losses import WeightedLoss


class _Net(NeuralNet):
    """A skorch net that leaves alone what is a tensor in its place already.

    skorch converts, measures and logs every batch, which costs as much as a
    small net itself. Epochs, callbacks and history are skorch's.
    """

    def get_default_callbacks(self):
        return []

    def infer(self, x, **fit_params):
        return self.module_(**x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.criterion_(y_pred, *y_true)

    def train_step(self, batch, **fit_params):
        self.optimizer_.zero_grad()
        y_pred = self.infer(batch[0])
        loss = self.get_loss(y_pred, batch[1], training=True)
        loss.backward()
        for _, callback in self.callbacks_:
            callback.on_grad_computed(
                self,
                named_parameters=TeeGenerator(self.get_all_learnable_params()),
                batch=batch,
                training=True,
            )
        self.optimizer_.step()
        return {"loss": loss, "y_pred": y_pred}

    def validation_step(self, batch, **fit_params):
        with torch.no_grad():
            y_pred = self.infer(batch[0])
            return {"loss": self.get_loss(y_pred, batch[1]), "y_pred": y_pred}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        self._set_training(training)
        total, n_rows = 0.0, 0
        for batch in iterator:
            for _, callback in self.callbacks_:
                callback.on_batch_begin(self, batch=batch, training=training)
            step = step_fn(batch)
            size = len(batch[1][0])
            total += step["loss"].item() * size
            n_rows += size
            for _, callback in self.callbacks_:
                callback.on_batch_end(self, batch=batch, training=training, **step)
        self.history.record(f"{prefix}_loss", total / n_rows)


def make_net(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    device: torch.device,
    callbacks: list[Callback],
    **options: Any,
) -> NeuralNet:
    """Put a module that is on its device into a skorch net, ready to train.

    Parameters
    ----------
    module : Module
    loss : callable
        ``(output, target) -> (n_samples,)``.
    device : torch.device
    callbacks : list of skorch Callback
    **options
        Further parameters of the net, such as ``lr``.
    """
    net = _Net(
        module,
        criterion=WeightedLoss(loss),
        optimizer=torch.optim.AdamW,
        optimizer__fused=device.type in ("cpu", "cuda"),
        iterator_train=Batches,
        iterator_valid=Batches,
        train_split=None,
        callbacks=callbacks,
        device=str(device),
        verbose=0,
        **options,
    )
    return net.initialize()


def train(
    net: NeuralNet, rows: TrainingRows, valid: TrainingRows | None, *, epochs: int
) -> None:
    """Train a net, further where it was trained before.

    Not by ``net.fit``, which takes a KeyboardInterrupt for a wish to go on
    with a half-trained net.
    """
    net.train_split = None if valid is None else predefined_split(valid)
    try:
        net.notify("on_train_begin", X=rows, y=None)
        net.fit_loop(rows, None, epochs=epochs)
    except Enough:
        pass
    finally:
        net.train_split = None  # or the net would keep the data
    net.notify("on_train_end", X=rows, y=None)
    net.module_.eval()
