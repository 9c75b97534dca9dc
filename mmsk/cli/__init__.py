"""The command line, ``python -m mmsk``."""

from mmsk.cli._main import main

__all__ = ["main"]
