"""Which device a net is trained and asked on."""

import torch


def resolve_device(
    name: str, dtype: torch.dtype, *, fitted: bool = False
) -> torch.device:
    """Turn the parameter ``device`` into a device that exists.

    Parameters
    ----------
    name : str
        ``"auto"`` (CUDA, then MPS, then CPU) or a name that torch knows.
    dtype : torch.dtype
        What is computed in; MPS has no float64.
    fitted : bool, default=False
        Whether the net is trained already: then a device that this machine
        lacks is replaced by the CPU, because a fitted estimator must predict
        wherever it was loaded.

    Returns
    -------
    device : torch.device

    Raises
    ------
    ValueError
        If the name is unknown, or the device is needed and not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available() and dtype != torch.float64:
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"Unknown device {name!r}: use 'auto', 'cpu', 'cuda' or 'mps'."
        ) from None
    fault = _fault(device, dtype)
    if fault is None:
        return device
    if fitted:
        return torch.device("cpu")
    raise ValueError(f"device={name!r} cannot be used: {fault}")


def _fault(device: torch.device, dtype: torch.dtype) -> str | None:
    if device.type == "cuda" and (
        not torch.cuda.is_available()
        or (device.index or 0) >= torch.cuda.device_count()
    ):
        return "this machine or this build of torch has no such CUDA device."
    if device.type == "mps":
        if not torch.backends.mps.is_available():
            return "this machine or this build of torch has no MPS device."
        if dtype == torch.float64:
            return "MPS has no float64. Pass X as float32."
    return None
