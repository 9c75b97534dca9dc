"""A small residual net for pictures."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._dropout import Dropout
from mmsk.modules._generator import own_generator


class ImageCNN(nn.Module):
    """Encode pictures with a few residual blocks, small enough to train anywhere.

    A 3 x 3 convolution, then for each width a residual block that halves the
    picture; the mean over positions goes through a linear layer. Layers are
    normalised in groups of channels, so that a sample never depends on the others
    of its batch, in training neither.

    Parameters
    ----------
    shape : sequence of int
        (n_channels, height, width) of a sample, values in [0, 1].
    widths : sequence of int, default=(32, 64, 128)
        Channels of the blocks, multiples of 8.
    out_size : int, default=128
        Width of the result.
    dropout : float, default=0.0
        Share of the averaged channels that are zeroed in training.
    augment : Module, default=None
        Changes pictures in training, an `ImageAugmenter` for example.
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
        If the shape is no picture's or a width is no multiple of 8.

    References
    ----------
    .. [1] K. He et al., "Identity Mappings in Deep Residual Networks", ECCV, 2016.
    .. [2] Y. Wu and K. He, "Group Normalization", ECCV, 2018.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import ImageCNN
    >>> net = ImageCNN((3, 28, 28), widths=(8, 16), out_size=4)
    >>> net(torch.rand(2, 3, 28, 28)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        widths: Sequence[int] = (32, 64, 128),
        out_size: int = 128,
        dropout: float = 0.0,
        augment: nn.Module | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(
                f"A picture is (n_channels, height, width), got {tuple(shape)}."
            )
        if not widths or any(width < 8 or width % 8 for width in widths):
            raise ValueError(f"widths must be multiples of 8, got {tuple(widths)}.")
        generator = own_generator() if generator is None else generator
        self.shape = tuple(int(size) for size in shape)
        self.out_size = int(out_size)
        self.augment = augment
        self.stem = nn.Conv2d(self.shape[0], widths[0], 3, padding=1, bias=False)
        before = [widths[0], *widths[:-1]]
        self.blocks = nn.Sequential(
            *(_Block(a, b) for a, b in zip(before, widths, strict=True))
        )
        self.norm = _norm(widths[-1])
        self.dropout = Dropout(dropout, generator)
        self.head = nn.Linear(widths[-1], self.out_size)
        if not self.head.weight.is_meta:
            self._reset(generator)

    def _reset(self, generator: torch.Generator) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(
                    layer.weight, nonlinearity="relu", generator=generator
                )
        bound = self.head.in_features**-0.5
        nn.init.uniform_(self.head.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, height, width)
            In [0, 1].

        Returns
        -------
        encoded : Tensor of shape (n_samples, out_size)
        """
        if self.training and self.augment is not None:
            x = self.augment(x)
        x = (2 * x - 1).contiguous(memory_format=torch.channels_last)  # a third faster
        x = self.blocks(self.stem(x))
        x = F.relu(self.norm(x)).mean(dim=(2, 3))
        return F.relu(self.head(self.dropout(x)))


class _Block(nn.Module):
    """Normalise, then convolve, twice; halve the sides on both ways."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False)
        self.norm2 = _norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(x))
        past = self.shortcut(F.avg_pool2d(y, 2, ceil_mode=True))
        y = F.relu(self.norm2(self.conv1(y)))
        return self.conv2(y) + past


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // 8, channels)
