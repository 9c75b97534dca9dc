"""Normalisation of hidden features."""

import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that knows what to do with one row.

    Torch refuses to train on a batch of one row, which has no variance; here
    such a batch is normalised by the running statistics and does not change
    them.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules._normalization import BatchNorm
    >>> BatchNorm(3).train()(torch.ones(1, 3)).shape
    torch.Size([1, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, num_features)

        Returns
        -------
        y : Tensor of the shape of x
        """
        if self.training and len(x) == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias
            )
        return super().forward(x)


NORMALIZATIONS: dict[str, type[nn.Module]] = {
    "batch": BatchNorm,
    "layer": nn.LayerNorm,
}
