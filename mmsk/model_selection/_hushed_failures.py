"""Cells that cannot be used, said of the whole table instead of each fold."""

import re
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mmsk.exceptions import MissingModalityWarning
from mmsk.feature_extraction._cells._failures import TREATED_AS_MISSING


@contextmanager
def hushed_failures(told: Iterable[str] | None) -> Iterator[None]:
    """Warn no more of cells that are treated as missing.

    Filters of warnings are the whole process's: beside the main thread nothing is
    hushed.

    Parameters
    ----------
    told : iterable of str or None
        The warnings that were heard before. None hushes every one of the kind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    texts = [TREATED_AS_MISSING] if told is None else map(re.escape, told)
    with warnings.catch_warnings():
        for text in texts:
            warnings.filterwarnings("ignore", text, MissingModalityWarning)
        yield
