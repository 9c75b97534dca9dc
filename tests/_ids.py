"""Test ids that every worker of pytest-xdist makes alike."""

import re


def stable(value: object) -> str:
    """Return what a parameter looks like, without its place in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(value))
