"""The module that is trained on rows of numbers: a perceptron, or the user's own."""

from numbers import Integral, Real

from torch import nn

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.modules import MLP
from mmsk.neural_network._architectures import (
    ARCHITECTURES,
    HiddenLayers,
    user_module,
)
from mmsk.neural_network._members import Bootstrap, count_members


class MatrixModule:
    """Private mixin of the neural estimators whose module reads rows of numbers."""

    _own_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "module": [StrOptions(set(ARCHITECTURES)), HiddenLayers, callable],
    }

    _architecture = ("hidden_layer_sizes", "dropout", "module")

    def _make_module(self, inputs, n_outputs, generator):
        layers = self.module
        if isinstance(layers, str):
            layers = ARCHITECTURES[layers]
        if isinstance(layers, HiddenLayers):
            return MLP(
                inputs.n_features,
                self.hidden_layer_sizes,
                n_outputs,
                dropout=self.dropout,
                generator=generator,
                **layers.get_params(),
            )
        if (
            isinstance(layers, nn.Module)
            and count_members(self.n_members) > 1
            and not isinstance(self.n_members, Bootstrap)
        ):
            raise ValueError(
                "Copies of one module begin with the same weights, so that "
                f"n_members={self.n_members} would be one member. Pass module= a "
                "class or a function that makes modules, or n_members=Bootstrap(...)."
            )
        return user_module(layers, inputs.n_features, n_outputs, generator)
