"""The net that a supervised encoder trains: an encoder and a linear head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmsk._utils._block import Block
from mmsk.modules import MLP
from mmsk.neural_network._encoders import make_encoder


class EncoderWithHead(nn.Module):
    """Cut one block out of the columns, encode it, apply a linear layer.

    Parameters
    ----------
    block : Block
        Where it stands.
    encoder : Module
        ``(n, *block.shape) -> (n, out_size)``, with the attribute ``out_size``.
    n_outputs : int
        Width of the result.
    """

    def __init__(self, block: Block, encoder: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self.block = block
        self.encoder = encoder
        self.head = nn.Linear(encoder.out_size, n_outputs)

    def encode(self, x: Tensor) -> Tensor:
        """Return the hidden units.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)

        Returns
        -------
        hidden : Tensor of shape (n_samples, out_size)
        """
        columns = x[:, self.block.start : self.block.stop]
        return self.encoder(columns.reshape(len(x), *self.block.shape))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)

        Returns
        -------
        y : Tensor of shape (n_samples, n_outputs)
        """
        return self.head(self.encode(x))


@dataclass(frozen=True)
class EncoderMaker:
    """Makes the net of a training, as ``module=`` of the neural estimators.

    Parameters
    ----------
    encoder : str, Module or callable
        See `make_encoder`.
    block : Block
        What it reads.
    n_tokens : int or None
        Number of tokens, for a block of tokens.
    hidden_layer_sizes : int or sequence of int
        Of the encoder "mlp".
    dropout : float
        Of encoders by name.
    """

    encoder: Any
    block: Block
    n_tokens: int | None
    hidden_layer_sizes: int | Sequence[int]
    dropout: float

    def __call__(
        self, in_size: int, out_size: int, generator: torch.Generator
    ) -> EncoderWithHead:
        """Make a net.

        Parameters
        ----------
        in_size : int
            Number of columns.
        out_size : int
            Number of outputs.
        generator : torch.Generator
            For the draws.

        Raises
        ------
        ValueError
            If the encoder does not suit the block.
        """

        def perceptron(width: int) -> MLP:
            return MLP(
                width,
                self.hidden_layer_sizes,
                dropout=self.dropout,
                generator=generator,
            )

        encoder = make_encoder(
            self.encoder,
            self.block,
            n_tokens=self.n_tokens,
            vector=perceptron,
            dropout=self.dropout,
            generator=generator,
        )
        if isinstance(encoder, nn.Identity) and len(self.block.shape) > 1:
            raise ValueError(
                f"The encoder 'identity' leaves modality {self.block.name!r} a "
                f"{self.block.kind} of shape {self.block.shape}: choose another one."
            )
        return EncoderWithHead(self.block, encoder, out_size)
