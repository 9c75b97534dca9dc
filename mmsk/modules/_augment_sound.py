"""Random changes of the frames of sounds in training."""

import torch
from torch import Tensor, nn

from mmsk.modules._generator import generator_on, own_generator


class SoundAugmenter(nn.Module):
    r"""Change sequences of frames at random in training, and never when predicting.

    Every sample of a batch is changed in its own way: first its speed, its place in
    time and the place of its features, as other speakers and shorter vocal tracts
    would change them [2]_, then its level and noise, at last the masks of
    SpecAugment [1]_, which set stretches of time and of neighbouring features to the
    sample's mean of each feature. Padding stays what it is, but for the frames that a
    change of speed takes from it or gives to it.

    Parameters
    ----------
    stretch : float, default=0.0
        In [0, 1): by how large a share of their number a sample's frames become more
        or fewer, by interpolation; never more than the sequence has room for.
    warp : float, default=0.0
        In [0, 1): the axis of the features is stretched from its lower end by a factor
        between :math:`1 - w` and :math:`1 + w`, by interpolation; at the upper end the
        last feature is repeated. Of mel filters a change of formants and pitch.
    shift : float, default=0.0
        In [0, 1]: the largest share of a sample's frames by which it is moved, to
        either side; what leaves at one end comes back at the other.
    gain : float, default=0.0
        The largest number that is added to all features or taken from them: a change
        of loudness in decibels, of mel spectrograms in decibels.
    noise : float, default=0.0
        Standard deviation of normal noise, in those of each feature over the sample's
        frames.
    n_time_masks, n_feature_masks : int, default=0, 0
        How many stretches of time and of neighbouring features are masked.
    time_mask, feature_mask : float, default=0.1, 0.15
        In [0, 1]: the longest stretch, as a share of the sample's frames and of the
        features. Lengths are uniform from 0 on.
    generator : torch.Generator, default=None
        Source of the draws. ``None`` makes one, seeded once by torch's global
        stream.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for
           Automatic Speech Recognition", Interspeech, 2019.
    .. [2] N. Jaitly and G. E. Hinton, "Vocal Tract Length Perturbation (VTLP) Improves
           Speech Recognition", ICML Workshop, 2013.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import SoundAugmenter
    >>> augment = SoundAugmenter(gain=6.0, generator=torch.Generator().manual_seed(0))
    >>> x = torch.tensor([[[1.0, 2.0, 1.0], [3.0, 4.0, 1.0], [0.0, 0.0, 0.0]]])
    >>> (augment(x) - x).round(decimals=2)
    tensor([[[-0.0400, -0.0400,  0.0000],
             [-0.0400, -0.0400,  0.0000],
             [ 0.0000,  0.0000,  0.0000]]])
    >>> bool((augment.eval()(x) == x).all())
    True
    """

    def __init__(
        self,
        *,
        stretch: float = 0.0,
        warp: float = 0.0,
        shift: float = 0.0,
        gain: float = 0.0,
        noise: float = 0.0,
        n_time_masks: int = 0,
        time_mask: float = 0.1,
        n_feature_masks: int = 0,
        feature_mask: float = 0.15,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("stretch", stretch), ("warp", warp)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value!r}.")
        for name, value in (
            ("shift", shift),
            ("time_mask", time_mask),
            ("feature_mask", feature_mask),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {value!r}.")
        for name, value in (
            ("gain", gain),
            ("noise", noise),
            ("n_time_masks", n_time_masks),
            ("n_feature_masks", n_feature_masks),
        ):
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, got {value!r}.")
        self.stretch = stretch
        self.warp = warp
        self.shift = shift
        self.gain = gain
        self.noise = noise
        self.n_time_masks = n_time_masks
        self.time_mask = time_mask
        self.n_feature_masks = n_feature_masks
        self.feature_mask = feature_mask
        self.generator = own_generator() if generator is None else generator

    def forward(self, x: Tensor) -> Tensor:
        """Change a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_frames, n_features + 1)
            The last channel is 1 for a frame and 0 for padding, which follows the
            frames.

        Returns
        -------
        changed : Tensor of the same shape
        """
        if not self.training or not x.numel():
            return x
        self.generator = generator_on(self.generator, x.device)
        features, there = x[..., :-1], x[..., -1:] > 0.5
        count = there.sum(dim=1)  # (n, 1)
        if self.stretch:
            features, count = self._stretched(features, count)
            place = torch.arange(features.shape[1], device=x.device)
            there = (place < count)[..., None]
        if self.warp:
            features = self._warped(features)
        if self.shift:
            features = self._shifted(features, count)
        shares = there.to(x) / count[:, None].clamp(min=1)
        mean = (features * shares).sum(dim=1, keepdim=True)
        changed = features
        if self.gain:
            level = self.gain * (2 * self._uniform(x, 1) - 1)
            changed, mean = changed + level[..., None], mean + level[..., None]
        if self.noise:
            spread = ((changed - mean).square() * shares).sum(dim=1, keepdim=True)
            draws = torch.empty_like(changed).normal_(generator=self.generator)
            changed = changed + self.noise * spread.sqrt() * draws
        for _ in range(self.n_time_masks):
            masked = self._stretch(x, features.shape[1], count, self.time_mask)
            changed = torch.where(masked[..., None], mean, changed)
        every = torch.full_like(count, features.shape[2])
        for _ in range(self.n_feature_masks):
            masked = self._stretch(x, features.shape[2], every, self.feature_mask)
            changed = torch.where(masked[:, None], mean, changed)
        changed = changed.masked_fill(~there, 0.0)
        return torch.cat([changed, there.to(x)], dim=-1)

    def _uniform(self, x: Tensor, n: int) -> Tensor:
        """Draw n numbers a sample, of shape (n_samples, n)."""
        shape = (len(x), n)
        return torch.rand(
            shape, generator=self.generator, device=x.device, dtype=x.dtype
        )

    def _stretched(self, features: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        size = features.shape[1]
        factor = 1 + self.stretch * (2 * self._uniform(features, 1) - 1)
        new = (count * factor).round().long().clamp(max=size)
        new = torch.where(count > 0, new.clamp(min=1), count)
        place = torch.arange(size, device=features.device) * (count / new.clamp(min=1))
        place = torch.minimum(place, (count - 1).clamp(min=0).to(place))
        return _interpolated(features.transpose(1, 2), place).transpose(1, 2), new

    def _warped(self, features: Tensor) -> Tensor:
        factor = 1 + self.warp * (2 * self._uniform(features, 1) - 1)
        last = features.shape[2] - 1
        place = torch.arange(last + 1, device=features.device) / factor
        return _interpolated(features, place.clamp(max=last))

    def _shifted(self, features: Tensor, count: Tensor) -> Tensor:
        share = self.shift * (2 * self._uniform(features, 1) - 1)
        steps = (share * count).round().long()
        place = torch.arange(features.shape[1], device=features.device)[None]
        around = (place - steps) % count.clamp(min=1)
        source = torch.where(place < count, around, place)  # (n, T)
        return features.gather(1, source[..., None].expand_as(features))

    def _stretch(self, x: Tensor, size: int, count: Tensor, longest: float) -> Tensor:
        """Mark a stretch of the first `count` of `size` places; shape (n, size)."""
        length, start = self._uniform(x, 2).split(1, dim=1)
        length = (length * longest * count).round()
        start = (start * (count - length)).round()
        place = torch.arange(size, device=x.device)[None]
        return (place >= start) & (place < start + length)

    def extra_repr(self) -> str:
        return (
            f"stretch={self.stretch}, warp={self.warp}, shift={self.shift}, "
            f"gain={self.gain}, noise={self.noise}, "
            f"n_time_masks={self.n_time_masks}, time_mask={self.time_mask}, "
            f"n_feature_masks={self.n_feature_masks}, feature_mask={self.feature_mask}"
        )


def _interpolated(x: Tensor, place: Tensor) -> Tensor:
    """Read (n, m, size) between its last positions, at `place` (n, size)."""
    low = place.floor()
    high = (low + 1).clamp(max=x.shape[2] - 1)
    share = (place - low).to(x)[:, None]
    at_low, at_high = (
        x.gather(2, which.long()[:, None].expand_as(x)) for which in (low, high)
    )
    return torch.lerp(at_low, at_high, share)
