"""From the cells of a table to numbers: a package for each kind of content.

Extractors take a 2-D table and return a float32 matrix. Those of pictures, clips and
texts read one column or several and put a last column behind their features that
says, as 0 or 1, whether the row has anything of the kind.
"""

import importlib
from types import ModuleType

__all__ = ["audio", "image", "pretrained", "tabular", "text"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
