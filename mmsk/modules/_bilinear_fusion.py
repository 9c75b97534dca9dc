"""Low-rank bilinear fusion."""

from itertools import combinations

import torch
from torch import Tensor, nn

from mmsk.modules._masking import ordered_blocks, zero_absent


class BilinearFusion(nn.Module):
    r"""Let the features of two modalities multiply, in low rank.

    .. math:: h = P \sum_{m < k} z_m \circ z_k + b, \qquad
              z_m = \tanh(W_m x_m + c_m)

    over the pairs of modalities; with two it is Kim et al.'s. Where one of a pair
    is absent its factor is 1, so that the other speaks alone; a pair of which
    both are absent is left out, and the sum is divided by the share of the pairs
    that are left. With a single modality, :math:`h = P z + b`.

    Samples that have everything teach the products only: if all factors change their
    signs, these stay what they are, and a factor that speaks alone says the
    opposite. So what is said without a modality is worth something only where
    training samples lacked it, by themselves or by modality dropout.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    rank : int, default=None
        Width of the factors :math:`z`. ``None``: twice `out_size`.

    Raises
    ------
    ValueError
        If the rank is not positive.

    References
    ----------
    .. [1] J.-H. Kim et al., "Hadamard Product for Low-rank Bilinear Pooling", ICLR,
           2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import BilinearFusion
    >>> fuse = BilinearFusion({"image": 8, "text": 5}, out_size=3)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        block_sizes: dict[str, int],
        out_size: int = 64,
        rank: int | None = None,
    ) -> None:
        super().__init__()
        rank = 2 * out_size if rank is None else rank
        if rank < 1:
            raise ValueError(f"rank must be positive, got {rank}.")
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.rank = rank
        self.factors = nn.ModuleList(
            [nn.Linear(size, rank) for size in block_sizes.values()]
        )
        self.mix = nn.Linear(rank, out_size)

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
        z = [
            layer(x).tanh().masked_fill(~present[:, [m]], 1.0)
            for m, (layer, x) in enumerate(zip(self.factors, ordered, strict=True))
        ]
        if len(z) == 1:
            return self.mix(zero_absent(z[0], present[:, 0]))
        total, n_kept = torch.zeros_like(z[0]), 0
        pairs = list(combinations(range(len(z)), 2))
        for one, other in pairs:
            kept = present[:, one] | present[:, other]
            total = total + zero_absent(z[one] * z[other], kept)
            n_kept = n_kept + kept.to(total.dtype)
        share = (n_kept / len(pairs)).clamp(min=1 / len(pairs))
        return self.mix(total / share.unsqueeze(-1))

    def extra_repr(self) -> str:
        return f"rank={self.rank}"
