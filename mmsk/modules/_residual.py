"""A layer that adds its input to its result."""

from torch import Tensor, nn


class Residual(nn.Sequential):
    r"""Layers around which the input takes a short cut, :math:`y = x + f(x)`.

    Parameters
    ----------
    *layers : Module
        Their composition :math:`f` keeps the shape.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image
           Recognition", CVPR, 2016.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from mmsk.modules._residual import Residual
    >>> Residual(nn.Identity())(torch.ones(2))
    tensor([2., 2.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Add.

        Parameters
        ----------
        x : Tensor of any shape

        Returns
        -------
        y : Tensor of the same shape
        """
        return x + super().forward(x)
