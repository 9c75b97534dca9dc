"""What each column is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsk._utils._roles import NO_FEATURES, TABLE_ROLES
from mmsk.feature_extraction.tabular._columns import STRING, Column

MAX_LEVELS, MAX_SHARE = 100, 0.5
"""More levels than both, this many and this share of the rows: an identifier."""

ENCODINGS = ("onehot", "target", "ordinal")


def check_roles(roles: Mapping[Any, str] | None, keys: Sequence[Any]) -> dict:
    """Refuse roles of columns that X has not, and roles of other extractors.

    Raises
    ------
    ValueError
        If a column or a role is unknown. Columns that are no features may lack.
    """
    roles = dict(roles or {})
    known = (*TABLE_ROLES, *NO_FEATURES)
    for key, role in roles.items():
        if role not in known:
            raise ValueError(
                f"The role of column {key!r} must be one of {list(known)}, "
                f"got {role!r}."
            )
    unknown = [
        key
        for key, role in roles.items()
        if key not in keys and role not in NO_FEATURES
    ]
    if unknown:
        raise ValueError(f"roles names columns that X has not: {unknown}.")
    return roles


def check_encoding(
    encoding: str | Mapping[Any, str], keys: Sequence[Any]
) -> dict[Any, str]:
    """Return the encodings that are given by column.

    Raises
    ------
    ValueError
        If a column or an encoding is unknown.
    """
    if isinstance(encoding, str):
        return {}
    for key, word in encoding.items():
        if word not in ENCODINGS:
            raise ValueError(
                f"The encoding of column {key!r} must be one of {list(ENCODINGS)}, "
                f"got {word!r}."
            )
    unknown = [key for key in encoding if key not in keys]
    if unknown:
        raise ValueError(f"encoding names columns that X has not: {unknown}.")
    return dict(encoding)


def decide_role(column: Column, rows: Any, identifiers: str) -> str:
    """Return the role of a column whose role the user has not given.

    Raises
    ------
    ValueError
        If the cells are of different kinds, or the column looks like an
        identifier and these are refused.
    """
    role = column.role()
    if role != "category" or column.declared or STRING not in column.kinds:
        return role
    levels, codes = column.coded
    counts = np.bincount(codes[rows] + 1)[1:]  # the first are missing cells
    n_levels, n_known = np.count_nonzero(counts), counts.sum()
    if n_levels <= max(MAX_LEVELS, MAX_SHARE * n_known):
        return role
    if identifiers != "refuse":
        return "identifier"
    examples = ", ".join(repr(level[:30]) for level in levels[:3])
    key = column.key
    raise ValueError(
        f"Column {key!r} has {n_levels} different strings in {n_known} rows "
        f"({examples}, ...): an identifier or a text, not a category. Give a text to "
        f"a text extractor, leave the column out with roles={{{key!r}: 'drop'}}, "
        f"insist with roles={{{key!r}: 'category'}}, or choose what becomes of all "
        "such columns with identifiers='hash' or 'drop'. A role that is given is not "
        "decided again in the folds of a cross-validation."
    )
