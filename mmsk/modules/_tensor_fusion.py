"""Low-rank tensor fusion."""

import torch
from torch import Tensor, nn

from mmsk.modules._masking import ordered_blocks


class TensorFusion(nn.Module):
    r"""Weigh all products of features of different modalities, in low rank.

    The outer product of the blocks, each with a 1 appended, holds every product
    of features of one, two, ... modalities. A linear layer on it whose weights
    are a tensor of rank :math:`R` needs no outer product:

    .. math:: h = \frac{1}{R} \sum_{r=1}^{R} \prod_m
              \bigl(W_m^{(r)} p_m x_m + c_m^{(r)}\bigr) + b

    with the product taken feature by feature. An absent block
    (:math:`p_m = 0`) counts as zeros; the 1 appended to it keeps the products of
    the others. The :math:`c` start at 1, so that the first steps see a sum.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    rank : int, default=8
        Number of terms :math:`R`.

    Raises
    ------
    ValueError
        If the rank is not positive.

    References
    ----------
    .. [1] Z. Liu et al., "Efficient Low-rank Multimodal Fusion with
           Modality-Specific Factors", ACL, 2018.
    .. [2] A. Zadeh et al., "Tensor Fusion Network for Multimodal Sentiment
           Analysis", EMNLP, 2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import TensorFusion
    >>> fuse = TensorFusion({"image": 8, "text": 5}, out_size=3, rank=4)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, block_sizes: dict[str, int], out_size: int = 64, rank: int = 8
    ) -> None:
        super().__init__()
        if rank < 1:
            raise ValueError(f"rank must be positive, got {rank}.")
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.rank = rank
        self.factors = nn.ModuleList(
            [nn.Linear(size, rank * out_size) for size in block_sizes.values()]
        )
        for factor in self.factors:
            nn.init.ones_(factor.bias)
        self.bias = nn.Parameter(torch.zeros(out_size))

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
        factors = torch.stack(
            [layer(x) for layer, x in zip(self.factors, ordered, strict=True)]
        )  # (M, n, R d)
        terms = factors.prod(dim=0).unflatten(-1, (self.rank, -1))  # (n, R, d)
        return terms.mean(dim=1) + self.bias

    def extra_repr(self) -> str:
        return f"rank={self.rank}"
