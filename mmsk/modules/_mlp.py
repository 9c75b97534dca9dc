"""Multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class MLP(nn.Module):
    r"""Map vectors through fully connected layers.

    .. math:: h_0 = x, \qquad
              h_l = \mathrm{dropout}(\phi(W_l h_{l-1} + b_l)), \qquad
              y = V h_L + c

    Parameters
    ----------
    in_size : int
        Width of the input.
    hidden_layer_sizes : int or sequence of int
        Widths of the hidden layers; none are allowed.
    out_size : int, default=None
        Width of the linear output layer. ``None`` leaves that layer out: the
        result is the last hidden layer (an encoder).
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, \
            default="relu"
        The function :math:`\phi`, in scikit-learn's words.
    dropout : float, default=0.0
        Probability that a hidden feature is zeroed in training.
    generator : torch.Generator, default=None
        Source of the dropout's draws; see `Dropout`.

    Attributes
    ----------
    in_size : int
        Width of the input.
    out_size : int
        Width of the result.

    Raises
    ------
    ValueError
        If the activation is unknown or a width is not positive.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning
           representations by back-propagating errors", Nature 323, 1986.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import MLP
    >>> MLP(8, (16, 4), out_size=3)(torch.randn(5, 8)).shape
    torch.Size([5, 3])
    >>> MLP(8, (16, 4)).out_size
    4
    """

    def __init__(
        self,
        in_size: int,
        hidden_layer_sizes: int | Sequence[int],
        out_size: int | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {list(ACTIVATIONS)}, got {activation!r}."
            )
        if isinstance(hidden_layer_sizes, Integral):
            hidden_layer_sizes = (hidden_layer_sizes,)
        sizes = [int(size) for size in (in_size, *hidden_layer_sizes)]
        outputs = [] if out_size is None else [out_size]
        if min(sizes + outputs) < 1:
            raise ValueError(f"Layer widths must be positive, got {sizes + outputs}.")
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(Dropout(dropout, generator))
        if out_size is not None:
            layers.append(nn.Linear(sizes[-1], out_size))
        self.in_size = in_size
        self.out_size = sizes[-1] if out_size is None else out_size
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_size)

        Returns
        -------
        y : Tensor of shape (n_samples, out_size)
        """
        return self.layers(x)
