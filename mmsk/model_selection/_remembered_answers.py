"""A fitted model that is asked once for what several want to know of the same rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any

import numpy as np

_METHODS = ("predict", "predict_proba", "decision_function")


@contextmanager
def remembered(*models: Any) -> Iterator[None]:
    """Let each method of a model run once for the same table, the very object.

    Scorers and out-of-fold predictions ask for the same, and a ``predict`` that is
    made of ``predict_proba`` (late fusion, bagging, forests) computes what is then
    wanted anyway.

    Parameters
    ----------
    *models : fitted estimators
        They are as before afterwards.
    """
    shadowed = [
        (vars(model), name, getattr(model, name))
        for model in models
        for name in _METHODS
        if hasattr(model, name)
        and hasattr(model, "__dict__")
        and name not in vars(model)
    ]
    for own, name, method in shadowed:
        own[name] = _Once(method)
    try:
        yield
    finally:
        for own, name, _ in shadowed:
            own.pop(name, None)


class _Once:
    """A method that hands out copies of its answer about a table it has seen."""

    def __init__(self, method: Callable) -> None:
        update_wrapper(self, method)  # scikit-learn asks for its name
        self._method = method
        self._answers: dict[int, tuple[Any, np.ndarray]] = {}

    def __call__(self, X: Any, *args: Any, **params: Any) -> Any:
        if args or params:
            return self._method(X, *args, **params)
        if id(X) in self._answers:
            return self._answers[id(X)][1].copy()
        said = self._method(X)
        if type(said) is np.ndarray:
            self._answers[id(X)] = X, said.copy()  # X stays, so that its id is its own
        return said

    def __reduce__(self) -> tuple:
        return _Once, (self._method,)  # a copy of the model may change
