"""Choosing columns by what they hold."""

import re
from typing import Any

from mmsk._utils._frames import column, column_kind, column_names

KINDS = ("number", "boolean", "string", "category", "date", "object")


class select:
    r"""Select columns by kind or name, from pandas, polars and arrays alike.

    A drop-in for ``make_column_selector`` in the third place of a branch.

    Parameters
    ----------
    kind : str or list of str, default=None
        Any of ``"number"``, ``"boolean"``, ``"string"``, ``"category"``,
        ``"date"`` and ``"object"`` (anything else). ``None``: every kind.
    pattern : str, default=None
        Regular expression that a name must contain a match of. Needs a frame.
    exclude : str or list of str, default=()
        Names (positions of an array) never to select.

    Raises
    ------
    ValueError
        If a kind is unknown, or a pattern meets an array.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.compose import select
    >>> X = pd.DataFrame({"title": ["a"], "price": [1.5], "stock": [3]})
    >>> select(kind="number")(X)
    ['price', 'stock']
    >>> select(pattern="^t")(X)
    ['title']
    """

    def __init__(
        self,
        kind: str | list[str] | None = None,
        *,
        pattern: str | None = None,
        exclude: str | list[str] | tuple[str, ...] = (),
    ) -> None:
        kinds = [kind] if isinstance(kind, str) else kind
        unknown = [each for each in kinds or () if each not in KINDS]
        if unknown:
            raise ValueError(f"Unknown kinds {unknown}: choose from {list(KINDS)}.")
        self.kind = kind
        self.pattern = pattern
        self.exclude = exclude

    def __call__(self, X: Any) -> list:
        """Return the names (positions of an array) of the chosen columns."""
        names = column_names(X)
        if names is None and self.pattern is not None:
            raise ValueError("select(pattern=...) needs a DataFrame, got an array.")
        keys = list(range(X.shape[1])) if names is None else names
        out = [self.exclude] if isinstance(self.exclude, str) else self.exclude
        keys = [key for key in keys if key not in out]
        if self.pattern is not None:
            keys = [key for key in keys if re.search(self.pattern, str(key))]
        if self.kind is not None:
            kinds = [self.kind] if isinstance(self.kind, str) else self.kind
            keys = [key for key in keys if column_kind(column(X, key)) in kinds]
        return keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, select) and vars(self) == vars(other)

    __hash__ = None

    def __repr__(self) -> str:
        given = {"kind": None, "pattern": None, "exclude": ()}
        shown = [f"{k}={v!r}" for k, v in vars(self).items() if v != given[k]]
        return f"select({', '.join(shown)})"
