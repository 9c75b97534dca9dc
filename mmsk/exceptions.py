"""Errors and warnings that mmsk raises, each with what a program needs to react."""

from typing import Any

__all__ = [
    "GroupsWarning",
    "LeakageWarning",
    "MediaError",
    "MissingModalityWarning",
    "PerfectFitWarning",
    "SingleBlockWarning",
    "StoreWarning",
]

MEDIA_CODES = frozenset(
    {
        "NOT_FOUND",
        "PERMISSION",
        "NOT_A_FILE",
        "BAD_PATH",
        "BAD_TYPE",
        "URL",
        "OUTSIDE_ROOT",
        "EMPTY_FILE",
        "FILE_TOO_LARGE",
        "UNKNOWN_FORMAT",
        "FORMAT_NOT_ALLOWED",
        "TRUNCATED",
        "CORRUPT",
        "TOO_MANY_PIXELS",
        "TOO_LONG",
        "BAD_RATE",
        "BAD_CHANNELS",
        "ZERO_LENGTH",
        "NOT_FINITE",
        "OUT_OF_MEMORY",
        "BAD_ENCODING",
    }
)


class MediaError(ValueError):
    """A cell that holds no usable picture, clip or text.

    Parameters
    ----------
    code : str
        What kind of failure, one of ``MEDIA_CODES``, for example
        ``"TRUNCATED"``.
    reason : str
        What is wrong and what was got, in words, without a closing stop.
    row : int, default=None
        Position of the cell's row in X, from 0.
    column : str or int, default=None
        Name (or position) of the cell's column.
    path : str, default=None
        The file, where the cell names one.
    advice : str, default=None
        What to do, a whole sentence.
    index : object, default=None
        Label of the row in the index of a pandas table, which a fold of the table
        keeps; ``None`` if it equals the position, or there is no index.

    Examples
    --------
    >>> from mmsk.exceptions import MediaError
    >>> error = MediaError("TRUNCATED", "truncated JPEG", path="img/17.jpg")
    >>> print(error.at(row=17, column="photo"))
    Column 'photo', row 17 ('img/17.jpg'): truncated JPEG [TRUNCATED].
    >>> print(error.at(row=3, column="photo", index=17))
    Column 'photo', row 3, index 17 ('img/17.jpg'): truncated JPEG [TRUNCATED].
    """

    def __init__(
        self,
        code: str,
        reason: str,
        *,
        row: int | None = None,
        column: str | int | None = None,
        path: str | None = None,
        advice: str | None = None,
        index: Any = None,
    ) -> None:
        if code not in MEDIA_CODES:
            raise ValueError(f"Unknown media error code {code!r}.")
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.row = row
        self.column = column
        self.path = path
        self.advice = advice
        self.index = index

    def __str__(self) -> str:
        place = []
        if self.column is not None:
            place.append(f"Column {self.column!r}")
        if self.row is not None:
            place.append(f"row {self.row}" if place else f"Row {self.row}")
        if self.index is not None:
            place.append(f"index {self.index!r}" if place else f"Index {self.index!r}")
        where = ", ".join(place)
        if self.path is not None:
            where = f"{where} ({self.path!r})" if where else repr(self.path)
        where = f"{where}: " if where else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"{where}{self.reason} [{self.code}].{advice}"

    def __reduce__(self):
        # exceptions pickle by their positional arguments; workers send ours home
        fields = (self.row, self.column, self.path, self.advice, self.index)
        return _rebuild_media_error, (self.code, self.reason, *fields)

    def at(
        self,
        *,
        row: int,
        column: str | int | None,
        advice: str | None = None,
        index: Any = None,
    ) -> "MediaError":
        """Return the same error with the place of its cell."""
        error = MediaError(
            self.code,
            self.reason,
            row=row,
            column=column,
            path=self.path,
            advice=advice or self.advice,
            index=index,
        )
        error.__cause__ = self.__cause__
        return error


def _rebuild_media_error(code, reason, row, column, path, advice, index=None):
    return MediaError(
        code, reason, row=row, column=column, path=path, advice=advice, index=index
    )


class SingleBlockWarning(UserWarning):
    """A fusion estimator was given one block: there is nothing to fuse."""


class MissingModalityWarning(UserWarning):
    """Cells were treated as missing, or a row or a whole column has nothing at all."""


class PerfectFitWarning(UserWarning):
    """Boosting ended early: a modality made no error on the training samples."""


class GroupsWarning(UserWarning):
    """Inner folds are made by an estimator that groups cannot reach."""


class LeakageWarning(UserWarning):
    """Inner folds or held-out rows have features that know the target of others."""


class StoreWarning(UserWarning):
    """The feature store cannot be used as asked; results are right but slower."""
