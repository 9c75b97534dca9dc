"""Multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout
from mmsk.modules._normalization import NORMALIZATIONS
from mmsk.modules._residual import Residual
from mmsk.modules._sparse_rows import InputLinear, SparseRows

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
              h_l = \mathrm{dropout}(\phi(\mathrm{norm}(W_l h_{l-1} + b_l)))
              \;[+\; h_{l-1}], \qquad
              y = V h_L + c

    The first layer also takes `SparseRows`.

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
    normalization : {"batch", "layer"} or None, default=None
        What comes between a hidden layer and its activation. ``"batch"`` looks
        at the rows of a batch in training, ``"layer"`` at each row alone.
    residual : bool, default=False
        Whether a hidden layer after the first adds its input to its result,
        where both are equally wide.

    Attributes
    ----------
    in_size : int
        Width of the input.
    out_size : int
        Width of the result.

    Raises
    ------
    ValueError
        If the activation or the normalisation is unknown, or a width is not
        positive.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning
           representations by back-propagating errors", Nature 323, 1986.
    .. [2] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep
           Network Training by Reducing Internal Covariate Shift", ICML, 2015.
    .. [3] J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization",
           arXiv:1607.06450, 2016.
    .. [4] Y. Gorishniy, I. Rubachev, V. Khrulkov and A. Babenko, "Revisiting
           Deep Learning Models for Tabular Data", NeurIPS, 2021.

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
        normalization: str | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if normalization not in (None, *NORMALIZATIONS):
            raise ValueError(
                f"normalization must be one of {list(NORMALIZATIONS)} or None, got "
                f"{normalization!r}."
            )
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
            linear = nn.Linear if layers else InputLinear
            layer: list[nn.Module] = [linear(before, after)]
            if normalization is not None:
                layer.append(NORMALIZATIONS[normalization](after))
            layer.append(ACTIVATIONS[activation]())
            if dropout:
                layer.append(Dropout(dropout, generator))
            if residual and layers and before == after:
                layer = [Residual(*layer)]
            layers += layer
        if out_size is not None:
            linear = nn.Linear if layers else InputLinear
            layers.append(linear(sizes[-1], out_size))
        self.in_size = in_size
        self.out_size = sizes[-1] if out_size is None else out_size
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Map a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_size), or SparseRows

        Returns
        -------
        y : Tensor of shape (n_samples, out_size)
        """
        if isinstance(x, SparseRows) and not self.layers:
            return x.to_dense(self.in_size)
        return self.layers(x)

    def lay_out_for_sparse(self) -> None:
        """Make steps on `SparseRows` fast; see `InputLinear`."""
        for layer in self.layers[:1]:
            layer.lay_out_for_sparse()
