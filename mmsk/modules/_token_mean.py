"""The mean of the tokens' embeddings."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator
from mmsk.modules._tokens import PADDING, draw_weights, token_embedding, token_ids


class TokenMean(nn.Module):
    r"""Encode token sequences by the mean of their embeddings.

    .. math:: y = \mathrm{relu}\Bigl(W \frac{1}{T'} \sum_{t} E_{x_t} + b\Bigr)

    over the :math:`T'` tokens that are no padding (a deep averaging network [1]_
    with one layer); over none the mean is 0.

    Parameters
    ----------
    n_tokens : int
        Number of tokens: padding 0, the unknown one 1, the known ones from 2 on.
        Larger numbers count as unknown.
    embedding_size : int, default=64
        Width of the embeddings.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of the mean's features that are zeroed in training.
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
        If `n_tokens` has no room for padding and the unknown token.

    References
    ----------
    .. [1] M. Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for
           Text Classification", ACL, 2015.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import TokenMean
    >>> TokenMean(9, out_size=4)(torch.tensor([[2, 8, 0], [0, 0, 0]])).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        n_tokens: int,
        *,
        embedding_size: int = 64,
        out_size: int = 128,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        generator = own_generator() if generator is None else generator
        self.n_tokens = int(n_tokens)
        self.out_size = int(out_size)
        self.embedding = token_embedding(self.n_tokens, embedding_size)
        self.dropout = Dropout(dropout, generator)
        self.head = nn.Linear(embedding_size, self.out_size)
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
        count = (ids != PADDING).sum(dim=1, keepdim=True).clamp(min=1)
        mean = self.embedding(ids).sum(dim=1) / count  # padding is zero
        return F.relu(self.head(self.dropout(mean)))
