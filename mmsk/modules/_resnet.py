"""Residual nets under the names of their published weights."""

import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._image_backbone import ImageBackbone
from mmsk.modules._image_units import Unit, folded
from mmsk.modules._image_weights import read_weights, weights_path

_REPEATS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


class ResNet(ImageBackbone):
    """Encode pictures with a ResNet-18 or ResNet-50.

    A state dict with torchvision's names loads as it is; its classifier is left
    out. In the 50 layers it is the 3 x 3 convolution that halves the picture.

    Parameters
    ----------
    shape : sequence of int, default=(3, 224, 224)
        (3, height, width) of a sample; any size from 32 up makes sense.
    depth : {18, 50}, default=18
        512 features (11.7 million parameters) or 2048 (25.6 million).
    weights : str, os.PathLike or None, default=None
        The path of a ``.pth`` or ``.safetensors`` file, or drawn at random.
    out_size : int, default=None
        Width of a linear layer behind the features. ``None``: no such layer.
    frozen_steps : int or None, default=0
        In training, the net itself stays as it is for so many batches.
        ``None``: it never changes.
    augment : Module, default=None
        Changes pictures in training, an `ImageAugmenter` for example.
    generator : torch.Generator, default=None
        Source of initial weights. ``None`` makes one, seeded once by torch's
        global stream.

    Attributes
    ----------
    out_size : int
        Width of the result.

    Raises
    ------
    ValueError
        If the depth is unknown, the shape is no picture's, or the weights are
        another net's.

    Notes
    -----
    Pixels in [0, 1] are standardised by ImageNet's means and deviations. With
    published weights, batch norm keeps its statistics in training as well.

    References
    ----------
    .. [1] K. He et al., "Deep Residual Learning for Image Recognition", CVPR,
           2016.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import ResNet
    >>> net = ResNet((3, 32, 32)).eval()
    >>> net(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 512])
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)
    side = 224
    _classifier = "fc"

    def __init__(
        self,
        shape: Sequence[int] = (3, 224, 224),
        *,
        depth: int = 18,
        weights: str | os.PathLike | None = None,
        out_size: int | None = None,
        frozen_steps: int | None = 0,
        augment: nn.Module | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(shape, frozen_steps, augment)
        if depth not in _REPEATS:
            raise ValueError(f"depth must be 18 or 50, got {depth!r}.")
        self.weights_name = f"resnet{depth}"
        state = None
        if weights is not None:
            state, _ = read_weights(weights_path(self.weights_name, weights))
        block = _Basic if depth == 18 else _Bottleneck
        channels = 64
        self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for stage, repeats in enumerate(_REPEATS[depth]):
            blocks = []
            for repeat in range(repeats):
                stride = 2 if stage > 0 and repeat == 0 else 1
                blocks.append(block(channels, 64 * 2**stage, stride))
                channels = 64 * 2**stage * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self._finish(channels, out_size, state, generator)

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (n_samples, 3, height, width)
            Normalised.

        Returns
        -------
        features : Tensor of shape (n_samples, n_channels, ceil(height / 32), \
                ceil(width / 32))
        """
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def units(self) -> list[Unit]:
        """Return what the net computes when not training, batch norm folded in."""
        stem = folded(self.conv1, self.bn1, "relu")
        return [
            Unit("stem", (stem,), max_pool=True),
            *(
                block.unit(f"layer{stage}.{position}")
                for stage in (1, 2, 3, 4)
                for position, block in enumerate(getattr(self, f"layer{stage}"))
            ),
        ]


class _Residual(nn.Module):
    """Two or three convolutions and a way past them."""

    expansion: int

    def _connect(self, channels: int, out: int, stride: int) -> None:
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out),
            )

    def _layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        pairs = [(self.conv1, self.bn1), (self.conv2, self.bn2)]
        return [*pairs, (self.conv3, self.bn3)] if hasattr(self, "conv3") else pairs

    def forward(self, x: Tensor) -> Tensor:
        *before, (conv, norm) = self._layers()
        y = x
        for inner, inner_norm in before:
            y = F.relu(inner_norm(inner(y)))
        past = x if self.downsample is None else self.downsample(x)
        return F.relu(norm(conv(y)) + past)

    def unit(self, name: str) -> Unit:
        *before, last = self._layers()
        path = [folded(*layer, "relu") for layer in before] + [folded(*last)]
        shortcut = None if self.downsample is None else folded(*self.downsample)
        return Unit(name, tuple(path), True, shortcut, "relu")


class _Basic(_Residual):
    expansion = 1

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self._connect(channels, width, stride)


class _Bottleneck(_Residual):
    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self._connect(channels, 4 * width, stride)
