"""Several multi-layer perceptrons in one pass."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout
from mmsk.modules._mlp import MLP
from mmsk.modules._normalization import BatchNorm
from mmsk.modules._residual import Residual
from mmsk.modules._sparse_rows import InputLinear, SparseRows


class MLPEnsemble(nn.Module):
    r"""Apply members of one architecture to the same rows, all at once.

    The first layers of the members are one wide layer, the later ones batched
    matrix products. No weights are shared, so what a member learns does not
    depend on the others; their dropout has one random stream.

    Parameters
    ----------
    members : sequence of MLP
        Equal but for their weights, which are copied.

    Attributes
    ----------
    n_members : int
        Number of members.
    in_size, out_size : int
        Widths of the input and of a member's result.

    Raises
    ------
    ValueError
        If the members differ in more than weights.

    References
    ----------
    .. [1] Y. Gorishniy, A. Kotelnikov and A. Babenko, "TabM: Advancing Tabular
           Deep Learning with Parameter-Efficient Ensembling", ICLR, 2025.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import MLP, MLPEnsemble
    >>> members = [MLP(8, (16,), out_size=3) for _ in range(4)]
    >>> MLPEnsemble(members)(torch.randn(5, 8)).shape
    torch.Size([4, 5, 3])
    """

    def __init__(self, members: Sequence[MLP]) -> None:
        super().__init__()
        looks = {repr(member) for member in members}
        if len(looks) != 1:
            raise ValueError(
                f"Members must differ in weights alone, got {len(looks)} different "
                "architectures."
            )
        self.n_members = len(members)
        self.in_size = members[0].in_size
        self.out_size = members[0].out_size
        first, *others = zip(*(member.layers for member in members), strict=True)
        self.layers = nn.Sequential(_SharedInput(first), *map(_together, others))

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Map a batch by every member.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_size), or SparseRows

        Returns
        -------
        y : Tensor of shape (n_members, n_samples, out_size)
        """
        return self.layers(x)

    def lay_out_for_sparse(self) -> None:
        """Make steps on `SparseRows` fast; see `InputLinear`."""
        self.layers[0].lay_out_for_sparse()

    def clip_gradients(self, max_norm: float) -> None:
        """Scale down the gradient of each member whose norm is larger.

        Parameters
        ----------
        max_norm : float
        """
        # every weight has the members along its first axis
        gradients = [
            weight.grad.unflatten(0, (self.n_members, -1))
            for weight in self.parameters()
            if weight.grad is not None
        ]
        squares = [
            gradient.square().sum(dim=tuple(range(1, gradient.dim())))
            for gradient in gradients
        ]
        norm = torch.stack(squares).sum(dim=0).sqrt()  # (k,)
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale.reshape(-1, *[1] * (gradient.dim() - 1)))


def _together(layers: Sequence[nn.Module]) -> nn.Module:
    """Return one layer that does what each member's layer does."""
    kind = type(layers[0])
    if kind is Residual:
        return Residual(*map(_together, zip(*layers, strict=True)))
    if kind is nn.Linear:
        return _Linears(layers)
    if kind is BatchNorm:
        return _BatchNorms(layers)
    if kind is nn.LayerNorm:
        return _LayerNorms(layers)
    if kind is Dropout or not list(layers[0].parameters()):
        return layers[0]
    raise TypeError(f"Layers of type {kind.__name__} cannot be batched.")


def _joined(tensors: Sequence[Tensor], *, stack: bool = False) -> nn.Parameter:
    """Put the members' weights behind each other along the first axis."""
    join = torch.stack if stack else torch.cat
    return nn.Parameter(join([tensor.detach() for tensor in tensors]))


class _SharedInput(InputLinear):
    """The first layers as one, ``(n, in) -> (k, n, out)``."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        nn.Module.__init__(self)
        self.n_members = len(layers)
        self.in_features = layers[0].in_features
        self.out_features = self.n_members * layers[0].out_features
        self.weight = _joined([layer.weight for layer in layers])  # (k out, in)
        self.bias = _joined([layer.bias for layer in layers])

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        wide = super().forward(x)  # (n, k out)
        members = wide.unflatten(-1, (self.n_members, -1)).transpose(0, 1)
        return members.contiguous()  # the products that follow are faster


class _Linears(nn.Module):
    """Linear layers of the members, ``(k, n, in) -> (k, n, out)``."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = _joined([layer.weight for layer in layers], stack=True)
        self.bias = _joined([layer.bias for layer in layers], stack=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.transpose(1, 2))


class _BatchNorms(BatchNorm):
    """Batch normalisations of the members, on ``(k, n, width)``."""

    def __init__(self, layers: Sequence[BatchNorm]) -> None:
        super().__init__(len(layers) * layers[0].num_features)
        self.n_members = len(layers)
        self.weight = _joined([layer.weight for layer in layers])
        self.bias = _joined([layer.bias for layer in layers])

    def forward(self, x: Tensor) -> Tensor:
        wide = super().forward(x.transpose(0, 1).flatten(1))  # (n, k width)
        return wide.unflatten(-1, (self.n_members, -1)).transpose(0, 1)


class _LayerNorms(nn.Module):
    """Layer normalisations of the members, on ``(k, n, width)``."""

    def __init__(self, layers: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        self.eps = layers[0].eps
        self.weight = _joined([layer.weight for layer in layers], stack=True)
        self.bias = _joined([layer.bias for layer in layers], stack=True)

    def forward(self, x: Tensor) -> Tensor:
        normal = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        return torch.addcmul(self.bias.unsqueeze(1), normal, self.weight.unsqueeze(1))
