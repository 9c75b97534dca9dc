"""What is made of each column."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmsk.feature_extraction.tabular._categories import CategoryCoder
from mmsk.feature_extraction.tabular._dates import DateCoder
from mmsk.feature_extraction.tabular._numbers import BooleanCoder, NumberCoder

ROLES = ("number", "category", "boolean", "date", "drop")


def check_roles(roles: Mapping[Any, str] | None, keys: Sequence[Any]) -> dict:
    """Refuse roles of columns that X has not, and unknown roles.

    Raises
    ------
    ValueError
        If a column or a role is unknown, or no column is left.
    """
    roles = dict(roles or {})
    unknown = [key for key in roles if key not in keys]
    if unknown:
        raise ValueError(f"roles names columns that X has not: {unknown}.")
    for key, role in roles.items():
        if role not in ROLES:
            raise ValueError(
                f"The role of column {key!r} must be one of {list(ROLES)}, "
                f"got {role!r}."
            )
    if all(roles.get(key) == "drop" for key in keys):
        raise ValueError("roles drops every column: there is nothing to extract.")
    return roles


def make_coder(role: str, *, given: bool, impute, scale, min_frequency, max_categories):
    """Return the unfitted coder of a role.

    Parameters
    ----------
    role : {"number", "category", "boolean", "date"}
    given : bool
        Whether the user chose the role: then no column is refused for what it
        looks like.
    """
    if role == "number":
        return NumberCoder(impute=impute, scale=scale)
    if role == "boolean":
        return BooleanCoder()
    if role == "date":
        return DateCoder(impute=impute, scale=scale)
    return CategoryCoder(
        min_frequency=min_frequency, max_categories=max_categories, limited=not given
    )
