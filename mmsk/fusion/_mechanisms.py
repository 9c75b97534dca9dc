"""Which mechanism fuses the encoded blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from mmsk.modules import (
    AttentionFusion,
    BilinearFusion,
    ConcatFusion,
    CrossModalFusion,
    GatedFusion,
    PoolingFusion,
    TensorFusion,
    WeightedSumFusion,
)
from mmsk.modules._generator import with_generator

MECHANISMS: dict[str, Callable[..., nn.Module]] = {
    "concat": ConcatFusion,
    "sum": PoolingFusion,
    "mean": partial(PoolingFusion, pooling="mean"),
    "max": partial(PoolingFusion, pooling="max"),
    "weighted_sum": WeightedSumFusion,
    "gated": GatedFusion,
    "attention": AttentionFusion,
    "cross_modal": CrossModalFusion,
    "bilinear": BilinearFusion,
    "tensor": TensorFusion,
}


def make_mechanism(
    chosen: Any,
    block_sizes: dict[str, int],
    fusion_size: int,
    generator: torch.Generator,
) -> nn.Module:
    """Make the mechanism of a net.

    Parameters
    ----------
    chosen : str, Module or callable
        A name; a module, which is copied, initial weights included; or what makes
        one from the two sizes.
    block_sizes : dict of str to int
        Widths of the encoded blocks.
    fusion_size : int
        Width of the fused block.
    generator : torch.Generator
        For the draws of a copied module in training.

    Raises
    ------
    ValueError
        If it is no module with the attribute `out_size`.
    """
    if isinstance(chosen, nn.Module):
        made = with_generator(chosen, generator)
    else:
        make = MECHANISMS[chosen] if isinstance(chosen, str) else chosen
        made = make(block_sizes, fusion_size)
    if not isinstance(made, nn.Module) or not hasattr(made, "out_size"):
        raise ValueError(
            f"mechanism must be one of {list(MECHANISMS)}, a torch module with the "
            "attribute out_size, or what makes one from the widths of the blocks and "
            f"that of the fused block, got {chosen!r}."
        )
    return made
