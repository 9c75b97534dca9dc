"""Fusion by attention of sequences to each other."""

import torch
from torch import Tensor, nn

from mmsk.modules._masked_attention import MaskedAttention
from mmsk.modules._masking import ordered_blocks


class CrossModalFusion(nn.Module):
    r"""Let the frames of each modality attend to the frames of every other.

    For each target modality :math:`m` with frames :math:`t_{mi}`,

    .. math:: u_{mi} = \mathrm{norm}\Bigl(t_{mi} + \sum_{k \ne m} p_k\,
              \mathrm{attention}_{mk}(t_{mi}; \{t_{kj}\}_j)\Bigr), \qquad
              t_{mi} = W_m x_{mi} + b_m,

    and :math:`h = \sum_m p_m \bar u_m / \sum_m p_m` of the means over real
    frames. The sequences need not be aligned nor of one length; a vector is a
    sequence of one frame. Absent modalities (:math:`p_m = 0`) and padding are
    neither attended to nor averaged; a sample without any gets :math:`h = 0`.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of a frame of each modality. The order of the keys is the order of
        the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    n_heads : int, default=4
        Number of heads; the largest one not above it that divides `out_size` is
        taken.

    References
    ----------
    .. [1] Y.-H. H. Tsai et al., "Multimodal Transformer for Unaligned Multimodal
           Language Sequences", ACL, 2019.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import CrossModalFusion
    >>> fuse = CrossModalFusion({"audio": 8, "text": 5}, out_size=4)
    >>> blocks = {"audio": torch.randn(2, 30, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 4])
    """

    reads_sequences = True
    """Blocks may be sequences, where other mechanisms take vectors alone."""

    def __init__(
        self, block_sizes: dict[str, int], out_size: int = 64, n_heads: int = 4
    ) -> None:
        super().__init__()
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.project = nn.ModuleList(
            [nn.Linear(size, out_size) for size in block_sizes.values()]
        )
        self.attentions = nn.ModuleList(
            nn.ModuleList(
                MaskedAttention(out_size, out_size, out_size, n_heads)
                for _ in range(len(block_sizes) - 1)
            )
            for _ in block_sizes
        )
        self.norms = nn.ModuleList(nn.LayerNorm(out_size) for _ in block_sizes)

    def forward(self, blocks: dict[str, Tensor], present: Tensor) -> Tensor:
        """Fuse the blocks of a batch.

        Parameters
        ----------
        blocks : dict of str to Tensor of shape (n_samples, block_sizes[name]) or \
                (n_samples, n_frames, block_sizes[name])
            One vector or sequence for each modality. Frames of zeros alone are
            padding.
        present : bool Tensor of shape (n_samples, n_modalities)
            Which modalities a sample has.

        Returns
        -------
        fused : Tensor of shape (n_samples, out_size)
            The fused block.
        """
        ordered = ordered_blocks(blocks, present, self.names)
        frames, real = [], []
        for position, (layer, x) in enumerate(zip(self.project, ordered, strict=True)):
            there = present[:, position, None]  # (n, 1)
            if x.dim() == 2:
                x = x.unsqueeze(1)
            else:
                there = there & (x != 0).any(dim=-1)  # (n, T)
            frames.append(layer(x))
            real.append(there)
        means = []
        for target, (t, there) in enumerate(zip(frames, real, strict=True)):
            others = [k for k in range(len(frames)) if k != target]
            mixed = t
            for attention, k in zip(self.attentions[target], others, strict=True):
                mixed = mixed + attention(t, frames[k], real[k])
            kept = self.norms[target](mixed).masked_fill(~there.unsqueeze(-1), 0.0)
            n_frames = there.sum(dim=-1, keepdim=True).clamp(min=1)
            means.append(kept.sum(dim=1) / n_frames)
        total = torch.stack(means).sum(dim=0)  # (n, d)
        return total / present.sum(dim=-1, keepdim=True).clamp(min=1)
