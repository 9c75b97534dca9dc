"""A recurrent net over tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmsk.modules._attention_pooling import AttentionPooling
from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator
from mmsk.modules._tokens import PADDING, draw_weights, token_embedding, token_ids

_CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class TokenRNN(nn.Module):
    r"""Read token sequences from both sides, then average what was understood.

    Embeddings go through a bidirectional recurrent layer [1]_ [2]_, whose states
    :class:`AttentionPooling` averages with learned weights; a linear layer and a
    rectifier follow. Padding behind the last token has no part in it.

    Parameters
    ----------
    n_tokens : int
        Number of tokens: padding 0, the unknown one 1, the known ones from 2 on.
        Larger numbers count as unknown.
    cell : {"gru", "lstm"}, default="gru"
        The recurrent layer.
    embedding_size : int, default=64
        Width of the embeddings.
    hidden_size : int, default=64
        Width of the states in each direction.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of features that are zeroed in training, of embeddings and of the
        averaged states.
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
        If the cell is unknown, or `n_tokens` has no room for padding and the
        unknown token.

    References
    ----------
    .. [1] K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder
           for Statistical Machine Translation", EMNLP, 2014.
    .. [2] S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural
           Computation 9, 1997.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import TokenRNN
    >>> TokenRNN(9, out_size=4)(torch.tensor([[2, 8, 0], [0, 0, 0]])).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        n_tokens: int,
        *,
        cell: str = "gru",
        embedding_size: int = 64,
        hidden_size: int = 64,
        out_size: int = 128,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if cell not in _CELLS:
            raise ValueError(f"cell must be one of {list(_CELLS)}, got {cell!r}.")
        generator = own_generator() if generator is None else generator
        self.n_tokens = int(n_tokens)
        self.out_size = int(out_size)
        self.embedding = token_embedding(self.n_tokens, embedding_size)
        self.recurrent = _CELLS[cell](
            embedding_size, hidden_size, batch_first=True, bidirectional=True
        )
        self.pool = AttentionPooling(2 * hidden_size)
        self.dropout = Dropout(dropout, generator)
        self.head = nn.Linear(2 * hidden_size, self.out_size)
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
        place = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        lengths = (there * place).amax(dim=1).clamp(min=1)  # to the last token
        packed = pack_padded_sequence(
            self.dropout(self.embedding(ids)),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        states, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        pooled = self.pool(states, there[:, : states.shape[1]])
        return F.relu(self.head(self.dropout(pooled)))
