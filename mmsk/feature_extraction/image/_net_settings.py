"""What a built-in net computes."""

from typing import NamedTuple


class NetSettings(NamedTuple):
    """What a net computes, its weights apart.

    Attributes
    ----------
    backbone : str
        Its name, for example ``"resnet18"``.
    layer : str or None
        Where it ends; ``None``: at its last feature map.
    pooling : {"avg", "max", "avg_max"}
    side : int
        Height and width of the pictures.
    batch_size : int
    backend : {"torch", "onnxruntime"}
    device : str
        ``"cpu"``, ``"cuda:0"``, ...
    """

    backbone: str
    layer: str | None
    pooling: str
    side: int
    batch_size: int
    backend: str
    device: str
