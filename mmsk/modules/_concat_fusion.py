"""Fusion by concatenation."""

import torch
from torch import Tensor, nn

from mmsk.modules._masking import ordered_blocks


class ConcatFusion(nn.Module):
    r"""Put the blocks side by side and mix them in one layer.

    .. math:: h = \max\Bigl(0,\; W [p_1 x_1; \dots; p_M x_M]
              + \sum_m (1 - p_m)\, u_m + b\Bigr)

    where :math:`p_m` is 1 where the sample has modality :math:`m` and 0 where
    it has not: an absent block counts as zeros, and the learned vector
    :math:`u_m` says what to think instead. All :math:`u_m` start at zero and
    stay there while nothing is absent.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.

    References
    ----------
    .. [1] J. Ngiam et al., "Multimodal Deep Learning", ICML, 2011.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import ConcatFusion
    >>> fuse = ConcatFusion({"image": 8, "text": 5}, out_size=3)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(self, block_sizes: dict[str, int], out_size: int = 64) -> None:
        super().__init__()
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.mix = nn.Linear(sum(block_sizes.values()), out_size)
        self.absent = nn.Parameter(torch.zeros(len(block_sizes), out_size))

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
        mixed = self.mix(torch.cat(ordered, dim=-1))  # (n, d)
        absent = (~present).to(mixed.dtype)  # (n, M)
        return (mixed + absent @ self.absent).relu()
