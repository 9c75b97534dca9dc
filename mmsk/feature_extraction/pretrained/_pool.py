"""From hidden states to one vector."""

import torch
from torch import Tensor


def pool(hidden: Tensor, real: Tensor | None, pooling: str) -> Tensor:
    """Return one vector for each sample.

    Parameters
    ----------
    hidden : Tensor of shape (n, n_positions, size) or (n, size, height, width)
    real : bool Tensor of shape (n, n_positions) or None
        Which positions are no padding, at least one a sample; None: all.
    pooling : {"mean", "cls", "max"}
        Mean or largest value over the real positions, or the first position.

    Returns
    -------
    rows : Tensor of shape (n, size)

    Raises
    ------
    ValueError
        If a feature map, which has no first position, is pooled by ``"cls"``.
    """
    if hidden.dim() == 4:
        if pooling == "cls":
            raise ValueError(
                'pooling="cls" takes the first position, but this model returns a '
                'map of features. Use pooling="mean" or "max".'
            )
        hidden = hidden.flatten(2).transpose(1, 2)
    if pooling == "cls":
        return hidden[:, 0]
    if real is None:
        return hidden.mean(dim=1) if pooling == "mean" else hidden.amax(dim=1)
    real = real.to(hidden.device)[:, :, None]
    if pooling == "max":
        return hidden.masked_fill(~real, -torch.inf).amax(dim=1)
    return hidden.masked_fill(~real, 0).sum(dim=1) / real.sum(dim=1)
