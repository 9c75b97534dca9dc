"""What is minimised: losses a row, and the choice among them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmsk._utils._param_validation import Interval
from mmsk.neural_network._strategy import Strategy

RowLoss = Callable[[Tensor, Tensor], Tensor]

MANY_ROWS = 256
FEW_CLASSES = 32

RAREST = 1e-12
"""Share of a class that no row had, in logarithms."""


def cross_entropy(
    output: Tensor, target: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Negative log-likelihood of the right class.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_classes)
        Logits.
    target : int64 Tensor of shape (n_samples,)
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over all classes.

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    options = {"reduction": "none", "label_smoothing": label_smoothing}
    if output.shape[0] > MANY_ROWS and output.shape[1] < FEW_CLASSES:
        # torch takes half the time if the classes are not side by side
        turned = output.t().contiguous().unsqueeze(0)
        return F.cross_entropy(turned, target.unsqueeze(0), **options)[0]
    return F.cross_entropy(output, target, **options)


def binary_cross_entropy(
    output: Tensor, target: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Mean over the labels of their negative log-likelihoods.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_labels)
        Logits.
    target : Tensor of shape (n_samples, n_labels)
        0 or 1.
    label_smoothing : float, default=0.0
        How far targets are moved from 0 and 1 to one half, in [0, 1].

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    if label_smoothing:
        target = torch.lerp(target, torch.full_like(target, 0.5), label_smoothing)
    loss = F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return loss.mean(dim=1)


def focal(output: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Cross-entropy times a power of the probability of being wrong.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_classes)
        Logits.
    target : int64 Tensor of shape (n_samples,)
    gamma : float

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    loss = cross_entropy(output, target)
    return loss * _power(-torch.expm1(-loss), gamma)


def binary_focal(output: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Mean over the labels of their focal losses.

    Parameters
    ----------
    output, target : Tensor of shape (n_samples, n_labels)
        Logits; 0 or 1.
    gamma : float

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    loss = F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return (loss * _power(-torch.expm1(-loss), gamma)).mean(dim=1)


def _power(wrong: Tensor, gamma: float) -> Tensor:
    # the gradient of a root is infinite at 0, where a sure answer stands
    return wrong.clamp(min=torch.finfo(wrong.dtype).tiny).pow(gamma)


def adjusted(output: Tensor, target: Tensor, loss: RowLoss, offset: Tensor) -> Tensor:
    """Loss of outputs moved by a constant.

    Parameters
    ----------
    output : Tensor of shape (n_samples, n_outputs)
    target : Tensor of shape (n_samples, ...)
    loss : callable
    offset : Tensor of shape (n_outputs,)

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    return loss(output + offset.to(output), target)


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


def huber(output: Tensor, target: Tensor, delta: float) -> Tensor:
    """Mean over the outputs of errors squared near 0 and absolute beyond.

    Parameters
    ----------
    output, target : Tensor of shape (n_samples, n_outputs)
    delta : float
        Where the two parts meet.

    Returns
    -------
    loss : Tensor of shape (n_samples,)
    """
    return F.huber_loss(output, target, reduction="none", delta=delta).mean(dim=1)


class ClassificationLoss(Strategy, ABC):
    """Private base of the losses of classifiers."""

    @abstractmethod
    def rows(self, prior: NDArray[np.float64], *, multilabel: bool) -> RowLoss:
        """Return the loss a row.

        Parameters
        ----------
        prior : ndarray of shape (n_outputs,)
            Shares of the classes, or of the rows that have a label.
        multilabel : bool
            Whether a row has labels instead of one class.
        """


class RegressionLoss(Strategy, ABC):
    """Private base of the losses of regressors."""

    @abstractmethod
    def rows(self) -> RowLoss:
        """Return the loss a row."""


@dataclass
class CrossEntropy(ClassificationLoss):
    """Cross-entropy with label smoothing.

    For several labels a row the mean of their binary cross-entropies.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        In [0, 1]: so much of the target is spread evenly over the classes.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the Inception Architecture for Computer
           Vision", CVPR, 2016.

    Examples
    --------
    >>> from mmsk.neural_network import CrossEntropy, NeuralClassifier
    >>> clf = NeuralClassifier(loss=CrossEntropy(label_smoothing=0.1))
    >>> clf.set_params(loss__label_smoothing=0.2).loss
    CrossEntropy(label_smoothing=0.2)
    """

    label_smoothing: float = 0.0

    _parameter_constraints = {
        "label_smoothing": [Interval(Real, 0, 1, closed="both")],
    }

    def rows(self, prior, *, multilabel):
        """Return the loss a row."""
        loss = binary_cross_entropy if multilabel else cross_entropy
        return partial(loss, label_smoothing=self.label_smoothing)


@dataclass
class Focal(ClassificationLoss):
    r"""Cross-entropy that cares less for rows that are right already.

    .. math:: \ell = -(1 - p_y)^\gamma \log p_y

    Parameters
    ----------
    gamma : float, default=2.0
        At least 0, which is cross-entropy.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollár, "Focal Loss for
           Dense Object Detection", ICCV, 2017.
    """

    gamma: float = 2.0

    _parameter_constraints = {"gamma": [Interval(Real, 0, None, closed="left")]}

    def rows(self, prior, *, multilabel):
        """Return the loss a row."""
        return partial(binary_focal if multilabel else focal, gamma=self.gamma)


@dataclass
class LogitAdjusted(ClassificationLoss):
    r"""Cross-entropy for classes of unequal frequency that matter equally.

    .. math:: \ell = -\log \mathrm{softmax}_y(f + \tau \log \pi)

    with the shares :math:`\pi` of the classes in training. Predictions leave the
    shift out, and so are made as if all classes were equally frequent: the error
    that becomes small is the balanced one. Labels are shifted by their log odds.

    Parameters
    ----------
    tau : float, default=1.0
        At least 0, which is cross-entropy; 1 is consistent for balanced error.

    References
    ----------
    .. [1] A. K. Menon et al., "Long-tail Learning via Logit Adjustment", ICLR,
           2021.
    """

    tau: float = 1.0

    _parameter_constraints = {"tau": [Interval(Real, 0, None, closed="left")]}

    def rows(self, prior, *, multilabel):
        """Return the loss a row."""
        offset = np.log(np.maximum(prior, RAREST))
        if multilabel:
            offset = offset - np.log(np.maximum(1 - prior, RAREST))
        loss = binary_cross_entropy if multilabel else cross_entropy
        return partial(adjusted, loss=loss, offset=torch.tensor(self.tau * offset))


@dataclass
class SquaredError(RegressionLoss):
    """Mean of the squared errors."""

    def rows(self):
        """Return the loss a row."""
        return squared_error


@dataclass
class Huber(RegressionLoss):
    """Squared error that grows only linearly for outliers.

    Parameters
    ----------
    delta : float, default=1.0
        From which error on it is linear, above 0, in standard deviations of the
        target.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", Annals of
           Mathematical Statistics 35, 1964.
    """

    delta: float = 1.0

    _parameter_constraints = {"delta": [Interval(Real, 0, None, closed="neither")]}

    def rows(self):
        """Return the loss a row."""
        return partial(huber, delta=self.delta)


CLASSIFICATION_LOSSES: dict[str, type[ClassificationLoss]] = {
    "cross_entropy": CrossEntropy,
    "focal": Focal,
    "logit_adjusted": LogitAdjusted,
}
REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": SquaredError,
    "huber": Huber,
}
