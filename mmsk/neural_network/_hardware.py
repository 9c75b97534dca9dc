"""Where a net is trained, and how precisely."""

from dataclasses import dataclass

import torch

from mmsk._utils._device import resolve_device
from mmsk.neural_network._strategy import Strategy


@dataclass
class Device(Strategy):
    """A device, and whether it computes in mixed precision.

    Parameters
    ----------
    name : str, default="auto"
        ``"auto"`` takes CUDA, then MPS (float32 only), then the CPU; or a name
        that torch knows.
    amp : bool, default=False
        Automatic mixed precision: in training the large products are computed
        in bfloat16, on CUDA devices without it in float16 with scaled
        gradients. Weights and predictions stay float32. Needs float32 X, and
        CUDA or the CPU.

    References
    ----------
    .. [1] P. Micikevicius et al., "Mixed Precision Training", ICLR, 2018.

    Examples
    --------
    >>> from mmsk.neural_network import Device, NeuralClassifier
    >>> NeuralClassifier(device=Device("cpu", amp=True)).device
    Device(name='cpu', amp=True)
    """

    name: str = "auto"
    amp: bool = False

    _parameter_constraints = {"name": [str], "amp": ["boolean"]}


def as_device(device: str | Device) -> Device:
    """Return what a parameter ``device`` says."""
    return device if isinstance(device, Device) else Device(device)


def half_precision(device: Device, dtype: torch.dtype) -> torch.dtype | None:
    """Return the type of the large products in training.

    Parameters
    ----------
    device : Device
    dtype : torch.dtype
        That of X.

    Returns
    -------
    half : torch.dtype or None
        ``None``: `dtype` itself.

    Raises
    ------
    ValueError
        If mixed precision is asked for and not there.
    """
    if not device.amp:
        return None
    if dtype != torch.float32:
        raise ValueError(
            f"amp=True computes in float32 and less, X is {dtype}. Pass X as float32."
        )
    place = resolve_device(device.name, dtype)
    if place.type not in ("cpu", "cuda"):
        raise ValueError(f"amp=True needs CUDA or the CPU, the device is {place}.")
    if place.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16
