"""Data sets: one that comes with mmsk, and readers of others."""

from mmsk.datasets._av_digits import load_av_digits
from mmsk.datasets._clipart import load_clipart

__all__ = ["load_av_digits", "load_clipart"]
