"""Dropout with a random stream of its own."""

import torch
from torch import Tensor, nn

from mmsk.modules._generator import generator_on, own_generator


class Dropout(nn.Module):
    r"""Zero random features in training, without the global random state.

    .. math:: y = \frac{b \odot x}{1 - p}, \qquad
              b_i \sim \mathrm{Bernoulli}(1 - p)

    The expectation of :math:`y` is :math:`x`; in evaluation :math:`y = x`.
    ``torch.nn.Dropout`` draws from torch's global stream, which two nets that
    train in two threads share; here each has its own, so that the same seed
    gives the same net.

    Parameters
    ----------
    p : float, default=0.5
        Probability of a zero, in [0, 1].
    generator : torch.Generator, default=None
        Source of the draws. ``None`` makes one, seeded once by torch's global
        stream.

    Raises
    ------
    ValueError
        If `p` is not a probability.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural
           Networks from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import Dropout
    >>> drop = Dropout(0.5, torch.Generator().manual_seed(0))
    >>> sorted(set(drop(torch.ones(100)).tolist()))
    [0.0, 2.0]
    >>> drop.eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, generator: torch.Generator | None = None):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p must be a probability in [0, 1], got {p!r}.")
        self.p = p
        self.generator = own_generator() if generator is None else generator

    def forward(self, x: Tensor) -> Tensor:
        """Drop features.

        Parameters
        ----------
        x : Tensor of any shape

        Returns
        -------
        dropped : Tensor of the same shape
        """
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return x * 0
        self.generator = generator_on(self.generator, x.device)
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"
