"""A convolutional recurrent net over spectrograms."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmsk.modules._attention_pooling import AttentionPooling
from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator
from mmsk.modules._spectrogram_frames import (
    SpectrogramFrames,
    draw_spectrogram_weights,
)


class SpectrogramCRNN(nn.Module):
    """Look for patterns in spectrograms, then read them in their order.

    The convolutions of `SpectrogramCNN`, then a bidirectional GRU over the frames
    that remain, whose states are averaged with learned weights (`AttentionPooling`);
    a linear layer and a rectifier follow. Padding behind the last frame has no part
    in it.

    Parameters
    ----------
    shape : sequence of int
        (n_frames, n_features + 1) of a sample, as of ``output="sequence"``.
    widths : sequence of int, default=(16, 32)
        Channels of the blocks of convolutions, each halving time and features.
    hidden_size : int, default=64
        Width of the states in each direction.
    normalize : {"sample", "feature", None}, default="feature"
        What a sample is standardised by first: its one mean and standard deviation,
        those of each of its features over time, or nothing.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of features that are zeroed in training, before and behind the GRU.
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
    .. [1] K. Choi et al., "Convolutional Recurrent Neural Networks for Music
           Classification", ICASSP, 2017.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import SpectrogramCRNN
    >>> x = torch.rand(2, 50, 41)
    >>> x[..., -1] = 1
    >>> SpectrogramCRNN((50, 41), widths=(4,), out_size=3)(x).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        widths: Sequence[int] = (16, 32),
        hidden_size: int = 64,
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
        self.recurrent = nn.GRU(
            self.frames.out_size, hidden_size, batch_first=True, bidirectional=True
        )
        self.pool = AttentionPooling(2 * hidden_size)
        self.dropout = Dropout(dropout, generator)
        self.head = nn.Linear(2 * hidden_size, self.out_size)
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
        place = torch.arange(1, there.shape[1] + 1, device=there.device)
        lengths = (there * place).amax(dim=1).clamp(min=1)  # to the last frame
        packed = pack_padded_sequence(
            self.dropout(frames), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        pooled = self.pool(states, there[:, : states.shape[1]])
        return F.relu(self.head(self.dropout(pooled)))
