"""A mean over positions that knows which of them matter."""

from torch import Tensor, nn

from mmsk.modules._masking import masked_softmax


class AttentionPooling(nn.Module):
    r"""Average the positions of a sequence with learned weights.

    .. math:: y = \sum_t a_t x_t, \qquad
              a = \mathrm{softmax}_t\,\bigl(v^\top \tanh(W x_t + b)\bigr)

    over the positions that are there; over none it is 0.

    Parameters
    ----------
    size : int
        Width of a position.

    References
    ----------
    .. [1] Z. Yang et al., "Hierarchical Attention Networks for Document
           Classification", NAACL, 2016.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules._attention_pooling import AttentionPooling
    >>> there = torch.tensor([[True, True, False]])
    >>> AttentionPooling(2)(torch.ones(1, 3, 2), there).tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, size)
        self.score = nn.Linear(size, 1, bias=False)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Pool a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, length, size)
        there : bool Tensor of shape (n_samples, length)

        Returns
        -------
        pooled : Tensor of shape (n_samples, size)
        """
        scores = self.score(self.hidden(x).tanh()).squeeze(-1)  # (n, T)
        shares = masked_softmax(scores, there)
        return (shares[:, None, :] @ x).squeeze(1)
