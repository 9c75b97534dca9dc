"""Multi-head attention to what is there."""

from torch import Tensor, nn

from mmsk.modules._masking import masked_softmax


class MaskedAttention(nn.Module):
    r"""Answer queries with a mean of values, weighted by how well keys fit.

    .. math:: \mathrm{head}_i = \mathrm{softmax}\Bigl(
              \frac{Q_i K_i^\top}{\sqrt{d / n_\mathrm{heads}}}\Bigr) V_i, \qquad
              y = O\,[\mathrm{head}_1; \dots; \mathrm{head}_{n_\mathrm{heads}}]

    with :math:`Q, K, V` linear in the queries and in what is attended to. The
    softmax runs over the positions that are there; a query that finds none is
    answered by zeros. ``torch.nn.MultiheadAttention`` answers NaN.

    Parameters
    ----------
    query_size : int
        Width of the queries.
    key_size : int
        Width of what is attended to.
    out_size : int
        Width of the answers, :math:`d`.
    n_heads : int, default=4
        Number of heads; the largest one not above it that divides `out_size` is
        taken.

    Raises
    ------
    ValueError
        If `n_heads` is not positive.
    """

    def __init__(
        self, query_size: int, key_size: int, out_size: int, n_heads: int = 4
    ) -> None:
        super().__init__()
        if n_heads < 1:
            raise ValueError(f"n_heads must be positive, got {n_heads}.")
        self.n_heads = next(h for h in range(n_heads, 0, -1) if out_size % h == 0)
        self.query = nn.Linear(query_size, out_size)
        self.key = nn.Linear(key_size, out_size)
        self.value = nn.Linear(key_size, out_size)
        # without an offset: no answer is zero
        self.out = nn.Linear(out_size, out_size, bias=False)

    def forward(self, queries: Tensor, attended: Tensor, there: Tensor) -> Tensor:
        """Answer a batch of queries.

        Parameters
        ----------
        queries : Tensor of shape (n_samples, n_queries, query_size)
        attended : Tensor of shape (n_samples, n_positions, key_size)
        there : bool Tensor of shape (n_samples, n_positions)
            Which positions may be attended to.

        Returns
        -------
        answers : Tensor of shape (n_samples, n_queries, out_size)
        """
        q, k, v = (
            layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for layer, x in (
                (self.query, queries),
                (self.key, attended),
                (self.value, attended),
            )
        )  # (n, h, positions, d / h)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        shares = masked_softmax(scores, there[:, None, None, :])
        return self.out((shares @ v).transpose(1, 2).flatten(2))
