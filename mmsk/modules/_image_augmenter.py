"""Random changes of pictures in training."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsk.modules._generator import generator_on, own_generator

_GREY = (0.299, 0.587, 0.114)  # ITU-R 601 luma
_ERASED_AREA = (0.02, 0.2)
_ERASED_RATIO = (0.3, 1 / 0.3)


class ImageAugmenter(nn.Module):
    r"""Change pictures at random in training, and never when predicting.

    Flip, rotation and crop are one affine map of the positions, so that pixels are
    interpolated once; the edge is repeated outside. Every picture of a batch is
    changed in its own way.

    Parameters
    ----------
    flip : float, default=0.0
        Probability in [0, 1] of left and right changing places.
    rotation_deg : float, default=0.0
        Largest angle in degrees, to either side.
    crop : float, default=0.0
        In [0, 1): a window whose side is between :math:`1 - c` and 1 of the
        picture's, its middle up to :math:`c / 2` away from the picture's, is blown
        up to the whole.
    color : float, default=0.0
        In [0, 1): brightness, contrast and saturation are each multiplied by a
        factor between :math:`1 - c` and :math:`1 + c`.
    erasing : float, default=0.0
        Probability in [0, 1] that a rectangle of 2 to 20 % of the area takes the
        picture's mean colour.
    generator : torch.Generator, default=None
        Source of the draws. ``None`` makes one, seeded once by torch's global
        stream.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] Z. Zhong et al., "Random Erasing Data Augmentation", AAAI, 2020.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import ImageAugmenter
    >>> augment = ImageAugmenter(flip=1.0)
    >>> augment(torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    tensor([[[[1.0000, 0.5000, 0.0000]]]])
    >>> augment.eval()(torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    tensor([[[[0.0000, 0.5000, 1.0000]]]])
    """

    def __init__(
        self,
        *,
        flip: float = 0.0,
        rotation_deg: float = 0.0,
        crop: float = 0.0,
        color: float = 0.0,
        erasing: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value, below in (
            ("flip", flip, None),
            ("erasing", erasing, None),
            ("crop", crop, 1),
            ("color", color, 1),
        ):
            if not 0 <= value <= 1 or value == below:
                bound = "1]" if below is None else "1)"
                raise ValueError(f"{name} must be in [0, {bound}, got {value!r}.")
        if not 0 <= rotation_deg <= 180:
            raise ValueError(f"rotation_deg must be in [0, 180], got {rotation_deg!r}.")
        self.flip = flip
        self.rotation_deg = rotation_deg
        self.crop = crop
        self.color = color
        self.erasing = erasing
        self.generator = own_generator() if generator is None else generator

    def forward(self, x: Tensor) -> Tensor:
        """Change a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, height, width)
            In [0, 1].

        Returns
        -------
        changed : Tensor of the same shape
            In [0, 1].
        """
        if not self.training or not len(x):
            return x
        self.generator = generator_on(self.generator, x.device)
        if self.flip or self.rotation_deg or self.crop:
            x = self._moved(x)
        if self.color:
            x = self._colored(x)
        return self._erased(x) if self.erasing else x

    def _uniform(self, x: Tensor, low: float, high: float) -> Tensor:
        """Draw a number a sample."""
        draws = torch.rand(
            len(x), generator=self.generator, device=x.device, dtype=x.dtype
        )
        return low + (high - low) * draws

    def _moved(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        angle = self._uniform(x, -1, 1) * math.radians(self.rotation_deg)
        side = self._uniform(x, 1 - self.crop, 1)
        mirror = torch.where(self._uniform(x, 0, 1) < self.flip, -1.0, 1.0).to(x)
        # positions run from -1 to 1, so that a way of c / 2 sides is c
        right, down = (self._uniform(x, -self.crop, self.crop) for _ in range(2))
        cosine, sine = side * angle.cos(), side * angle.sin()
        # from a place in the result to one in the picture; axes differ in length
        rows = torch.stack(
            [
                torch.stack([cosine * mirror, -sine * height / width, right], dim=1),
                torch.stack([sine * mirror * width / height, cosine, down], dim=1),
            ],
            dim=1,
        )  # (n, 2, 3)
        grid = F.affine_grid(rows, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)

    def _colored(self, x: Tensor) -> Tensor:
        low, high = 1 - self.color, 1 + self.color
        bright, contrast, saturation = (
            self._uniform(x, low, high)[:, None, None, None] for _ in range(3)
        )
        x = x * bright
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        x = mean + (x - mean) * contrast
        if x.shape[1] == 3:
            grey = (x * x.new_tensor(_GREY)[:, None, None]).sum(dim=1, keepdim=True)
            x = grey + (x - grey) * saturation
        return x.clamp(0, 1)

    def _erased(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        chosen = self._uniform(x, 0, 1) < self.erasing
        area = self._uniform(x, *_ERASED_AREA)
        ratio = self._uniform(x, *map(math.log, _ERASED_RATIO)).exp()
        tall = (area * ratio).sqrt().clamp(max=1)
        wide = (area / ratio).sqrt().clamp(max=1)
        top = self._uniform(x, 0, 1) * (1 - tall)
        left = self._uniform(x, 0, 1) * (1 - wide)
        inside = (
            _between(height, top, tall)[:, :, None]
            & _between(width, left, wide)[:, None, :]
            & chosen[:, None, None]
        )
        return torch.where(inside[:, None], x.mean(dim=(2, 3), keepdim=True), x)

    def extra_repr(self) -> str:
        return (
            f"flip={self.flip}, rotation_deg={self.rotation_deg}, crop={self.crop}, "
            f"color={self.color}, erasing={self.erasing}"
        )


def _between(size: int, start: Tensor, length: Tensor) -> Tensor:
    """Mark the positions whose middle lies in a stretch; shape (n, size)."""
    middles = (torch.arange(size, device=start.device) + 0.5) / size
    return (middles >= start[:, None]) & (middles < (start + length)[:, None])
