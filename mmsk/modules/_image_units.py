"""What a convolutional net computes, batch norm folded in, unit by unit."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Convolution:
    """A convolution with its bias and what follows it.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels / groups, kernel, kernel)
    bias : Tensor of shape (out_channels,)
    stride : int, default=1
    padding : int or None, default=0
        Zeros on each side. ``None``: as many as give ``ceil(side / stride)``
        positions, the odd one behind (TensorFlow's "same").
    groups : int, default=1
    activation : {"none", "relu", "relu6"}, default="none"
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1
    padding: int | None = 0
    groups: int = 1
    activation: str = "none"

    @property
    def kernel(self) -> int:
        """Side of the kernel."""
        return self.weight.shape[-1]

    def pads(self, side: int) -> tuple[int, int]:
        """Return the zeros before and behind a side of so many positions."""
        if self.padding is None:
            return same_padding(side, self.kernel, self.stride)
        return self.padding, self.padding

    def side(self, side: int) -> int:
        """Return how many positions become of so many."""
        return (side + sum(self.pads(side)) - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class Unit:
    """Convolutions one after the other, with a shortcut past them or without.

    Parameters
    ----------
    name : str
        ``"stem"``, ``"blocks.3"``, ``"layer2.0"``.
    path : tuple of Convolution
    skip : bool, default=False
        Whether the input is added to the result.
    shortcut : Convolution, default=None
        What the input goes through before.
    activation : {"none", "relu"}, default="none"
        What follows the sum.
    max_pool : bool, default=False
        Whether 3 x 3 pooling in steps of two comes last.
    """

    name: str
    path: tuple[Convolution, ...]
    skip: bool = False
    shortcut: Convolution | None = None
    activation: str = "none"
    max_pool: bool = False

    @property
    def channels(self) -> int:
        """Number of channels of the result."""
        return len(self.path[-1].bias)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and behind that give ``ceil(side / stride)`` places."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def folded(
    conv: nn.Conv2d,
    norm: nn.BatchNorm2d,
    activation: str = "none",
    *,
    same: bool = False,
) -> Convolution:
    """Return a convolution that does what two layers do when not training."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return Convolution(
        (conv.weight.double() * scale[:, None, None, None]).float().detach(),
        bias.float().detach(),
        stride=conv.stride[0],
        padding=None if same else conv.padding[0],
        groups=conv.groups,
        activation=activation,
    )


def up_to(units: list[Unit], layer: str | None) -> list[Unit]:
    """Return the units up to the last one of a layer, or all.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    if layer is None:
        return units
    inside = [
        position
        for position, unit in enumerate(units)
        if unit.name == layer or unit.name.startswith(f"{layer}.")
    ]
    if not inside:
        names = ", ".join(unit.name for unit in units)
        raise ValueError(f"There is no layer {layer!r}; there are {names}.")
    return units[: inside[-1] + 1]
