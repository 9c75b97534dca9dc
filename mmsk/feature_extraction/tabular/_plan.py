"""What is made of each column."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmsk._utils._frames import column
from mmsk._utils._roles import NO_FEATURES
from mmsk.feature_extraction.tabular._categories import (
    HashCoder,
    OneHotCoder,
    OrdinalCoder,
)
from mmsk.feature_extraction.tabular._columns import Column
from mmsk.feature_extraction.tabular._dates import DateCoder
from mmsk.feature_extraction.tabular._numbers import (
    BooleanCoder,
    IndicatorCoder,
    NumberCoder,
)
from mmsk.feature_extraction.tabular._read_column import read_column
from mmsk.feature_extraction.tabular._roles import (
    check_encoding,
    check_roles,
    decide_role,
)
from mmsk.feature_extraction.tabular._target import TargetCoder


def plan(
    X: Any, keys: Sequence[Any], rows: Any, params: Mapping[str, Any]
) -> tuple[dict[Any, str], dict[Any, Any], dict[Any, Column]]:
    """Decide the roles of the columns and make their coders.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
    keys : sequence of str or int of shape (n_columns,)
    rows : slice or int ndarray
        The rows that count.
    params : dict
        The parameters of TableExtractor.

    Returns
    -------
    roles : dict
        The role of each column.
    coders : dict
        An unfitted coder for each column that is not left out.
    columns : dict
        These columns.
    """
    given = check_roles(params["roles"], keys)
    encodings = check_encoding(params["encoding"], keys)
    left_out = set(NO_FEATURES)
    if params["identifiers"] == "hash":
        left_out.remove("identifier")
    roles, coders, columns = {}, {}, {}
    for key in keys:
        role = given.get(key, "category" if key in encodings else None)
        if role not in left_out:
            cells = read_column(key, column(X, key))
            role = role or decide_role(cells, rows, params["identifiers"])
        roles[key] = role
        if role in left_out:
            continue
        if key in encodings and role != "category":
            raise ValueError(
                f"encoding names column {key!r}, but its role is {role!r}."
            )
        columns[key] = cells
        coders[key] = _make_coder(role, encodings.get(key), params)
    if not coders:
        raise ValueError(
            f"There is nothing to extract: every column is left out, {roles}."
        )
    return roles, coders, columns


def _make_coder(role: str, encoding: str | None, params: Mapping[str, Any]) -> Any:
    """Return the unfitted coder of a role.

    Parameters
    ----------
    role : {"number", "category", "boolean", "date", "identifier"}
    encoding : {"onehot", "target", "ordinal"} or None
        The column's own. ``None``: the one for all, "onehot" where there is none.
    params : dict
        The parameters of TableExtractor.
    """
    if encoding is None:
        general = params["encoding"]
        encoding = general if isinstance(general, str) else "onehot"
    fill = {name: params[name] for name in ("impute", "scale")}
    if role == "identifier":
        return HashCoder(params["n_hashes"])
    if role == "category" and encoding == "ordinal":
        return OrdinalCoder()
    if role == "category" and encoding == "target":
        return TargetCoder(smooth=params["smooth"], scale=params["scale"])
    if role == "category":
        limits = ("min_frequency", "max_categories")
        return OneHotCoder(**{name: params[name] for name in limits})
    if role == "number":
        coder = NumberCoder(
            **fill,
            embedding=params["embedding"],
            size=params["embedding_size"],
            sigma=params["sigma"],
        )
    elif role == "boolean":
        coder = BooleanCoder()
    else:
        coder = DateCoder(**fill)
    return IndicatorCoder(coder) if params["add_indicator"] else coder
