"""Losses a row, weighted."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of the right class.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_classes)
        Logits.
    target : int64 Tensor of shape (n_samples,)

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    return F.cross_entropy(output, target, reduction="none")


def binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the labels of their negative log-likelihoods.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_labels)
        Logits.
    target : Tensor of shape (n_samples, n_labels)
        0 or 1.

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    loss = F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return loss.mean(dim=1)


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the outputs of the squared errors.

    Parameters
    ----------
    output, target : Tensor of shape (n_samples, n_outputs)

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    return (output - target).square().mean(dim=1)


class WeightedLoss(nn.Module):
    """Mean over the rows of a batch of weight times loss.

    Parameters
    ----------
    loss : callable
        ``(output, target) -> (n_samples,)``.
    """

    def __init__(self, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        return (self.loss(output, target) * weights).mean()
