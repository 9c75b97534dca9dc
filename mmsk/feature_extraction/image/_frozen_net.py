"""From pixels to a row of features, in batches of one size."""

from collections.abc import Callable
from copy import deepcopy
from threading import local
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmsk._utils._threads import suitable_threads
from mmsk.feature_extraction.image._fused_net import FusedNet
from mmsk.feature_extraction.image._net_settings import NetSettings
from mmsk.feature_extraction.image._onnx_net import OnnxNet
from mmsk.modules._image_backbone import ImageBackbone
from mmsk.modules._image_units import up_to

_CPU = torch.device("cpu")


class FrozenNet:
    """A net and how its feature maps become rows.

    The last bits of a result depend on the size of a batch, so all batches have
    the same one: the last is filled up. A row then depends on its picture alone.

    Parameters
    ----------
    run : callable
        ``(batch_size, 3, side, side) -> (batch_size, ...)``, float32.
    side : int
        Height and width of the pictures.
    batch_size : int
    pooling : {"avg", "max", "avg_max"}
        What becomes of the positions of a feature map.
    mean, std : tuple of float
        Subtracted from pixels in [0, 1], and divided by.
    device : torch.device, default=cpu
        Where `run` takes its pictures.

    Attributes
    ----------
    width : int
        Number of values of a row.
    """

    def __init__(
        self,
        run: Callable[[Tensor], Any],
        side: int,
        batch_size: int,
        pooling: str,
        mean: tuple[float, ...] = (0.0, 0.0, 0.0),
        std: tuple[float, ...] = (1.0, 1.0, 1.0),
        device: torch.device = _CPU,
    ) -> None:
        self._run = run
        self._device = device
        self._batch_size = batch_size
        self._pooling = pooling
        # (v / 255 - mean) / std in one step
        scale = [1 / (255 * s) for s in std]
        shift = [-m / s for m, s in zip(mean, std, strict=True)]
        # one number for all channels is four times faster than one for each
        self._scale, self._shift = (_of_channels(v, device) for v in (scale, shift))
        self.side = side
        blank = np.zeros((1, side, side, 3), dtype=np.uint8)
        self.width = self(blank).shape[1]

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the rows of pictures.

        Parameters
        ----------
        pictures : uint8 ndarray of shape (n, side, side, 3)

        Returns
        -------
        rows : float32 ndarray of shape (n, width)
        """
        rows = []
        with suitable_threads(0), torch.inference_mode():
            for start in range(0, len(pictures), self._batch_size):
                batch = pictures[start : start + self._batch_size]
                rows.append(self._rows(batch))
        return np.concatenate(rows)

    def _rows(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        n = len(batch)
        if n < self._batch_size:
            full = np.zeros((self._batch_size, *batch.shape[1:]), dtype=np.uint8)
            full[:n] = batch
            batch = full
        # a view of (n, H, W, 3) is what torch calls channels last
        pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).float()
        pixels.mul_(self._scale).add_(self._shift)
        features = self._pooled(self._run(pixels))
        return features[:n].to("cpu", torch.float32).numpy()

    def _pooled(self, features: Any) -> Tensor:
        if isinstance(features, np.ndarray):
            features = torch.from_numpy(features)
        if not isinstance(features, Tensor) or features.ndim not in (2, 4):
            got = getattr(features, "shape", type(features).__name__)
            raise ValueError(
                "A backbone must return a tensor of shape (n, n_features) or (n, "
                f"n_channels, rows, columns) for (n, 3, height, width), got {got}."
            )
        if len(features) != self._batch_size:
            raise ValueError(
                f"The backbone returned {len(features)} rows for {self._batch_size} "
                "pictures."
            )
        if features.ndim == 2:
            return features
        pooled = []
        if self._pooling != "max":
            pooled.append(features.mean(dim=(2, 3)))
        if self._pooling != "avg":
            pooled.append(features.amax(dim=(2, 3)))
        return torch.cat(pooled, dim=1)


def _of_channels(values: list[float], device: torch.device) -> float | Tensor:
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, device=device)[:, None, None]


def frozen_net(settings: NetSettings, backbone: ImageBackbone) -> FrozenNet:
    """Return a built-in net, prepared for one size of batch on one device."""
    device = torch.device(settings.device)
    units = up_to(backbone.eval().to(device).units(), settings.layer)
    kind = OnnxNet if settings.backend == "onnxruntime" else FusedNet
    return FrozenNet(
        kind(units, settings.side, settings.batch_size),
        settings.side,
        settings.batch_size,
        settings.pooling,
        backbone.mean,
        backbone.std,
        device,
    )


def users_net(
    backbone: Callable[[Tensor], Any],
    layer: str | None,
    pooling: str,
    side: int,
    batch_size: int,
    device: torch.device,
) -> FrozenNet:
    """Return a net of the user's own; a module is copied and does not train.

    A callable is given pictures in memory, wherever it computes.

    Raises
    ------
    ValueError
        If there is no such layer, or it returns something else.
    """
    if isinstance(backbone, nn.Module):
        run = _LayerOf(deepcopy(backbone).eval().to(device), layer)
        return FrozenNet(run, side, batch_size, pooling, device=device)
    if layer is not None:
        raise ValueError("layer= is for modules: a callable has none.")
    return FrozenNet(backbone, side, batch_size, pooling)


class _LayerOf:
    """A module, or what one of its layers returns; threads may share it."""

    def __init__(self, module: nn.Module, layer: str | None) -> None:
        self._module = module
        self._layer = layer
        self._seen = local()
        if layer is not None:
            layers = dict(module.named_modules())
            if layer not in layers:
                names = ", ".join(name for name in layers if name)
                raise ValueError(f"There is no layer {layer!r}; there are {names}.")
            layers[layer].register_forward_hook(self._see)

    def _see(self, module: nn.Module, arguments: tuple, result: Any) -> None:
        self._seen.result = result

    def __call__(self, x: Tensor) -> Any:
        result = self._module(x)
        return result if self._layer is None else self._seen.result
