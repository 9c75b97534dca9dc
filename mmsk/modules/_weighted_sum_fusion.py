"""Fusion by a sum with learned weights."""

import torch
from torch import Tensor, nn

from mmsk.modules._masking import masked_softmax, ordered_blocks

WEIGHTS = ("modality", "feature")


class WeightedSumFusion(nn.Module):
    r"""Add the blocks up with weights that are the same for all samples.

    .. math:: h_j = \sum_m a_{mj} \tanh(W_m x_m + b_m)_j, \qquad
              a_{mj} = \frac{p_m e^{s_{mj}}}{\sum_k p_k e^{s_{kj}}}

    where :math:`p_m` tells whether the sample has modality :math:`m`: the weights
    are renormalised over the modalities that are there. The scores :math:`s` are
    learned, one a modality or one a modality and feature :math:`j`, and start
    equal. A sample without any modality gets :math:`h = 0`.

    Parameters
    ----------
    block_sizes : dict of str to int
        Width of the feature block of each modality. The order of the keys is
        the order of the columns of `present`.
    out_size : int, default=64
        Width of the fused block.
    weights : {"modality", "feature"}, default="modality"
        Whether a modality has one weight, or one for each feature of the fused
        block.

    Raises
    ------
    ValueError
        If `weights` is unknown.

    References
    ----------
    .. [1] M. E. Peters et al., "Deep Contextualized Word Representations", NAACL,
           2018 (the scalar mix of layers).

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import WeightedSumFusion
    >>> fuse = WeightedSumFusion({"image": 8, "text": 5}, out_size=3)
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> fuse(blocks, torch.ones(2, 2, dtype=torch.bool)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        block_sizes: dict[str, int],
        out_size: int = 64,
        weights: str = "modality",
    ) -> None:
        super().__init__()
        if weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {WEIGHTS}, got {weights!r}.")
        self.names = tuple(block_sizes)
        self.out_size = out_size
        self.weights = weights
        self.project = nn.ModuleList(
            [nn.Linear(size, out_size) for size in block_sizes.values()]
        )
        n_scores = out_size if weights == "feature" else 1
        self.scores = nn.Parameter(torch.zeros(n_scores, len(block_sizes)))

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
            dim=-1,
        )  # (n, d, M)
        scores = self.scores.expand(len(present), -1, -1)  # (n, d or 1, M)
        shares = masked_softmax(scores, present.unsqueeze(1))
        return (hidden * shares).sum(dim=-1)

    def extra_repr(self) -> str:
        return f"weights={self.weights!r}"
