"""What `check_leakage` has found."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction._cells import Failure

_PLACES = {
    "folds": "on both sides of a split",
    "groups": "in different groups",
    "rows": "with another row",
}
_NOUNS = {
    "image": "different pictures",
    "audio": "different clips",
    "text": "different texts",
}
_SHOWN_LEAKS = 10
_SHOWN_ROWS = 6
_SHOWN_FAILURES = 3


class Leak(NamedTuple):
    """One content that stands on both sides, or two that show the same.

    Attributes
    ----------
    modality : {"image", "audio", "text"}
    kind : {"identical", "equal", "similar"}
        "identical": the same bytes, array or text in all rows. "equal": the same
        pixels or samples once decoded, the same text but for case and spaces.
        "similar": near-duplicate pictures.
    rows : tuple of int
        Positions of all rows that have it, rising.
    columns : tuple of str or int
        Where it stands.
    folds : tuple of int
        Which splits, counted from 0, train on some of the rows and test on others;
        empty if there was no cv.
    distance : int
        How many of 256 bits differ, where it is similar, else 0.
    """

    modality: str
    kind: str
    rows: tuple[int, ...]
    columns: tuple[str | int, ...]
    folds: tuple[int, ...]
    distance: int

    def __str__(self) -> str:
        rows = ", ".join(map(str, self.rows[:_SHOWN_ROWS]))
        if len(self.rows) > _SHOWN_ROWS:
            rows += f" and {len(self.rows) - _SHOWN_ROWS} more"
        columns = " and ".join(map(repr, self.columns))
        text = f"{self.kind} {self.modality} in {columns}, rows {rows}"
        if self.folds:
            folds = ", ".join(map(str, self.folds))
            text += f", fold{'s' if len(self.folds) > 1 else ''} {folds}"
        if self.kind == "similar":
            text += f", {self.distance} of 256 bits differ"
        return text


@dataclass(frozen=True, eq=False, repr=False)
class LeakageReport:
    """What `check_leakage` has found; ``pandas.DataFrame(report.leaks)`` is a table.

    Attributes
    ----------
    leaks : tuple of Leak
        By modality; the identical and equal ones first, then by distance.
    groups : int ndarray of shape (n_samples,)
        Rows that share a content, or a group that was given, have one number,
        whether the split parts them or not: folds that keep these groups together
        have none of these leaks.
    n_contents : dict of str to int
        How many different pictures, clips and texts were compared.
    failures : tuple of Failure
        Row, column, path and code of the cells that could not be compared.
    sides : {"folds", "groups", "rows"}
        What must not share a content.
    """

    leaks: tuple[Leak, ...]
    groups: NDArray[np.intp]
    n_contents: dict[str, int]
    failures: tuple[Failure, ...]
    sides: str

    @property
    def rows(self) -> tuple[int, ...]:
        """Positions of all rows that have a leak, rising."""
        return tuple(sorted({row for leak in self.leaks for row in leak.rows}))

    def __str__(self) -> str:
        n_leaks, place = len(self.leaks), _PLACES[self.sides]
        if n_leaks:
            lines = [
                f"{n_leaks} leak{'s' * (n_leaks > 1)}: {len(self.rows)} of "
                f"{len(self.groups)} rows share a content {place}"
            ]
        elif self.failures:
            lines = [f"No leak found {place}, but not all cells could be compared"]
        else:
            lines = [f"No leak: no rows share a content {place}"]
        lines += map(str, self.leaks[:_SHOWN_LEAKS])
        if n_leaks > _SHOWN_LEAKS:
            lines.append(f"and {n_leaks - _SHOWN_LEAKS} more in .leaks")
        counts = (f"{count} {_NOUNS[name]}" for name, count in self.n_contents.items())
        lines.append(f"Compared: {', '.join(counts)}")
        if self.failures:
            failures = [
                f"column {failure.column!r}, row {failure.row}"
                f"{'' if failure.path is None else f' ({failure.path!r})'}: "
                f"{failure.code}"
                for failure in self.failures[:_SHOWN_FAILURES]
            ]
            more = len(self.failures) - len(failures)
            failures += [f"and {more} more"] if more else []
            lines.append(f"Not compared: {'; '.join(failures)}")
        return "\n".join(lines)

    __repr__ = __str__
