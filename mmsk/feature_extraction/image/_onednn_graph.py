"""Compile the units of a convolutional net with oneDNN, without a compiler."""

from collections.abc import Callable, Sequence
from threading import Lock

import torch
from torch import Tensor
from torch._C import Graph, Value

from mmsk._utils._threads import suitable_threads
from mmsk.modules._image_units import Convolution, Unit

_FUSED = "prim::oneDNNFusionGroup"
# not public, so another torch may lack any of them
_NEEDED = (
    "_create_function_from_graph",
    "_jit_llga_enabled",
    "_jit_set_llga_enabled",
    "_last_executed_optimized_graph",
)
_lock = Lock()


def compiled(
    units: Sequence[Unit], shape: tuple[int, ...]
) -> Callable[[Tensor], Tensor] | None:
    """Return units as one function for one shape of input, or None.

    Called layer by layer, each convolution is looked up anew, which takes 20
    microseconds: as long as a small layer itself. Here it is done once, in a second or
    two. The function is for one torch thread a call, and threads may share it. It
    holds the weights twice, as they were and as the processor likes them. Input that
    lies otherwise in memory is computed as well, but slowly.

    Parameters
    ----------
    units : sequence of Unit
        Their convolutions have as many zeros before as behind.
    shape : tuple of int
        ``(n, channels, side, side)``, channels last in memory.

    Returns
    -------
    function : callable or None
        None where this build of torch cannot do it.
    """
    if not all(hasattr(torch._C, name) for name in _NEEDED):
        return None
    run = torch._C._create_function_from_graph("net", _graph(units))
    x = torch.zeros(shape).contiguous(memory_format=torch.channels_last)
    with _lock, suitable_threads(0), torch.inference_mode():
        before = torch._C._jit_llga_enabled()
        torch._C._jit_set_llga_enabled(True)
        try:
            run(x)  # sees shapes
            run(x)  # compiles
        except RuntimeError:  # maps of one position: their layout is not unique
            return None
        finally:
            torch._C._jit_set_llga_enabled(before)
        done = str(torch._C._last_executed_optimized_graph())
    return run if _FUSED in done else None


def _graph(units: Sequence[Unit]) -> Graph:
    graph = Graph()
    value = graph.addInput("x")
    value.setType(torch._C.TensorType.get())
    for unit in units:
        start = value
        for convolution in unit.path:
            value = _convolution(graph, value, convolution)
        if unit.skip:
            past = start
            if unit.shortcut is not None:
                past = _convolution(graph, start, unit.shortcut)
            value = _node(graph, "aten::add", [value, past, 1])
            value = _activation(graph, value, unit.activation)
        if unit.max_pool:
            arguments = [value, [3, 3], [2, 2], [1, 1], [1, 1], False]
            value = _node(graph, "aten::max_pool2d", arguments)
    graph.registerOutput(value)
    return graph


def _convolution(graph: Graph, x: Value, c: Convolution) -> Value:
    geometry = [c.stride] * 2, [c.padding] * 2, [1, 1], c.groups
    value = _node(graph, "aten::conv2d", [x, c.weight, c.bias, *geometry])
    return _activation(graph, value, c.activation)


def _activation(graph: Graph, x: Value, name: str) -> Value:
    if name == "none":
        return x
    if name == "relu":
        return _node(graph, "aten::relu", [x])
    return _node(graph, "aten::hardtanh", [x, 0.0, 6.0])


def _node(graph: Graph, kind: str, arguments: list) -> Value:
    """Append an operation; what is no value of the graph is a constant."""
    values = [a if isinstance(a, Value) else graph.insertConstant(a) for a in arguments]
    node = graph.create(kind, values, 1)
    graph.appendNode(node)
    return node.output()
