"""Base of the published image nets: from pixels to a vector, trainable."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mmsk.modules._generator import own_generator
from mmsk.modules._image_units import Unit


class ImageBackbone(nn.Module, ABC):
    """Normalise, run the net, average over positions and project.

    A subclass makes its layers, under the names of the published weights, before
    it calls `_finish`, and says what they compute (`features`, `units`).

    Parameters
    ----------
    shape : sequence of int
        (3, height, width) of a sample.
    frozen_steps : int or None
        How many training batches leave the net as it is; ``None``: all.
    augment : Module or None
        Applied to the pixels, in training alone.
    """

    weights_name: str
    side: int
    mean: ClassVar[tuple[float, float, float]]
    std: ClassVar[tuple[float, float, float]]
    _classifier: ClassVar[str]

    def __init__(
        self,
        shape: Sequence[int],
        frozen_steps: int | None,
        augment: nn.Module | None,
    ) -> None:
        super().__init__()
        if len(shape) != 3 or shape[0] != 3:
            raise ValueError(f"A picture is (3, height, width), got {tuple(shape)}.")
        self.shape = tuple(int(size) for size in shape)
        self.frozen_steps = frozen_steps
        self.augment = augment
        # a buffer: it travels with the weights
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def _finish(
        self,
        channels: int,
        out_size: int | None,
        weights: Mapping[str, Tensor] | None,
        generator: torch.Generator | None,
    ) -> None:
        self.out_size = channels if out_size is None else int(out_size)
        self.projection = (
            nn.Identity() if out_size is None else nn.Linear(channels, self.out_size)
        )
        self.pretrained = weights is not None
        if self.steps.is_meta:
            return
        self.reset(generator)
        if weights is not None:
            self.load_published(weights)

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (n_samples, 3, height, width)
            Normalised.

        Returns
        -------
        features : Tensor of shape (n_samples, n_channels, rows, columns)
        """

    @abstractmethod
    def units(self) -> list[Unit]:
        """Return what the net computes when not training, batch norm folded in."""

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew (He et al., 2015), drawn from a generator."""
        generator = own_generator() if generator is None else generator
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(
                    layer.weight, mode="fan_out", generator=generator
                )
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
            elif isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.steps.zero_()

    def load_published(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a published state dict; its classifier is left out.

        Parameters
        ----------
        state : mapping of str to Tensor

        Raises
        ------
        ValueError
            If a weight is missing, unknown or of another shape.
        """
        own = self.state_dict()
        wanted = {
            name
            for name in own
            if not name.startswith(("projection.", "augment.", "steps"))
        }
        given = {
            name: value
            for name, value in state.items()
            if not name.startswith(f"{self._classifier}.")
        }
        missing = sorted(
            name
            for name in wanted - set(given)
            if not name.endswith("num_batches_tracked")
        )
        unknown = sorted(set(given) - wanted)
        wrong = sorted(
            name for name in wanted & set(given) if given[name].shape != own[name].shape
        )
        for names, what in (
            (missing, "lack"),
            (unknown, "have besides"),
            (wrong, "have in another shape"),
        ):
            if names:
                shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
                raise ValueError(
                    f"These are not the weights of {self.weights_name}: they {what} "
                    f"{shown}."
                )
        self.load_state_dict(given, strict=False)
        self.pretrained = True

    def normalised(self, x: Tensor) -> Tensor:
        """Return pixels in [0, 1] as the net was trained on them."""
        mean = x.new_tensor(self.mean)[:, None, None]
        return (x - mean) / x.new_tensor(self.std)[:, None, None]

    def train(self, mode: bool = True) -> "ImageBackbone":
        """Switch to training; statistics of pretrained batch norm stay as they are."""
        super().train(mode)
        if mode and self.pretrained:
            for layer in self.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch of pictures.

        Parameters
        ----------
        x : Tensor of shape (n_samples, 3, height, width)
            RGB in [0, 1].

        Returns
        -------
        encoded : Tensor of shape (n_samples, out_size)
        """
        frozen = False
        if self.training:
            if self.augment is not None:
                x = self.augment(x)
            frozen = self.frozen_steps is None or int(self.steps) < self.frozen_steps
            self.steps += 1
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            pooled = self.features(self.normalised(x)).mean(dim=(2, 3))
        return self.projection(pooled)
