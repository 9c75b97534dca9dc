"""The built-in nets of CNNExtractor: by name, loaded once in a process."""

import os
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from mmsk.feature_extraction._cells._file_digest import file_digest
from mmsk.feature_extraction.image._net_settings import NetSettings

if TYPE_CHECKING:
    from mmsk.feature_extraction.image._frozen_net import FrozenNet
    from mmsk.modules._image_backbone import ImageBackbone

# name: class in mmsk.modules, its arguments
BACKBONES = {
    "efficientnet_lite0": ("EfficientNetLite", {"variant": 0}),
    "efficientnet_lite1": ("EfficientNetLite", {"variant": 1}),
    "efficientnet_lite2": ("EfficientNetLite", {"variant": 2}),
    "resnet18": ("ResNet", {"depth": 18}),
    "resnet50": ("ResNet", {"depth": 50}),
}
_KEPT = 4
_nets: OrderedDict[tuple, "FrozenNet"] = OrderedDict()
_lock = Lock()


def default_side(backbone: str) -> int:
    """Return the side of the pictures that a net was trained on, in pixels."""
    return _blank(backbone).side


@cache
def n_channels(backbone: str, layer: str | None) -> int:
    """Return the number of channels of a layer.

    Raises
    ------
    ValueError
        If the net has no such layer.
    """
    from mmsk.modules._image_units import up_to

    return up_to(_blank(backbone).units(), layer)[-1].channels


def weights_digest(
    backbone: str, weights: str | os.PathLike | None, random_state: int
) -> str:
    """Return the SHA-256 of the file of weights, or of the random ones."""
    from mmsk.modules._image_weights import weights_path

    if weights is None:
        return _random_digest(backbone, random_state)
    return file_digest(weights_path(backbone, weights))


def load_net(
    settings: NetSettings,
    weights: str | os.PathLike | None,
    random_state: int,
    digest: str,
) -> "FrozenNet":
    """Return a net with the weights of a digest, made once in this process.

    Raises
    ------
    ValueError
        If the weights are no longer those of the digest, or another net's.
    """
    from mmsk.feature_extraction.image._frozen_net import frozen_net
    from mmsk.modules._image_weights import read_weights, weights_path

    key = (settings, digest)
    with _lock:
        if key in _nets:
            _nets.move_to_end(key)
            return _nets[key]
        if weights is None:
            if _random_digest(settings.backbone, random_state) != digest:
                raise ValueError(
                    f"Random weights of seed {random_state} are not those of the fit. "
                    "Fit again."
                )
            backbone = _random(settings.backbone, random_state)
        else:
            path = weights_path(settings.backbone, weights)
            state, found = read_weights(path)
            if found != digest:
                raise ValueError(
                    f"The weights in {str(path)!r} are not those of the fit. Fit again."
                )
            backbone = _empty(settings.backbone)
            backbone.load_published(state)
        net = frozen_net(settings, backbone)
        _nets[key] = net
        while len(_nets) > _KEPT:
            _nets.popitem(last=False)
        return net


@cache
def _blank(name: str) -> "ImageBackbone":
    """Return a net without memory for weights."""
    import torch

    from mmsk import modules

    kind, arguments = BACKBONES[name]
    with torch.device("meta"):  # draws no random numbers either
        return getattr(modules, kind)(**arguments)


def _empty(name: str) -> "ImageBackbone":
    from copy import deepcopy

    return deepcopy(_blank(name)).to_empty(device="cpu")


@cache
def _random_digest(name: str, random_state: int) -> str:
    from mmsk.feature_extraction.image._state_digest import state_digest

    return state_digest(_random(name, random_state))


def _random(name: str, random_state: int) -> "ImageBackbone":
    import torch

    backbone = _empty(name)
    backbone.reset(torch.Generator().manual_seed(random_state))
    return backbone
