"""A convolutional net over spectrograms."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._attention_pooling import AttentionPooling
from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator
from mmsk.modules._spectrogram_frames import (
    SpectrogramFrames,
    draw_spectrogram_weights,
)


class SpectrogramCNN(nn.Module):
    """Look for patterns in spectrograms, then average what was found over time.

    Blocks of a 3 x 3 convolution over time and frequency, each halving both; the
    frames that remain are averaged with learned weights (`AttentionPooling`), a
    linear layer and a rectifier follow. Padding behind the last frame has no part in
    it.

    Parameters
    ----------
    shape : sequence of int
        (n_frames, n_features + 1) of a sample, as of ``output="sequence"``.
    widths : sequence of int, default=(16, 32, 64)
        Channels of the blocks.
    normalize : {"sample", "feature", None}, default="feature"
        What a sample is standardised by first: its one mean and standard deviation,
        those of each of its features over time, or nothing.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of the averaged features that are zeroed in training.
    augment : Module, default=None
        Changes sequences in training, a `SoundAugmenter` for example.
    generator : torch.Generator, default=None
        Source of initial weights and dropout. ``None`` makes one, seeded once by
        torch's global stream.

    Attributes
    ----------
    out_size : int
        Width of the result.

    Raises
    ------
    ValueError
        If the shape is no sequence's or another argument is out of range.

    References
    ----------
    .. [1] K. Choi, G. Fazekas and M. Sandler, "Automatic Tagging Using Deep
           Convolutional Neural Networks", ISMIR, 2016.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import SpectrogramCNN
    >>> x = torch.rand(2, 50, 41)
    >>> x[..., -1] = 1
    >>> SpectrogramCNN((50, 41), widths=(4, 8), out_size=3)(x).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        widths: Sequence[int] = (16, 32, 64),
        normalize: str | None = "feature",
        out_size: int = 128,
        dropout: float = 0.0,
        augment: nn.Module | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        generator = own_generator() if generator is None else generator
        self.shape = tuple(int(size) for size in shape)
        self.out_size = int(out_size)
        self.augment = augment
        self.frames = SpectrogramFrames(self.shape, widths, normalize)
        self.pool = AttentionPooling(self.frames.out_size)
        self.dropout = Dropout(dropout, generator)
        self.head = nn.Linear(self.frames.out_size, self.out_size)
        draw_spectrogram_weights(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_frames, n_features + 1)
            The last channel is 1 for a frame and 0 for padding.

        Returns
        -------
        encoded : Tensor of shape (n_samples, out_size)
        """
        if self.training and self.augment is not None:
            x = self.augment(x)
        frames, there = self.frames(x)
        return F.relu(self.head(self.dropout(self.pool(frames, there))))
