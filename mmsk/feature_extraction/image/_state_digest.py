"""Fingerprint of a net's weights."""

import hashlib
from typing import Any

import torch
from torch import nn


def state_digest(net: Any) -> str:
    """Return the SHA-256 of a module's weights, hexadecimal; ``""`` for a callable."""
    if not isinstance(net, nn.Module):
        return ""
    digest = hashlib.sha256(usedforsecurity=False)
    for name, value in sorted(net.state_dict().items()):
        value = value.detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
