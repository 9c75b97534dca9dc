"""From validated data to weights, and from weights to outputs."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import nn

from mmsk._utils._denormals import flushed_denormals
from mmsk._utils._device import resolve_device
from mmsk._utils._threads import suitable_threads
from mmsk.neural_network._batches import TrainingRows
from mmsk.neural_network._callbacks import BestWeights, Recorder
from mmsk.neural_network._hardware import as_device, half_precision
from mmsk.neural_network._inputs import Inputs
from mmsk.neural_network._members import (
    Bootstrap,
    bootstrap_counts,
    count_members,
    together,
)
from mmsk.neural_network._optimizers import OPTIMIZERS
from mmsk.neural_network._random import seeded, training_stream
from mmsk.neural_network._schedules import SCHEDULES
from mmsk.neural_network._target import Target
from mmsk.neural_network._training import make_net, refuse_monitors, train

CHUNK_VALUES = 2**21
"""Values of X that are predicted at a time."""

NOT_PICKLED = ("net_", "_module")
"""What is made anew from `state_`: devices and optimisers don't travel."""


class Prepared(NamedTuple):
    """Validated training data.

    Parameters
    ----------
    inputs : Inputs
        The rows that count.
    target : Target
        Theirs.
    held_out : tuple of two int ndarrays, or None
        Rows to train on, and rows to see there when to stop.
    seeds : tuple of three ints
        For the weights, for the training, and for the held-out rows.
    """

    inputs: Inputs
    target: Target
    held_out: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    seeds: tuple[int, int, int]


class NetHolder:
    """Private part of `BaseNeural`: trains a skorch net and asks its module."""

    _state_is_plain = True
    """For the store: what a pickle holds are the attributes, and no more."""

    def _train(
        self,
        prepared: Prepared,
        *,
        epochs: int,
        keep_net: bool = False,
        watching: Sequence[Callback] = (),
    ) -> Self:
        """Train the module that is there, or a new one, and keep its weights."""
        dtype = getattr(torch, self.dtype_)
        where = as_device(self.device)
        device = resolve_device(where.name, dtype)
        half = half_precision(where, dtype)
        inputs = prepared.inputs.to(dtype, device)
        module = self._built_module(inputs, prepared.seeds[0])
        # a resumed training must not repeat the draws of the first
        seed = prepared.seeds[1] + len(self.history_)
        rows, valid = self._training_rows(inputs, prepared, seed)
        if keep_net and "net_" in self.__dict__:
            net = self.net_.set_params(**self._net_options())
        else:
            net = make_net(
                module,
                prepared.target.loss,
                optimizer=self._choice("optimizer", OPTIMIZERS),
                device=device,
                callbacks=self._all_callbacks(rows, valid, epochs, watching),
                half=half,
                logs_batches=bool(self.callbacks),
                **self._net_options(),
            )
        # a training that is interrupted leaves no half-trained weights behind
        self._forget(*NOT_PICKLED)
        with (
            suitable_threads(n_weights(module) * self.batch_size),
            flushed_denormals(),
            training_stream(module, seed, device),
        ):
            train(net, rows, valid, epochs=epochs)
        self.net_, self._module = net, module
        self.n_iter_ = len(self.history_)
        self.state_ = weights_of(module)
        return self

    def _net_options(self) -> dict[str, Any]:
        """Return parameters of the net that may change between two epochs."""
        return {
            "lr": self.lr,
            "batch_size": self.batch_size,
            "optimizer__weight_decay": self.weight_decay,
        }

    def _training_rows(
        self, inputs: Inputs, prepared: Prepared, seed: int
    ) -> tuple[TrainingRows, TrainingRows | None]:
        """Return the rows of an epoch, and those that are held out."""
        target = prepared.target
        shuffle = torch.Generator().manual_seed(seed)
        rows, valid = TrainingRows(inputs, target.values, target.weights, shuffle), None
        if prepared.held_out is not None:
            train_rows, held_out = prepared.held_out
            rows, valid = rows.part(train_rows), rows.part(held_out, shuffled=False)
        if isinstance(self.n_members, Bootstrap) and self.n_members.n_members > 1:
            # the same in every epoch and every fit of a seed, also when resuming
            seed = prepared.seeds[0]
            counts = bootstrap_counts(len(rows), self.n_members.n_members, seed)
            rows = rows.weighted(counts)
        return rows, valid

    def _all_callbacks(
        self,
        rows: TrainingRows,
        valid: TrainingRows | None,
        epochs: int,
        watching: Sequence[Callback],
    ) -> list[Any]:
        """Return what is called between batches and epochs, in this order."""
        callbacks: list[Any] = []
        if self.schedule != "constant":
            n_batches = -(-len(rows) // self.batch_size)
            schedule = self._choice("schedule", SCHEDULES)
            callbacks.append(schedule.callback(epochs * n_batches))
        # they keep what they learn in themselves
        callbacks += deepcopy(list(self.callbacks or ()))
        if valid is None:
            refuse_monitors(callbacks)
        callbacks.append(Recorder(self.history_, self.verbose, epochs))
        callbacks += watching
        if valid is not None:
            callbacks.append(BestWeights(self.n_iter_no_change))
        return callbacks

    def _choice(self, parameter: str, named: dict[str, type]) -> Any:
        """Return the strategy that a parameter holds or names."""
        value = getattr(self, parameter)
        return named[value]() if isinstance(value, str) else value

    def _built_module(self, inputs: Inputs, seed: int = 0) -> nn.Module:
        """Return the module, made if it is not there, on the device of `inputs`."""
        module = self.__dict__.get("_module")
        if module is not None:
            module = module.to(inputs.device)
            inputs.suit(module, fresh=False)
            return module
        # with the parameters of fit: they may have been set since
        builder = object.__new__(type(self))
        builder.__dict__.update(self.__dict__ | self._built_with)
        members = []
        for own_seed in member_seeds(seed, count_members(builder.n_members)):
            with seeded(own_seed) as generator:
                members.append(builder._make_module(inputs, self.n_outputs_, generator))
        module = together(members).to(inputs.dtype).eval()
        if hasattr(self, "state_"):
            module.load_state_dict(
                {name: torch.tensor(value) for name, value in self.state_.items()}
            )
        inputs.suit(module, fresh=True)
        self._module = module.to(inputs.device)
        return self._module

    def _outputs(self, X: Any, method: str = "__call__") -> NDArray[np.float64]:
        """Return what each member's net says of validated rows.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
        method : str, default="__call__"
            Which method of the module is asked.

        Returns
        -------
        outputs : float64 ndarray of shape (n_members, n_samples, n_outputs_)
        """
        dtype = getattr(torch, self.dtype_)
        device = resolve_device(as_device(self.device).name, dtype, fitted=True)
        inputs = self._make_inputs(X, fitting=False).to(dtype, device)
        module = self._built_module(inputs)
        ask = getattr(module, method)
        size = max(CHUNK_VALUES // inputs.row_size, 1)
        with suitable_threads(n_weights(module) * size), torch.inference_mode():
            parts = [
                ask(*inputs.take(slice(start, start + size)).values()).cpu()
                for start in range(0, len(inputs), size)
            ]
        outputs = torch.cat(parts, dim=-2).double().numpy()
        return outputs if outputs.ndim == 3 else outputs[np.newaxis]

    def _forget(self, *names: str) -> None:
        for name in names:
            self.__dict__.pop(name, None)

    def __getstate__(self):
        state = super().__getstate__()
        return {name: state[name] for name in state if name not in NOT_PICKLED}


def member_seeds(seed: int, n_members: int) -> list[int]:
    """Return a seed for each member; the first has that of a single net.

    Parameters
    ----------
    seed, n_members : int
    """
    others = np.random.RandomState(seed).randint(2**31 - 1, size=n_members - 1)
    return [seed, *map(int, others)]


def n_weights(module: nn.Module) -> int:
    """Count the weights of a module.

    Parameters
    ----------
    module : Module
    """
    return sum(weight.numel() for weight in module.parameters())


def weights_of(module: nn.Module) -> dict[str, NDArray]:
    """Return a module's weights as arrays of their own.

    Parameters
    ----------
    module : Module
    """
    return {
        name: np.array(value.cpu().numpy(), order="C")
        for name, value in module.state_dict().items()
    }
