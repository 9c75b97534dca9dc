"""scikit-learn estimators for tables of text, pictures, sound and numbers.

One mixed table goes in, one scikit-learn estimator comes out. The rooms of the
package are loaded when they are first used: ``import mmsk`` is quick and loads no
heavy library.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = (
    "cli",
    "compose",
    "datasets",
    "ensemble",
    "exceptions",
    "feature_extraction",
    "fusion",
    "media",
    "model_selection",
    "modules",
    "neural_network",
    "pipeline",
    "store",
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
