"""What the columns and rows of a table are called."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from mmsk._utils._frames import is_frame, is_series


class Labels(NamedTuple):
    """The names of the columns of a table, and the index that its rows may have.

    Attributes
    ----------
    columns : sequence of str or int
        Names, or positions where there are none.
    rows : sequence or None
        The index of a pandas table, None for any other.
    """

    columns: Sequence[str | int]
    rows: Sequence | None = None

    @classmethod
    def of(cls, X: Any, columns: Sequence[str | int]) -> "Labels":
        """Return those of a table or a column whose columns are known."""
        has_index = is_frame(X) or is_series(X)
        return cls(columns, getattr(X, "index", None) if has_index else None)

    def index_of(self, row: int) -> Any:
        """Return the label of a row, None where it is no other than its position."""
        label = None if self.rows is None else self.rows[row]
        if isinstance(label, tuple):  # of several levels
            return tuple([_plain(part) for part in label])
        label = _plain(label)
        # no other is compared: NA is neither equal nor not, True is 1
        is_number = isinstance(label, Real) and not isinstance(label, bool)
        return None if is_number and label == row else label


def _plain(label: Any) -> Any:
    """Return a number of NumPy as one of Python, which is shown as such."""
    return label.item() if isinstance(label, np.number | np.bool_) else label
