"""Losses of the modalities by themselves."""

from collections.abc import Callable

from torch import Tensor

from mmsk.modules import FusionNet


class AuxiliaryLoss:
    r"""Add to a loss what the modalities would have by themselves.

    .. math:: \ell = \ell(f(x), y) + \lambda\,
              \frac{\sum_m p_m\, \ell(f_m(x_m), y)}{\sum_m p_m}

    Parameters
    ----------
    loss : callable
        ``(output, target) -> (n_samples,)``.
    n_outputs : int
        Number of outputs of a head.
    weight : float
        :math:`\lambda`.
    """

    def __init__(self, loss: Callable, n_outputs: int, weight: float) -> None:
        self.loss = loss
        self.n_outputs = n_outputs
        self.weight = weight

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        main, alone, present = FusionNet.unpack(output, self.n_outputs)
        own = self.loss(main, target)
        if alone is None:  # not in training
            return own
        n_modalities = alone.shape[1]
        repeated = target.repeat_interleave(n_modalities, dim=0)
        each = self.loss(alone.flatten(0, 1), repeated).view(-1, n_modalities)
        count = present.sum(dim=1).clamp(min=1)
        mean = each.masked_fill(~present, 0.0).sum(dim=1) / count
        return own + self.weight * mean
