"""A small transformer over tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator
from mmsk.modules._masked_attention import MaskedAttention
from mmsk.modules._tokens import PADDING, draw_weights, token_embedding, token_ids


class TokenTransformer(nn.Module):
    r"""Let the tokens of a sequence look at each other, then average them.

    Embeddings and sinusoidal positions go through layers of self-attention [1]_,
    normalised before each half; the mean over the tokens that are no padding goes
    through a linear layer and a rectifier. Nothing attends to padding.

    Parameters
    ----------
    n_tokens : int
        Number of tokens: padding 0, the unknown one 1, the known ones from 2 on.
        Larger numbers count as unknown.
    size : int, default=64
        Width of the embeddings and layers, an even number.
    n_layers : int, default=2
        Number of layers.
    n_heads : int, default=4
        Number of attention heads; the largest one not above it that divides `size`
        is taken.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of features that are zeroed in training, in all layers.
    generator : torch.Generator, default=None
        Source of initial weights and dropout. ``None`` makes one, seeded once by
        torch's global stream.

    Attributes
    ----------
    out_size : int
        Width of the result.

    Raises
    ------
    ValueError
        If the size is odd, or `n_tokens` has no room for padding and the unknown
        token.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS, 2017.
    .. [2] R. Xiong et al., "On Layer Normalization in the Transformer
           Architecture", ICML, 2020.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import TokenTransformer
    >>> TokenTransformer(9, out_size=4)(torch.tensor([[2, 8, 0], [0, 0, 0]])).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        n_tokens: int,
        *,
        size: int = 64,
        n_layers: int = 2,
        n_heads: int = 4,
        out_size: int = 128,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if size < 2 or size % 2:
            raise ValueError(f"size must be a positive even number, got {size}.")
        generator = own_generator() if generator is None else generator
        self.n_tokens = int(n_tokens)
        self.out_size = int(out_size)
        self.embedding = token_embedding(self.n_tokens, size)
        self.dropout = Dropout(dropout, generator)
        self.layers = nn.ModuleList(
            _Layer(size, n_heads, self.dropout) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, self.out_size)
        draw_weights(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, length)
            Tokens, 0 where there is none.

        Returns
        -------
        encoded : Tensor of shape (n_samples, out_size)
        """
        ids = token_ids(x, self.n_tokens)
        there = ids != PADDING
        h = self.embedding(ids)
        h = self.dropout(h + positions(ids.shape[1], h))
        for layer in self.layers:
            h = layer(h, there)
        count = there.sum(dim=1, keepdim=True).clamp(min=1)
        mean = self.norm(h).masked_fill(~there[:, :, None], 0).sum(dim=1) / count
        return F.relu(self.head(self.dropout(mean)))


class _Layer(nn.Module):
    """Attend, then transform each position; normalise before each."""

    def __init__(self, size: int, n_heads: int, dropout: Dropout) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size)
        self.attention = MaskedAttention(size, size, size, n_heads)
        self.norm2 = nn.LayerNorm(size)
        self.wide = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(4 * size, size)
        self.dropout = dropout

    def forward(self, h: Tensor, there: Tensor) -> Tensor:
        known = self.norm1(h)
        h = h + self.dropout(self.attention(known, known, there))
        return h + self.dropout(self.narrow(F.gelu(self.wide(self.norm2(h)))))


def positions(length: int, like: Tensor) -> Tensor:
    """Return sines and cosines of positions, a tenth of their usual size.

    Parameters
    ----------
    length : int
    like : Tensor of shape (..., size)
        Its last axis, dtype and device are taken.

    Returns
    -------
    encoded : Tensor of shape (length, size)
    """
    size = like.shape[-1]
    place = torch.arange(length, device=like.device, dtype=like.dtype)
    power = torch.arange(0, size, 2, device=like.device, dtype=like.dtype) / size
    angle = place[:, None] / 10_000**power  # (T, size / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=1) / 10
