"""Choosing columns by what they hold."""

import re
from collections.abc import Mapping
from typing import Any

from mmsk._utils._frames import column, column_kind, column_names
from mmsk._utils._roles import NO_FEATURES, ROLES

KINDS = ("number", "boolean", "string", "category", "date", "object")


class select:
    r"""Select columns by kind or name, from pandas, polars and arrays alike.

    A drop-in for ``make_column_selector`` in the third place of a branch.

    Parameters
    ----------
    kind : str or list of str, default=None
        Any of ``"number"``, ``"boolean"``, ``"string"``, ``"category"``,
        ``"date"`` and ``"object"`` (anything else). ``None``: every kind. A kind
        is how cells are stored, a role what they mean: a string may be a text or
        a category, and ``"category"`` is the frame's own categorical type.
    pattern : str, default=None
        Regular expression that a name must contain a match of. Needs a frame.
    exclude : str or list of str, default=()
        Names (positions of an array) never to select; X must have them.
    role : str or list of str, default=None
        Select by the ``roles`` of the ModalityTransformer that it stands in, any
        of ``mmsk.compose.ROLES``. A branch that finds no column of its role is
        left out.

    Raises
    ------
    ValueError
        If a kind or role is unknown, a pattern meets an array, X lacks a column of
        `exclude`, or `role` is used where there are no roles.

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
        role: str | list[str] | None = None,
    ) -> None:
        for word, chosen, known in (("kind", kind, KINDS), ("role", role, ROLES)):
            unknown = [each for each in _listed(chosen) if each not in known]
            if unknown:
                raise ValueError(
                    f"Unknown {word}s {unknown}: choose from {list(known)}."
                )
        self.kind = kind
        self.pattern = pattern
        self.exclude = exclude
        self.role = role

    def __call__(self, X: Any, roles: Mapping[str, str] | None = None) -> list:
        """Return the names (positions of an array) of the chosen columns."""
        names = column_names(X)
        if names is None and self.pattern is not None:
            raise ValueError("select(pattern=...) needs a DataFrame, got an array.")
        keys = list(range(X.shape[1])) if names is None else names
        unknown = [key for key in _listed(self.exclude) if key not in keys]
        if unknown:
            raise ValueError(f"{self!r} excludes columns that X has not: {unknown}.")
        keys = [key for key in keys if key not in _listed(self.exclude)]
        if self.role is not None:
            if roles is None:
                raise ValueError(
                    f"{self!r} selects by role, but there are no roles. Pass roles= "
                    "to the ModalityTransformer."
                )
            keys = [key for key in keys if roles.get(key) in _listed(self.role)]
        if self.pattern is not None:
            keys = [key for key in keys if re.search(self.pattern, str(key))]
        if self.kind is not None:
            kinds = _listed(self.kind)
            keys = [key for key in keys if column_kind(column(X, key)) in kinds]
        return keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, select) and vars(self) == vars(other)

    __hash__ = None

    def __repr__(self) -> str:
        given = {"kind": None, "pattern": None, "exclude": (), "role": None}
        shown = [f"{k}={v!r}" for k, v in vars(self).items() if v != given[k]]
        return f"select({', '.join(shown)})"


def check_roles(roles: Mapping[str, str], names: list[str] | None) -> None:
    """Refuse roles that are unknown, or of columns that are not there.

    Parameters
    ----------
    roles : dict of str to str
    names : list of str or None
        The columns of the table, ``None`` for an array.

    Raises
    ------
    ValueError
        If a column or role is unknown. Columns that are no features may lack.
    """
    for name, role in roles.items():
        if role not in ROLES:
            raise ValueError(
                f"The role of column {name!r} must be one of {list(ROLES)}, got "
                f"{role!r}."
            )
    features = [name for name, role in roles.items() if role not in NO_FEATURES]
    unknown = [name for name in features if name not in (names or ())]
    if unknown:
        raise ValueError(f"roles names columns that X has not: {unknown}.")


def _listed(words: Any) -> Any:
    if words is None:
        return ()
    return [words] if isinstance(words, str) else words
