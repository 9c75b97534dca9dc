"""Run the units of a convolutional net, for fixed shapes and without a gradient."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsk.feature_extraction.image._onednn_graph import compiled
from mmsk.modules._image_units import Convolution, Unit

# what torch.compile itself calls: a convolution with its activation or its sum in one
# pass over memory (oneDNN); not every build of torch has it
_FUSED = ("_convolution_pointwise", "_convolution_pointwise_", "_linear_pointwise")
_ATTRIBUTES = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
# the values that go in and out of a convolution, above which pictures go alone
_VALUES_TOGETHER = 2**18


def has_fused_convolutions() -> bool:
    """Tell whether this build of torch joins a convolution with what follows it."""
    return torch.backends.mkldnn.is_available() and all(
        hasattr(torch.ops.mkldnn, name) for name in _FUSED
    )


class FusedNet:
    """A net whose batches have one size, prepared for it.

    The first layers of a net with depthwise convolutions, whose maps are large, see
    one picture at a time: the maps of several would not stay in the cache between two
    layers. It holds nothing that a call changes, so that threads may share it.

    Parameters
    ----------
    units : sequence of Unit
        The net.
    side : int
        Height and width of the pictures.
    batch_size : int
        Number of pictures of every batch.
    kind : {"graph", "operations", "plain"}, default=None
        Whether oneDNN compiles the layers once, joins each convolution with what
        follows it, or neither. ``None``: the first that can be done; on another
        device than the CPU the last.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        side: int,
        batch_size: int,
        kind: str | None = None,
    ) -> None:
        if kind is None:
            on_cpu = units[0].path[0].weight.device.type == "cpu"
            kind = "graph" if on_cpu and has_fused_convolutions() else "plain"
        # where channels are filtered each by itself, memory is slower than arithmetic;
        # elsewhere several pictures share the reading of weights
        light = any(c.groups > 1 for unit in units for c in unit.path)
        light = light and kind != "plain"
        alone: list[Unit] = []
        together: list[Unit] = []
        first = shape = (1, 3, side, side)
        with torch.inference_mode():
            for unit in units:
                large = _values(unit, side) > _VALUES_TOGETHER
                even, side = _evenly_padded_unit(unit, side)
                if light and large and not together:
                    alone.append(even)
                    shape = (1, unit.channels, side, side)
                else:
                    together.append(even)
            shape = (batch_size, *shape[1:])
            self._alone = _prepare(alone, first, kind) if alone else None
            self._together = _prepare(together, shape, kind)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (batch_size, 3, side, side)
            Channels last in memory.

        Returns
        -------
        features : Tensor of shape (batch_size, n_channels, rows, columns)
        """
        with torch.inference_mode():
            if self._alone is not None:
                x = torch.cat([self._alone(one) for one in x.split(1)])
            return self._together(x)


def _prepare(
    units: Sequence[Unit], shape: tuple[int, ...], kind: str
) -> Callable[[Tensor], Tensor]:
    """Return units one after the other, for one shape of input."""
    if kind == "graph" and units:
        run = compiled(units, shape)
        if run is not None:
            return run
    prepare = _prepare_plain if kind == "plain" else _prepare_fused
    steps = []
    n, _, side, _ = shape
    for unit in units:
        step, side = _unit(unit, shape, prepare)
        steps.append(step)
        if unit.max_pool:
            steps.append(_max_pool)
            side = _pooled_side(side)
        shape = (n, unit.channels, side, side)

    def through(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return through


def _unit(
    unit: Unit, shape: tuple[int, ...], prepare: Callable
) -> tuple[Callable[[Tensor], Tensor], int]:
    """Return a unit for one shape of input, and the side of its result."""
    path, side = _path(unit.path, shape, prepare, unit.activation)
    *before, last = path
    shortcut = None
    if unit.shortcut is not None:
        ((shortcut,), _) = _path((unit.shortcut,), shape, prepare)

    def run(x: Tensor) -> Tensor:
        y = x
        for convolution in before:
            y = convolution(y)
        if not unit.skip:
            return last(y)
        # the sum may be written where the input, which nobody needs any more, stands
        return last(y, x if shortcut is None else shortcut(x))

    return run, side


def _path(
    path: Sequence[Convolution],
    shape: tuple[int, ...],
    prepare: Callable,
    after_sum: str = "none",
) -> tuple[list[Callable[..., Tensor]], int]:
    prepared = []
    n, channels, side, _ = shape
    for convolution in path:
        prepared.append(prepare(convolution, (n, channels, side, side), after_sum))
        side = convolution.side(side)
        channels = len(convolution.bias)
    return prepared, side


def _evenly_padded_unit(unit: Unit, side: int) -> tuple[Unit, int]:
    """Return a unit with as many zeros before as behind, and its result's side."""
    shortcut = unit.shortcut
    if shortcut is not None:
        shortcut = _evenly_padded(shortcut, side)
    path = []
    for convolution in unit.path:
        path.append(_evenly_padded(convolution, side))
        side = convolution.side(side)
    if unit.max_pool:
        side = _pooled_side(side)
    return replace(unit, path=tuple(path), shortcut=shortcut), side


