"""Data sets that come with mmsk."""

from mmsk.datasets._clipart import load_clipart

__all__ = ["load_clipart"]
