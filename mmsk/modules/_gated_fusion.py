"""Gated fusion."""

import torch
from torch import Tensor, nn

from mmsk.modules._masking import masked_softmax, ordered_blocks


class GatedFusion(nn.Module):
    r"""Let every sample choose how much it trusts each modality.

    .. math:: h = \sum_m g_m \tanh(W_m x_m + b_m), \qquad
              g = \mathrm{softmax}\,(V [p_1 x_1; \dots; p_M x_M] + c)

    The softmax runs over the modalities that a sample has (:math:`p_m = 1`):
    the gate of an absent modality is 0, the others still sum to 1. A sample
    without any modality gets :math:`h = 0`.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the gates and of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.

    References
    ----------
    .. [1] J. Arevalo et al., "Gated Multimodal Units for Information Fusion",
           ICLR Workshop, 2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import GatedFusion
    >>> fuse = GatedFusion({"image": 8, "text": 5}, out_size=3)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(self, block_sizes: dict[str, int], out_size: int = 64) -> None:
        super().__init__()
        self.names = tuple(block_sizes)
        self.out_size = out_size
        # a list, not a ModuleDict: that one refuses names such as "type" or "a.b"
        self.project = nn.ModuleList(
            [nn.Linear(size, out_size) for size in block_sizes.values()]
        )
        self.gate = nn.Linear(sum(block_sizes.values()), len(block_sizes))

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
        scores = self.gate(torch.cat(ordered, dim=-1))  # (n, M)
        gates = masked_softmax(scores, present)
        hidden = [
            layer(x).tanh() for layer, x in zip(self.project, ordered, strict=True)
        ]
        return torch.einsum("mnd,nm->nd", torch.stack(hidden), gates)
