"""Run the units of a convolutional net in ONNX Runtime."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from mmsk.modules._image_units import Convolution, Unit

_OPSET = 17


class OnnxNet:
    """A net in ONNX Runtime, one thread a call; threads may share it.

    Parameters
    ----------
    units : sequence of Unit
        The net.
    side : int
        Height and width of the pictures.
    batch_size : int
        Number of pictures of every batch.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed.
    """

    def __init__(self, units: Sequence[Unit], side: int, batch_size: int) -> None:
        if find_spec("onnx") is None or find_spec("onnxruntime") is None:
            raise ImportError(
                'backend="onnxruntime" needs two libraries: pip install "mmsk[onnx]".'
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = _graph(units, side, batch_size)
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (batch_size, 3, side, side)

        Returns
        -------
        features : Tensor of shape (batch_size, n_channels, rows, columns)
        """
        (features,) = self._session.run(None, {"x": x.contiguous().numpy()})
        return torch.from_numpy(features)


def _graph(units: Sequence[Unit], side: int, batch_size: int) -> bytes:
    """Return the ONNX file of a net for batches of one size."""
    from onnx import TensorProto, helper

    graph = _Graph()
    value = "x"
    shape = [batch_size, 3, side, side]
    for unit in units:
        start, start_side = value, side
        for convolution in unit.path:
            value, side = graph.convolution(value, convolution, side)
        if unit.skip:
            past = start
            if unit.shortcut is not None:
                past, _ = graph.convolution(start, unit.shortcut, start_side)
            value = graph.activation(graph.node("Add", [value, past]), unit.activation)
        if unit.max_pool:
            value = graph.node(
                "MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
            )
            side = (side - 1) // 2 + 1
    made = helper.make_graph(
        graph.nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(
                value, TensorProto.FLOAT, [batch_size, units[-1].channels, side, side]
            )
        ],
        graph.weights,
    )
    opset = helper.make_opsetid("", _OPSET)
    # version 8 belongs to this opset; older runtimes refuse what onnx makes by default
    model = helper.make_model(made, opset_imports=[opset], ir_version=8)
    return model.SerializeToString()


class _Graph:
    """Nodes and weights, named by their number."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.weights: list = []

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, x: str, c: Convolution, side: int) -> tuple[str, int]:
        before, behind = c.pads(side)
        inputs = [x, self.weight(c.weight.numpy()), self.weight(c.bias.numpy())]
        value = self.node(
            "Conv",
            inputs,
            kernel_shape=[c.kernel] * 2,
            strides=[c.stride] * 2,
            pads=[before, before, behind, behind],
            group=c.groups,
        )
        return self.activation(value, c.activation), c.side(side)

    def activation(self, x: str, name: str) -> str:
        if name == "none":
            return x
        if name == "relu":
            return self.node("Relu", [x])
        bounds = [self.weight(np.array(bound, np.float32)) for bound in (0, 6)]
        return self.node("Clip", [x, *bounds])
