"""The convolutions that encoders of spectrograms begin with."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._tokens import draw_weights

NORMALIZE = ("sample", "feature", None)
_EPSILON = 1e-5


class SpectrogramFrames(nn.Module):
    """Turn the frames of a sequence into fewer and wider ones, by convolutions.

    Each block is a 3 x 3 convolution over time and features, a normalisation by the
    mean and variance of the whole sample and a rectifier, and halves time and features
    by means of what is there.
    Padding has no part in any of it: more of it behind changes nothing.

    Parameters
    ----------
    shape : sequence of int
        (n_frames, n_features + 1) of a sample.
    widths : sequence of int
        Channels of the blocks.
    normalize : {"sample", "feature", None}
        What a sample is standardised by first: one mean and standard deviation,
        those of each feature over time, or nothing.

    Attributes
    ----------
    out_size : int
        Width of a frame of the result.

    Raises
    ------
    ValueError
        If the shape is no sequence's or another argument is out of range.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int], normalize: str | None
    ) -> None:
        super().__init__()
        if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
            raise ValueError(
                "A sequence is (n_frames, n_features + 1), its last channel says what "
                f"is there: got {tuple(shape)}."
            )
        if not widths or min(widths) < 1:
            raise ValueError(f"widths must be positive, got {tuple(widths)}.")
        if normalize not in NORMALIZE:
            raise ValueError(f"normalize must be one of {NORMALIZE}, got {normalize}.")
        self.normalize = normalize
        self.blocks = nn.ModuleList(
            _Block(before, after)
            for before, after in zip([1, *widths[:-1]], widths, strict=True)
        )
        n_features = shape[1] - 1
        for _ in widths:
            n_features = -(-n_features // 2)
        self.out_size = widths[-1] * n_features

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_frames, n_features + 1)
            The last channel is 1 for a frame and 0 for padding.

        Returns
        -------
        frames : Tensor of shape (n_samples, n_fewer, out_size)
            0 where there is none.
        there : bool Tensor of shape (n_samples, n_fewer)
        """
        there = x[..., -1] > 0.5
        features = x[..., :-1].masked_fill(~there[..., None], 0.0)
        frames = _standardized(features, there, self.normalize)[:, None]
        for block in self.blocks:
            frames, there = block(frames, there)
        return frames.transpose(1, 2).flatten(2), there


class _Block(nn.Module):
    """Convolve, normalise, rectify, halve."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.scale = nn.Parameter(torch.ones(out, 1, 1))
        self.offset = nn.Parameter(torch.zeros(out, 1, 1))

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        kept = there[:, None, :, None].to(x)
        x = self.conv(x.contiguous(memory_format=torch.channels_last)) * kept
        # a mean over all that is there keeps what is loud apart from what is not
        size = kept.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1) * (
            x.shape[1] * x.shape[3]
        )
        mean = x.sum(dim=(1, 2, 3), keepdim=True) / size
        variance = x.square().sum(dim=(1, 2, 3), keepdim=True) / size - mean.square()
        factor = torch.rsqrt(variance.clamp(min=0) + _EPSILON) * self.scale
        x = F.relu((x - mean) * factor + self.offset) * kept
        total = F.avg_pool2d(x, 2, ceil_mode=True)
        share = F.avg_pool2d(kept, (2, 1), ceil_mode=True)
        there = share[:, 0, :, 0] > 0
        return total / share.clamp(min=0.5), there


def _standardized(x: Tensor, there: Tensor, normalize: str | None) -> Tensor:
    """Standardise features of shape (n, T, F) by what is there; padding stays 0."""
    if normalize is None:
        return x
    over = (1, 2) if normalize == "sample" else (1,)
    kept = there[..., None].to(x)
    count = kept.expand_as(x).sum(dim=over, keepdim=True).clamp(min=1)
    centered = (x - x.sum(dim=over, keepdim=True) / count) * kept
    variance = centered.square().sum(dim=over, keepdim=True) / count
    return centered * torch.rsqrt(variance + _EPSILON)


def draw_spectrogram_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of an encoder anew, unless it is on the device "meta"."""
    draw_weights(module, generator)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and not layer.weight.is_meta:
            nn.init.kaiming_normal_(
                layer.weight, nonlinearity="relu", generator=generator
            )
