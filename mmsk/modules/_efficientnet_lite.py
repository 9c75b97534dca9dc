"""EfficientNet-Lite, a net made for slow machines."""

import math
import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._image_backbone import ImageBackbone
from mmsk.modules._image_units import Unit, folded, same_padding
from mmsk.modules._image_weights import read_weights, weights_path

# repeats, kernel, stride, expansion, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# variant: width and depth coefficients, side of the pictures in training
_VARIANTS = {0: (1.0, 1.0, 224), 1: (1.0, 1.1, 240), 2: (1.1, 1.2, 260)}
_EPS = 1e-3
_MOMENTUM = 0.01


class EfficientNetLite(ImageBackbone):
    """Encode pictures with an EfficientNet-Lite.

    Inverted residual blocks (widen, filter each channel, narrow) with ReLU6,
    without squeeze-and-excitation. Its 1280 averaged features are, with the
    published weights, those of the published net.

    Parameters
    ----------
    shape : sequence of int, default=(3, 224, 224)
        (3, height, width) of a sample. The net was trained at 224, 240 and 260
        pixels for variants 0, 1 and 2; any size is accepted.
    variant : {0, 1, 2}, default=0
        The size of the net: 4.7, 5.4 and 6.1 million parameters with their
        classifier.
    weights : "auto", str, os.PathLike or None, default=None
        ``"auto"``: those of the installed package; or the path of a ``.pth`` or
        ``.safetensors`` file; or drawn at random (``None``).
    out_size : int, default=None
        Width of a linear layer behind the 1280 features. ``None``: no such layer.
    frozen_steps : int or None, default=0
        In training, the net itself stays as it is for so many batches, so that
        what stands behind it is no longer random when it begins to change.
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
        If the variant is unknown, the shape is no picture's, or the weights are
        another net's.
    ImportError
        If the package of the weights is not installed.

    Notes
    -----
    Pixels in [0, 1] are scaled as in training, ``(255 x - 127) / 128``. With
    published weights, batch norm keeps its statistics in training as well: a few
    small batches would spoil them.

    References
    ----------
    .. [1] M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for
           Convolutional Neural Networks", ICML, 2019.
    .. [2] R. Liu, "Higher accuracy on vision models with EfficientNet-Lite",
           TensorFlow Blog, 2020.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import EfficientNetLite
    >>> net = EfficientNetLite((3, 32, 32), out_size=8).eval()
    >>> net(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 8])
    """

    mean = (127 / 255,) * 3
    std = (128 / 255,) * 3
    _classifier = "_fc"

    def __init__(
        self,
        shape: Sequence[int] = (3, 224, 224),
        *,
        variant: int = 0,
        weights: str | os.PathLike | None = None,
        out_size: int | None = None,
        frozen_steps: int | None = 0,
        augment: nn.Module | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(shape, frozen_steps, augment)
        if variant not in _VARIANTS:
            raise ValueError(f"variant must be 0, 1 or 2, got {variant!r}.")
        width, depth, self.side = _VARIANTS[variant]
        self.weights_name = f"efficientnet_lite{variant}"
        state = None
        if weights is not None:
            state, _ = read_weights(weights_path(self.weights_name, weights))
        channels = 32
        self._conv_stem = nn.Conv2d(3, channels, 3, stride=2, bias=False)
        self._bn0 = _norm(channels)
        self._blocks = nn.ModuleList()
        for stage, (repeats, kernel, stride, expansion, out) in enumerate(_STAGES):
            if 0 < stage < len(_STAGES) - 1:  # the ends are not repeated
                repeats = math.ceil(repeats * depth)
            out = _rounded(out * width)
            for repeat in range(repeats):
                self._blocks.append(
                    _Block(
                        channels, out, kernel, stride if repeat == 0 else 1, expansion
                    )
                )
                channels = out
        self._conv_head = nn.Conv2d(channels, 1280, 1, bias=False)
        self._bn1 = _norm(1280)
        self._finish(1280, out_size, state, generator)

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (n_samples, 3, height, width)
            Normalised.

        Returns
        -------
        features : Tensor of shape (n_samples, 1280, ceil(height / 32), \
                ceil(width / 32))
        """
        x = F.relu6(self._bn0(_same(self._conv_stem, x)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)))

    def units(self) -> list[Unit]:
        """Return what the net computes when not training, batch norm folded in."""
        stem = folded(self._conv_stem, self._bn0, "relu6", same=True)
        head = folded(self._conv_head, self._bn1, "relu6")
        return [
            Unit("stem", (stem,)),
            *(block.unit(f"blocks.{i}") for i, block in enumerate(self._blocks)),
            Unit("head", (head,)),
        ]


class _Block(nn.Module):
    """Widen, filter each channel, narrow; add the input where shapes allow."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = channels * expansion
        self.skip = stride == 1 and channels == out
        if expansion != 1:
            self._expand_conv = nn.Conv2d(channels, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self._depthwise_conv = nn.Conv2d(
            inner, inner, kernel, stride=stride, groups=inner, bias=False
        )
        self._bn1 = _norm(inner)
        self._project_conv = nn.Conv2d(inner, out, 1, bias=False)
        self._bn2 = _norm(out)

    @property
    def expands(self) -> bool:
        return hasattr(self, "_expand_conv")

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(_same(self._depthwise_conv, y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skip else y

    def unit(self, name: str) -> Unit:
        path = [
            folded(self._depthwise_conv, self._bn1, "relu6", same=True),
            folded(self._project_conv, self._bn2),
        ]
        if self.expands:
            path.insert(0, folded(self._expand_conv, self._bn0, "relu6"))
        return Unit(name, tuple(path), skip=self.skip)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPS, momentum=_MOMENTUM)


def _rounded(channels: float) -> int:
    """Round to a multiple of 8, by no more than a tenth downwards."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _same(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve with TensorFlow's padding, which is uneven for even sides."""
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    top, bottom = same_padding(x.shape[2], kernel, stride)
    left, right = same_padding(x.shape[3], kernel, stride)
    if (top, left) == (bottom, right):
        return F.conv2d(
            x, conv.weight, stride=stride, padding=(top, left), groups=conv.groups
        )
    return conv(F.pad(x, (left, right, top, bottom)))
