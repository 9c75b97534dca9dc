"""Which module is trained."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mmsk._utils._param_validation import StrOptions
from mmsk.modules._generator import with_generator
from mmsk.modules._mlp import ACTIVATIONS
from mmsk.modules._normalization import NORMALIZATIONS
from mmsk.neural_network._strategy import Strategy


@dataclass
class HiddenLayers(Strategy):
    """What the hidden layers of a multi-layer perceptron are like.

    Parameters
    ----------
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, \
            default="relu"
        What follows each hidden layer.
    normalization : {"batch", "layer"} or None, default=None
        What stands between a layer and its activation. Sample weights have no
        influence on the statistics of ``"batch"``.
    residual : bool, default=False
        Whether a layer after the first adds its input to its result, where both
        are equally wide.

    See Also
    --------
    mmsk.modules.MLP : The module.

    Examples
    --------
    >>> from mmsk.neural_network import HiddenLayers, NeuralClassifier
    >>> clf = NeuralClassifier((64, 64), module=HiddenLayers("gelu", residual=True))
    >>> clf.set_params(module__normalization="layer").module
    HiddenLayers(activation='gelu', normalization='layer', residual=True)
    """

    activation: str = "relu"
    normalization: str | None = None
    residual: bool = False

    _parameter_constraints = {
        "activation": [StrOptions(set(ACTIVATIONS))],
        "normalization": [StrOptions(set(NORMALIZATIONS)), None],
        "residual": ["boolean"],
    }


ARCHITECTURES: dict[str, HiddenLayers] = {
    "mlp": HiddenLayers(),
    "residual_mlp": HiddenLayers(normalization="layer", residual=True),
}


def user_module(
    module: nn.Module | Callable[..., nn.Module],
    in_size: int,
    out_size: int,
    generator: torch.Generator,
) -> nn.Module:
    """Make a module of the user's kind.

    Parameters
    ----------
    module : Module or callable
        A module is copied. A class or function is called with the keywords
        ``in_size`` and ``out_size``, and ``generator`` if it takes that.
    in_size, out_size : int
    generator : torch.Generator
        For the draws in training. In a copy it replaces the generators of
        mmsk's modules, so that its draws follow the seed of the fit.

    Returns
    -------
    module : Module

    Raises
    ------
    TypeError
        If the callable makes something else.
    """
    if isinstance(module, nn.Module):
        made = with_generator(module, generator)
    else:
        made = module(in_size=in_size, out_size=out_size, **_extra(module, generator))
    if not isinstance(made, nn.Module):
        raise TypeError(
            f"module={module!r} must return a torch.nn.Module, got "
            f"{type(made).__name__}."
        )

    def check(_, arguments: Any, output: Any) -> None:
        shape = getattr(output, "shape", None)
        if shape is None or len(shape) != 2 or shape[1] != out_size:
            found = type(output).__name__ if shape is None else tuple(shape)
            raise ValueError(
                f"module={type(made).__name__} must return a tensor of shape "
                f"(n_samples, {out_size}), got {found}."
            )

    made.register_forward_hook(check)
    return made


def _extra(function: Callable[..., Any], generator: torch.Generator) -> dict[str, Any]:
    takes = "generator" in inspect.signature(function).parameters
    return {"generator": generator} if takes else {}