def _evenly_padded(c: Convolution, side: int) -> Convolution:
    """Return a convolution with as many zeros before a side as behind it.

    Where one more is due behind, the kernel gets a first row and column of zeros: no
    picture has to be copied for the sake of its edge.
    """
    before, behind = c.pads(side)
    longer = behind - before
    weight = F.pad(c.weight, (longer, 0, longer, 0))
    weight = weight.contiguous(memory_format=torch.channels_last)
    return replace(c, weight=weight, padding=behind)


def _prepare_fused(
    c: Convolution, shape: tuple[int, ...], after_sum: str
) -> Callable[..., Tensor]:
    pointwise = c.kernel == c.stride == c.groups == 1 and c.padding == 0
    if pointwise and after_sum == "none":
        return _prepare_linear(c, shape)
    geometry = [c.padding] * 2, [c.stride] * 2, [1, 1], c.groups
    weight = torch.ops.mkldnn._reorder_convolution_weight(
        c.weight, *geometry, list(shape)
    )
    name, bounds = _ATTRIBUTES[c.activation]
    bias = c.bias  # `run` must not keep the weight as it was before
    summed = None if after_sum == "none" else after_sum
    # finding the overload takes as long as the call
    convolve = torch.ops.mkldnn._convolution_pointwise.default
    convolve_and_add = torch.ops.mkldnn._convolution_pointwise_.binary

    def run(x: Tensor, add: Tensor | None = None) -> Tensor:
        if add is None:
            return convolve(x, weight, bias, *geometry, name, bounds, "")
        return convolve_and_add(
            add, x, weight, bias, *geometry, "add", 1.0, summed, [], None
        )

    return run


def _prepare_linear(c: Convolution, shape: tuple[int, ...]) -> Callable[..., Tensor]:
    """Prepare a convolution with one position: half of the work around a call."""
    n, _, rows, columns = shape
    weight = torch.ops.mkldnn._reorder_linear_weight(
        c.weight.flatten(1).contiguous(), n * rows * columns
    )
    name, bounds = _ATTRIBUTES[c.activation]
    bias = c.bias
    multiply = torch.ops.mkldnn._linear_pointwise.default
    multiply_and_add = torch.ops.mkldnn._linear_pointwise.binary

    def run(x: Tensor, add: Tensor | None = None) -> Tensor:
        x = x.permute(0, 2, 3, 1)  # channels are last in memory already
        if add is None:
            y = multiply(x, weight, bias, name, bounds, "")
        else:
            y = multiply_and_add(x, add.permute(0, 2, 3, 1), weight, bias, "add")
        return y.permute(0, 3, 1, 2)

    return run


def _prepare_plain(
    c: Convolution, shape: tuple[int, ...], after_sum: str
) -> Callable[..., Tensor]:
    def run(x: Tensor, add: Tensor | None = None) -> Tensor:
        y = F.conv2d(x, c.weight, c.bias, c.stride, c.padding, groups=c.groups)
        activation = c.activation
        if add is not None:
            y, activation = y.add_(add), after_sum
        if activation == "none":
            return y
        return y.clamp_(min=0) if activation == "relu" else y.clamp_(0, 6)

    return run


def _values(unit: Unit, side: int) -> int:
    """Return the most values that one picture's maps around a convolution have."""
    most = 0
    for convolution in unit.path:
        channels = convolution.weight.shape[1] * convolution.groups
        before, side = channels * side**2, convolution.side(side)
        most = max(most, before + len(convolution.bias) * side**2)
    return most


def _pooled_side(side: int) -> int:
    return (side - 1) // 2 + 1


def _max_pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2, padding=1)
