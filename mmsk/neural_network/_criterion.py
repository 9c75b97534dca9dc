"""The number that a step lowers."""

from collections.abc import Callable

from torch import Tensor, nn


class WeightedLoss(nn.Module):
    """Mean over the rows of a batch of weight times loss.

    Parameters
    ----------
    loss : callable
        ``(output, target) -> (n_samples,)``.
    """

    def __init__(self, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
        """Compare a batch.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs) or \
                (n_members, n_samples, n_outputs)
        target : Tensor of shape (n_samples, ...)
        weights : Tensor of shape (n_samples,) or (n_samples, n_members), or None
            ``None``: all are 1.

        Returns
        -------
        loss : Tensor of shape () or (n_members,)
        """
        if output.dim() == 2:
            losses = self.loss(output, target)
            return (losses if weights is None else losses * weights).mean()
        n_members, n_rows = output.shape[:2]
        repeated = target.repeat(n_members, *[1] * (target.dim() - 1))
        losses = self.loss(output.flatten(0, 1), repeated).view(n_members, n_rows)
        if weights is not None:
            losses = losses * (weights.T if weights.dim() == 2 else weights)
        return losses.mean(dim=1)
