"""What went wrong with the cells of one table, and what follows from it."""

import warnings
from typing import NamedTuple

from mmsk._utils._labels import Labels
from mmsk.exceptions import MediaError, MissingModalityWarning

TREATED_AS_MISSING = r"\d+ of \d+ cells \([\d.]+%\) could not be used"
"""How the warning of a `FailureLog` begins, as a regular expression."""

_ADVICE = 'Pass on_error="missing" to treat it as absent.'
_SHOWN = 5


class Failure(NamedTuple):
    """One cell that was treated as missing because it could not be used.

    Attributes
    ----------
    row : int
        Position of its row, from 0.
    column : str or int
        Name of its column, or position where columns have no names.
    path : str or None
        The file, where the cell names one.
    code : str
        What was wrong, a code of ``mmsk.exceptions.MediaError``.
    """

    row: int
    column: str | int
    path: str | None
    code: str


class FailureLog:
    """Collect the failures of one call, or stop at the first.

    Parameters
    ----------
    on_error : {"raise", "missing"}
    labels : Labels
        What the columns and rows of the table are called.

    Attributes
    ----------
    failures : list of Failure
    n_cells : int
        How many cells held something, to be counted by the caller.
    """

    def __init__(self, on_error: str, labels: Labels) -> None:
        self.failures: list[Failure] = []
        self.n_cells = 0
        self._on_error = on_error
        self._labels = labels
        self._shown: list[str] = []  # without a full stop
        self._first: MediaError | None = None

    def add(self, error: MediaError, row: int, column: int, path: str | None) -> None:
        """Take down a failure; raise it, with its place, if that was asked for."""
        advice = f"{error.advice} {_ADVICE}" if error.advice else _ADVICE
        index = self._labels.index_of(row)
        column = self._labels.columns[column]
        error = error.at(row=row, column=column, advice=advice, index=index)
        error.path = error.path or path
        if self._on_error == "raise":
            raise error
        failure = Failure(row, error.column, error.path, error.code)
        self.failures.append(failure)
        self._first = self._first or error
        if len(self._shown) < _SHOWN:
            error.advice = None
            self._shown.append(str(error).removesuffix("."))

    def close(self, max_error_rate: float = 1.0) -> None:
        """Warn of what was treated as missing, or raise if it is too much."""
        if not self.failures:
            return
        count, share = len(self.failures), len(self.failures) / self.n_cells
        which = "The first" if count > _SHOWN else "They are"
        detail = f"{count} of {self.n_cells} cells ({share:.1%}) could not be used"
        listed = f"{which}: {'; '.join(self._shown)}"
        if share > max_error_rate:
            first = self._first
            raise MediaError(
                first.code,
                f"{detail}, more than max_error_rate={max_error_rate}. {listed}",
                row=first.row,
                column=first.column,
                path=first.path,
                index=first.index,
                advice="Mend or empty these cells, or raise max_error_rate.",
            ) from first
        warnings.warn(
            f"{detail} and are treated as missing. {listed}.",
            MissingModalityWarning,
            stacklevel=2,
        )
