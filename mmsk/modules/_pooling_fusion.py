"""Fusion by a sum, a mean or a maximum."""

import torch
from torch import Tensor, nn

from mmsk.modules._masking import ordered_blocks

POOLINGS = ("sum", "mean", "max")


class PoolingFusion(nn.Module):
    r"""Map the blocks to one space and pool the present ones.

    .. math:: h = \operatorname*{pool}_{m:\, p_m = 1} \tanh(W_m x_m + b_m), \qquad
              \mathrm{pool} \in \{\textstyle\sum, \mathrm{mean}, \max\}

    where :math:`p_m` tells whether the sample has modality :math:`m`. What is
    absent does not enter: it adds nothing to a sum, does not count in a mean, and
    is never a maximum. A sample without any modality gets :math:`h = 0`.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    pooling : {"sum", "mean", "max"}, default="sum"
        What is made of the mapped blocks, feature by feature.

    Raises
    ------
    ValueError
        If the pooling is unknown.

    References
    ----------
    .. [1] M. Zaheer et al., "Deep Sets", NeurIPS, 2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import PoolingFusion
    >>> fuse = PoolingFusion({"image": 8, "text": 5}, out_size=3, pooling="max")
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, block_sizes: dict[str, int], out_size: int = 64, pooling: str = "sum"
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}, got {pooling!r}.")
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.pooling = pooling
        self.project = nn.ModuleList(
            [nn.Linear(size, out_size) for size in block_sizes.values()]
        )

    def forward(self, blocks: dict[str, Tensor], present: Tensor) -> Tensor:
        """Fuse the blocks of a batch.

        Parameters
        ----------
        blocks : dict of str to Tensor of shape (n_samples, block_sizes[name])
            One feature block for each modality.
        present : bool Tensor of shape (n_samples, n_modalities)
            Which modalities a sample has.

        Returns
        -------
        fused : Tensor of shape (n_samples, out_size)
            The fused block.
        """
        ordered = ordered_blocks(blocks, present, self.names)
        hidden = torch.stack(
            [layer(x).tanh() for layer, x in zip(self.project, ordered, strict=True)],
            dim=1,
        )  # (n, M, d)
        if self.pooling == "max":
            some = present.any(dim=-1, keepdim=True)
            hidden = hidden.masked_fill(~present.unsqueeze(-1), -torch.inf)
            return hidden.amax(dim=1).masked_fill(~some, 0.0)
        total = hidden.masked_fill(~present.unsqueeze(-1), 0.0).sum(dim=1)
        if self.pooling == "sum":
            return total
        return total / present.sum(dim=-1, keepdim=True).clamp(min=1)

    def extra_repr(self) -> str:
        return f"pooling={self.pooling!r}"
