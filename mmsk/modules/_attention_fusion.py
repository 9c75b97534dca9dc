"""Fusion by attention between modalities."""

import torch
from torch import Tensor, nn

from mmsk.modules._masked_attention import MaskedAttention
from mmsk.modules._masking import ordered_blocks


class AttentionFusion(nn.Module):
    r"""Make each modality a token and let the tokens attend to each other.

    .. math:: t_m = W_m x_m + b_m, \qquad
              u_m = \mathrm{norm}(t_m + \mathrm{attention}(t_m; \{t_k: p_k = 1\})),
              \qquad h = \frac{\sum_m p_m u_m}{\sum_m p_m}

    with multi-head dot-product attention and layer normalisation. Absent
    modalities (:math:`p_m = 0`) are neither attended to nor part of the mean;
    a sample without any gets :math:`h = 0`.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    n_heads : int, default=4
        Number of heads; it divides `out_size`, or the largest number below that
        does is taken.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS, 2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import AttentionFusion
    >>> fuse = AttentionFusion({"image": 8, "text": 5}, out_size=3)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, block_sizes: dict[str, int], out_size: int = 64, n_heads: int = 4
    ) -> None:
        super().__init__()
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.project = nn.ModuleList(
            [nn.Linear(size, out_size) for size in block_sizes.values()]
        )
        self.attention = MaskedAttention(out_size, out_size, out_size, n_heads)
        self.norm = nn.LayerNorm(out_size)

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
        tokens = torch.stack(
            [layer(x) for layer, x in zip(self.project, ordered, strict=True)], dim=1
        )  # (n, M, d)
        mixed = self.norm(tokens + self.attention(tokens, tokens, present))
        kept = mixed.masked_fill(~present.unsqueeze(-1), 0.0)
        return kept.sum(dim=1) / present.sum(dim=-1, keepdim=True).clamp(min=1)
