"""Several modules of any kind, one after the other."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class ModuleEnsemble(nn.Module):
    """Apply members to the same batch, and stack what they say.

    For members that `MLPEnsemble` cannot batch. No weights are shared.

    Parameters
    ----------
    members : iterable of Module
        Each maps a batch to a tensor of the same shape.

    Attributes
    ----------
    n_members : int
        Number of members.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import ModuleEnsemble
    >>> members = [torch.nn.Linear(8, 3) for _ in range(4)]
    >>> ModuleEnsemble(members)(torch.randn(5, 8)).shape
    torch.Size([4, 5, 3])
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.n_members = len(self.members)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Ask every member.

        Parameters
        ----------
        *args, **kwargs
            What a member takes.

        Returns
        -------
        y : Tensor of shape (n_members, ...)
        """
        return torch.stack([member(*args, **kwargs) for member in self.members])

    def clip_gradients(self, max_norm: float) -> None:
        """Scale down the gradient of each member whose norm is larger.

        Parameters
        ----------
        max_norm : float
        """
        for member in self.members:
            nn.utils.clip_grad_norm_(member.parameters(), max_norm)
