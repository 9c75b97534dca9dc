"""What the encoders of tokens have in common."""

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1


def token_ids(x: Tensor, n_tokens: int) -> Tensor:
    """Return tokens as indices into a table of embeddings.

    Parameters
    ----------
    x : Tensor of shape (n_samples, length)
        Whole numbers of any dtype.
    n_tokens : int
        What is not in [0, n_tokens) becomes the unknown token.

    Returns
    -------
    ids : int64 Tensor of shape (n_samples, length)
    """
    ids = x.long()
    return ids.masked_fill((ids < 0) | (ids >= n_tokens), UNKNOWN)


def token_embedding(n_tokens: int, size: int) -> nn.Embedding:
    """Return a table in which padding is zero and stays so.

    Raises
    ------
    ValueError
        If there is no room for padding and the unknown token.
    """
    if n_tokens < 2:
        raise ValueError(
            f"n_tokens counts padding (0) and the unknown token (1): got {n_tokens}."
        )
    return nn.Embedding(n_tokens, size, padding_idx=PADDING)


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of embeddings, linear and recurrent layers anew.

    Parameters
    ----------
    module : Module
        Left as it is where it has no values yet (on the device "meta").
    generator : torch.Generator
        On the CPU, like the module.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Embedding) and not layer.weight.is_meta:
            nn.init.normal_(layer.weight, std=0.1, generator=generator)
            nn.init.zeros_(layer.weight[PADDING].detach())
        if isinstance(layer, nn.Linear | nn.RNNBase):
            for name, weight in layer.named_parameters(recurse=False):
                if weight.is_meta:
                    continue
                if "bias" in name:
                    nn.init.zeros_(weight)
                    continue
                bound = weight.shape[1] ** -0.5
                nn.init.uniform_(weight, -bound, bound, generator=generator)
