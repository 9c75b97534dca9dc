"""Several nets trained as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mmsk._utils._param_validation import Interval
from mmsk.modules import MLP, MLPEnsemble, ModuleEnsemble
from mmsk.neural_network._strategy import Strategy


@dataclass
class Bootstrap(Strategy):
    """Members of an ensemble, each on rows drawn with replacement.

    Parameters
    ----------
    n_members : int, default=10
        At least 1.

    References
    ----------
    .. [1] L. Breiman, "Bagging Predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from mmsk.neural_network import Bootstrap, NeuralClassifier
    >>> NeuralClassifier(n_members=Bootstrap(10)).n_members
    Bootstrap(n_members=10)
    """

    n_members: int = 10

    _parameter_constraints = {"n_members": [Interval(Integral, 1, None, closed="left")]}


def count_members(n_members: int | Bootstrap) -> int:
    """Return the number of members that a parameter ``n_members`` asks for."""
    return n_members.n_members if isinstance(n_members, Bootstrap) else n_members


def together(members: Sequence[nn.Module]) -> nn.Module:
    """Return the only member, or a module that applies all.

    Parameters
    ----------
    members : sequence of Module
        Of one architecture, at least one.

    Returns
    -------
    module : Module
        With several members its result is (n_members, n_samples, n_outputs).
    """
    if len(members) == 1:
        return members[0]
    if all(type(member) is MLP for member in members):
        return MLPEnsemble(members)
    return ModuleEnsemble(members)


def bootstrap_counts(n_rows: int, n_members: int, seed: int) -> NDArray[np.float64]:
    """Draw for each member how often it gets each row.

    Parameters
    ----------
    n_rows, n_members : int
    seed : int

    Returns
    -------
    counts : float64 ndarray of shape (n_rows, n_members)
        Every column sums to `n_rows`.
    """
    random = np.random.default_rng(seed)
    shares = np.full(n_rows, 1 / n_rows)
    counts = random.multinomial(n_rows, shares, size=n_members)
    return np.ascontiguousarray(counts.T, dtype=np.float64)
