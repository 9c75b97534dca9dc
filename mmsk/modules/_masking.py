"""Taking absent modalities out of a batch."""

from typing import TypeVar

import torch
from torch import Tensor

from mmsk.modules._sparse_rows import SparseRows

Rows = TypeVar("Rows", Tensor, SparseRows)


def zero_absent(x: Rows, present: Tensor) -> Rows:
    """Zero the rows of samples that don't have a modality.

    Filling instead of multiplying: a NaN in an absent row is gone, and no
    gradient flows into it.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...), or SparseRows
    present : bool Tensor of shape (n_samples,)

    Returns
    -------
    masked : Tensor of the shape of x, or SparseRows
    """
    if isinstance(x, SparseRows):
        return x.emptied(~present)
    absent = ~present.reshape(-1, *[1] * (x.dim() - 1))
    return x.masked_fill(absent, 0.0)


def ordered_blocks(
    blocks: dict[str, Rows], present: Tensor, names: tuple[str, ...]
) -> list[Rows]:
    """Return the blocks in the order of `names`, absent rows zeroed.

    Parameters
    ----------
    blocks : dict of str to Tensor of shape (n_samples, ...), or to SparseRows
    present : bool Tensor of shape (n_samples, n_modalities)
        Its columns stand in the order of `names`.
    names : tuple of str

    Raises
    ------
    ValueError
        If the presence does not have one column a name.
    """
    if present.shape[-1] != len(names):
        raise ValueError(
            f"present must have one column for each of {list(names)}, got "
            f"{present.shape[-1]}."
        )
    return [
        zero_absent(blocks[name], present[:, position])
        for position, name in enumerate(names)
    ]


def masked_softmax(scores: Tensor, present: Tensor) -> Tensor:
    """Return shares of the present entries along the last axis.

    A softmax over nothing is NaN, in its gradient as well; here all shares are 0.

    Parameters
    ----------
    scores : Tensor of shape (..., n_entries)
    present : bool Tensor that broadcasts to the shape of `scores`

    Returns
    -------
    shares : Tensor of the shape of `scores`
        Of sum 1, or 0 where nothing is present; absent entries are 0.
    """
    nothing = ~present.any(dim=-1, keepdim=True)
    kept = scores.masked_fill(~(present | nothing), -torch.inf)
    return kept.softmax(dim=-1).masked_fill(~present, 0.0)
