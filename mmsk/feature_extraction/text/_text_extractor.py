"""Base of the extractors that read texts."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._labels import Labels
from mmsk._utils._missing import is_missing
from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import CellExtractor, FailureLog
from mmsk.feature_extraction._cells._read_text import read_text, without_surrogates


class TextExtractor(CellExtractor):
    """Turn columns of texts into features.

    A cell is a str or UTF-8 bytes. Lone surrogates become U+FFFD and are counted in
    ``n_replaced_``.
    """

    def _read_cell(self, cell: Any) -> str:
        return read_text(cell)

    def _texts(
        self, cells: NDArray[np.object_], labels: Labels, *, max_error_rate: float
    ) -> list[list[str | None]]:
        """Return the texts of each column, None where there is none.

        What went wrong is told as `on_error` says.

        Parameters
        ----------
        cells : object ndarray of shape (n_samples, n_columns)
        labels : Labels
            What its columns and rows are called.
        max_error_rate : float
            The share of unusable cells above which an error is raised.
        """
        log = FailureLog(self.on_error, labels)
        texts: list[list] = cells.T.tolist()
        # most cells are what they should be; a class may read all in its own way
        usual = type(self)._read_cell is TextExtractor._read_cell
        others = [
            (row, column)
            for column, values in enumerate(texts)
            for row, cell in enumerate(values)
            if not (usual and type(cell) is str and cell.isascii())
        ]
        log.n_cells = cells.size - len(others)
        n_replaced = 0
        for row, column in sorted(others):
            cell = texts[column][row]
            texts[column][row] = None
            if is_missing(cell):
                continue
            log.n_cells += 1
            try:
                text, count = without_surrogates(self._read_cell(cell))
            except MediaError as error:
                log.add(error.with_traceback(None), row, column, None)
                continue
            texts[column][row] = text
            n_replaced += count
        self.failures_, self.n_replaced_ = log.failures, n_replaced
        log.close(max_error_rate)
        return texts


class PresentTexts(NamedTuple):
    """The texts of a column that are there.

    Attributes
    ----------
    texts : list of str
    present : bool ndarray of shape (n_samples,)
        The rows in which they stand.
    """

    texts: list[str]
    present: NDArray[np.bool_]


def present_texts(column: list[str | None]) -> PresentTexts:
    """Leave the missing texts of a column out."""
    present = np.array([text is not None for text in column], dtype=bool)
    if present.all():
        return PresentTexts(column, present)
    return PresentTexts([text for text in column if text is not None], present)
