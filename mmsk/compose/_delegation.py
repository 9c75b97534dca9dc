"""Methods that a meta-estimator has if the estimator inside it has them."""

from collections.abc import Callable
from typing import Any


def estimator_has(method: str) -> Callable[[Any], bool]:
    """Return the test for ``available_if``, on the fitted estimator if there is one.

    Parameters
    ----------
    method : str
        Name of the method.
    """

    def check(self: Any) -> bool:
        fitted = getattr(self, "estimator_", self.estimator)
        getattr(fitted, method)  # its own AttributeError says more than False
        return True

    return check
