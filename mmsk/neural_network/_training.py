"""The skorch net that the estimators hold, and its loop."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator
from torch import Tensor, nn

from mmsk.neural_network._batches import Batches, TrainingRows
from mmsk.neural_network._criterion import WeightedLoss
from mmsk.neural_network._optimizers import Optimizer


class Enough(Exception):
    """There is no need to go on."""


class _Net(NeuralNet):
    """A skorch net that leaves alone what is a tensor in its place already.

    skorch converts, measures and logs every batch, which costs as much as a
    small net itself. Epochs, callbacks and history are skorch's; batches are
    told only to callbacks that listen, and logged only for callbacks of the
    user's.
    """

    max_grad_norm: float | None = None
    half: torch.dtype | None = None
    logs_batches = False
    enough_ = False

    def get_default_callbacks(self):
        return []

    def initialize_callbacks(self):
        super().initialize_callbacks()
        self.listeners_ = {
            name: [
                callback
                for _, callback in self.callbacks_
                if getattr(type(callback), name) is not getattr(Callback, name)
            ]
            for name in ("on_batch_begin", "on_batch_end", "on_grad_computed")
        }
        return self

    def notify(self, method_name, **kwargs):
        getattr(self, method_name)(self, **kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except KeyboardInterrupt:
                # skorch's way to say enough; otherwise it is the user's Ctrl-C
                if not _has_waited_enough(callback):
                    raise
                self.enough_ = True
        if self.enough_ and method_name == "on_epoch_end":
            raise Enough

    def infer(self, x, **fit_params):
        return self.module_(*x.values())

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.criterion_(y_pred, *y_true)

    def train_step(self, batch, **fit_params):
        self.optimizer_.zero_grad()
        with self.precision():
            y_pred = self.infer(batch[0])
        loss = self.get_loss(self.full(y_pred), batch[1], training=True)
        # the members of an ensemble are trained apart: no mean over them
        total = loss.sum() if loss.dim() else loss
        if self.half is torch.float16:
            self._scaled_step(total, batch)
        else:
            total.backward()
            self._on_gradients(batch)
            self.optimizer_.step()
        return {"loss": loss.mean() if loss.dim() else loss, "y_pred": y_pred}

    def validation_step(self, batch, **fit_params):
        with torch.no_grad():
            y_pred = self.infer(batch[0])
            loss = self.get_loss(y_pred, batch[1]).mean()
            return {"loss": loss, "y_pred": y_pred}

    def precision(self) -> AbstractContextManager:
        """Compute in half precision, if wanted."""
        if self.half is None:
            return nullcontext()
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=self.half)

    def full(self, y_pred: Tensor) -> Tensor:
        """Return outputs as the loss wants them."""
        return y_pred if self.half is None else y_pred.float()

    def _scaled_step(self, total: Tensor, batch: Any) -> None:
        self.scaler_.scale(total).backward()
        self.scaler_.unscale_(self.optimizer_)
        self._on_gradients(batch)
        self.scaler_.step(self.optimizer_)
        self.scaler_.update()

    def _on_gradients(self, batch: Any) -> None:
        if self.max_grad_norm is not None:
            clip_gradients(self.module_, self.max_grad_norm)
        for callback in self.listeners_["on_grad_computed"]:
            callback.on_grad_computed(
                self,
                named_parameters=TeeGenerator(self.get_all_learnable_params()),
                batch=batch,
                training=True,
            )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        self._set_training(training)
        total, n_rows = 0.0, 0
        for batch in iterator:
            if self.logs_batches:
                self.history.new_batch()
            for callback in self.listeners_["on_batch_begin"]:
                callback.on_batch_begin(self, batch=batch, training=training)
            step = step_fn(batch)
            loss, size = step["loss"].item(), batch[1][0].shape[0]
            total += loss * size
            n_rows += size
            if self.logs_batches:
                self.history.record_batch(f"{prefix}_loss", loss)
                self.history.record_batch(f"{prefix}_batch_size", size)
            for callback in self.listeners_["on_batch_end"]:
                callback.on_batch_end(self, batch=batch, training=training, **step)
        self.history.record(f"{prefix}_loss", total / n_rows)


def clip_gradients(module: nn.Module, max_norm: float) -> None:
    """Scale down the gradient of a module, or of each member, that is too long.

    Parameters
    ----------
    module : Module
        An ensemble clips by itself.
    max_norm : float
    """
    clip = getattr(module, "clip_gradients", None)
    if clip is None:
        nn.utils.clip_grad_norm_(module.parameters(), max_norm)
    else:
        clip(max_norm)


def make_net(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    optimizer: Optimizer,
    device: torch.device,
    callbacks: list[Any],
    half: torch.dtype | None = None,
    logs_batches: bool = False,
    **options: Any,
) -> NeuralNet:
    """Put a module that is on its device into a skorch net, ready to train.

    Parameters
    ----------
    module : Module
    loss : callable
        ``(output, target) -> (n_samples,)``.
    optimizer : Optimizer
    device : torch.device
    callbacks : list of skorch Callback, or of (name, Callback)
    half : torch.dtype, default=None
        What large products are computed in.
    logs_batches : bool, default=False
        Whether the history gets a row for each batch.
    **options
        Further parameters of the net, such as ``lr``.
    """
    net = _Net(
        module,
        criterion=WeightedLoss(loss),
        optimizer__fused=device.type in ("cpu", "cuda"),
        iterator_train=Batches,
        iterator_valid=Batches,
        train_split=None,
        callbacks=callbacks,
        device=str(device),
        verbose=0,
        **optimizer.options(),
        **options,
    )
    net.max_grad_norm = optimizer.max_grad_norm
    net.half = half
    net.logs_batches = logs_batches
    net.scaler_ = torch.amp.GradScaler(device.type, enabled=half is torch.float16)
    return net.initialize()


def train(
    net: NeuralNet, rows: TrainingRows, valid: TrainingRows | None, *, epochs: int
) -> None:
    """Train a net, further where it was trained before.

    Not by ``net.fit``, which takes a KeyboardInterrupt for a wish to go on
    with a half-trained net.

    Parameters
    ----------
    net : NeuralNet
    rows : TrainingRows
    valid : TrainingRows or None
        Held out.
    epochs : int
    """
    net.train_split = None if valid is None else predefined_split(valid)
    net.enough_ = False
    try:
        net.notify("on_train_begin", X=rows, y=None)
        net.fit_loop(rows, None, epochs=epochs)
    except Enough:
        pass
    finally:
        net.train_split = None  # or the net would keep the data
    net.notify("on_train_end", X=rows, y=None)
    net.module_.eval()


def refuse_monitors(callbacks: list[Any]) -> None:
    """Refuse callbacks that look at held-out rows where there are none.

    Parameters
    ----------
    callbacks : list of skorch Callback, or of (name, Callback)

    Raises
    ------
    ValueError
        If one monitors the validation loss.
    """
    for entry in callbacks:
        callback = entry[1] if isinstance(entry, tuple) else entry
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid_"):
            raise ValueError(
                f"The callback {type(callback).__name__} monitors {monitor!r}, but no "
                "rows are held out. Set early_stopping=True."
            )


def _has_waited_enough(callback: Callback) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience
