"""How steps are made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from mmsk._utils._param_validation import Interval
from mmsk.neural_network._strategy import Strategy

CLIPPING = [Interval(Real, 0, None, closed="neither"), None]


class Optimizer(Strategy, ABC):
    """Private base of the optimisers.

    The learning rate and the weight decay are the estimator's.
    """

    max_grad_norm: float | None

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the torch optimiser and its own arguments, as skorch takes them."""


@dataclass
class AdamW(Optimizer):
    """Adam with decoupled weight decay.

    Parameters
    ----------
    betas : tuple of two floats, default=(0.9, 0.999)
        Decay of the averages of the gradient and of its square, in [0, 1).
    max_grad_norm : float or None, default=None
        A gradient with a larger norm is scaled down to it, in an ensemble that
        of each member.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay
           Regularization", ICLR, 2019.

    Examples
    --------
    >>> from mmsk.neural_network import AdamW, NeuralClassifier
    >>> clf = NeuralClassifier(optimizer=AdamW(max_grad_norm=1.0))
    >>> clf.set_params(optimizer__betas=(0.9, 0.95)).optimizer
    AdamW(betas=(0.9, 0.95), max_grad_norm=1.0)
    """

    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float | None = None

    _parameter_constraints = {"betas": [tuple, list], "max_grad_norm": CLIPPING}

    def options(self):
        """Return the torch optimiser and its own arguments."""
        return {"optimizer": torch.optim.AdamW, "optimizer__betas": tuple(self.betas)}


@dataclass
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    Here weight decay is an L2 penalty, and ``lr`` wants to be larger than for
    AdamW, say 0.1.

    Parameters
    ----------
    momentum : float, default=0.9
        In [0, 1).
    nesterov : bool, default=True
        Whether the momentum looks ahead; without momentum it does nothing.
    max_grad_norm : float or None, default=None
        A gradient with a larger norm is scaled down to it, in an ensemble that
        of each member.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the Importance of
           Initialization and Momentum in Deep Learning", ICML, 2013.
    """

    momentum: float = 0.9
    nesterov: bool = True
    max_grad_norm: float | None = None

    _parameter_constraints = {
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterov": ["boolean"],
        "max_grad_norm": CLIPPING,
    }

    def options(self):
        """Return the torch optimiser and its own arguments."""
        return {
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": self.momentum,
            "optimizer__nesterov": bool(self.nesterov and self.momentum),
        }


OPTIMIZERS: dict[str, type[Optimizer]] = {"adamw": AdamW, "sgd": SGD}
