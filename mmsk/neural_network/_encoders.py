"""Which network encodes which block."""

import inspect
from collections.abc import Callable
from typing import Any

import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from mmsk._utils._block import Block
from mmsk.modules import (
    ImageCNN,
    SpectrogramCNN,
    SpectrogramCRNN,
    TokenMean,
    TokenRNN,
    TokenTransformer,
)
from mmsk.modules._generator import with_generator

RAW_ENCODERS: dict[str, dict[str, Callable[..., nn.Module]]] = {
    "image": {"cnn": ImageCNN},
    "tokens": {
        "rnn": TokenRNN,
        "mean": TokenMean,
        "transformer": TokenTransformer,
    },
    "sequence": {"crnn": SpectrogramCRNN, "cnn": SpectrogramCNN},
}
"""Encoders of raw blocks by kind and name; ``"auto"`` is the first of a kind."""


def make_encoder(
    chosen: Any,
    block: Block,
    *,
    n_tokens: int | None,
    vector: Callable[[int], nn.Module],
    dropout: float,
    generator: torch.Generator,
) -> nn.Module:
    """Make the encoder of a modality.

    Parameters
    ----------
    chosen : str, Module or callable
        The name of an encoder, ``"auto"``; a module, which is copied, initial
        weights included; or what makes one from the shape of a sample (from the
        number of tokens) and, if it takes that, the keyword ``generator``.
    block : Block
    n_tokens : int or None
        Number of tokens, for a block of tokens.
    vector : callable
        Makes the encoder of a vector block from its width.
    dropout : float
        For encoders by name.
    generator : torch.Generator
        For the draws of the encoder.

    Returns
    -------
    encoder : Module
        ``(n, *shape) -> (n, out_size)``; ``"identity"`` keeps the shape.

    Raises
    ------
    ValueError
        If there is no such encoder for the block, or it does not say its
        `out_size`.
    """
    if isinstance(chosen, str):
        return _named(
            chosen,
            block,
            n_tokens=n_tokens,
            vector=vector,
            dropout=dropout,
            generator=generator,
        )
    if isinstance(chosen, nn.Module):
        encoder = with_generator(chosen, generator)
    elif callable(chosen):
        size = n_tokens if block.kind == "tokens" else block.shape
        encoder = chosen(size, **_generator(chosen, generator))
    else:
        encoder = chosen
    if not isinstance(encoder, nn.Module) or not hasattr(encoder, "out_size"):
        raise ValueError(
            f"The encoder of modality {block.name!r} must be one of "
            f"{names_of(block)}, or a torch module with the attribute out_size, or "
            f"what makes one, got {chosen!r}."
        )
    return encoder


def names_of(block: Block) -> list[str]:
    """Return the names of the encoders that read a block, the default first."""
    if block.kind == "vector":
        return ["mlp", "identity"]
    return [*RAW_ENCODERS[block.kind], *(["identity"] * (block.kind == "sequence"))]


def count_tokens(ids: NDArray | sp.csr_array) -> int:
    """Return how many tokens a table needs: padding, the unknown one, those here.

    Parameters
    ----------
    ids : array of shape (n_samples, length)
    """
    return max(int(ids.max()) + 1, 2) if ids.shape[0] else 2


def _named(name, block, *, n_tokens, vector, dropout, generator) -> nn.Module:
    names = names_of(block)
    chosen = names[0] if name == "auto" and names else name
    if chosen not in names:
        raw = "" if block.kind == "vector" else "raw "
        raise ValueError(
            f"The encoder of modality {block.name!r} must be one of {names}, or a "
            f"torch module with the attribute out_size, or what makes one, got "
            f"{name!r}: {block.name!r} is a {raw}{block.kind} of shape {block.shape}."
        )
    if chosen == "identity":
        return _Identity(block.shape[-1])
    if block.kind == "vector":
        return vector(block.width)
    size = n_tokens if block.kind == "tokens" else block.shape
    make = RAW_ENCODERS[block.kind][chosen]
    return make(size, dropout=dropout, generator=generator)


def _generator(make: Callable, generator: torch.Generator) -> dict[str, Any]:
    takes = "generator" in inspect.signature(make).parameters
    return {"generator": generator} if takes else {}


class _Identity(nn.Identity):
    """A vector, or the frames of a sequence, as they are."""

    def __init__(self, out_size: int) -> None:
        super().__init__()
        self.out_size = out_size
