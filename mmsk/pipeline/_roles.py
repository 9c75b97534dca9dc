"""Deciding what each column of a table is."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from reprlib import repr as shorten
from typing import Any

import numpy as np

from mmsk._utils._frames import column_kind, column_names
from mmsk._utils._missing import is_missing
from mmsk.compose._select import check_roles
from mmsk.pipeline._amounts import decimal_mark, is_amount
from mmsk.pipeline._cells import cell_role

DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
KEY_NAME = re.compile(
    r"(^|.*[^a-z])(id|key|code|index|uuid|sku|zip|zip_?code|post_?code)",
    re.IGNORECASE,
)
FILES_CHECKED = 20


def infer_roles(
    X: Any,
    *,
    roles: Mapping[str, str] | None = None,
    root: Any = None,
) -> dict[str, str]:
    """Decide the role of each column of a table, or say what cannot be told.

    ========== ==================================================================
    number     numbers, unless they are whole and the column's name ends in id, key,
               code, index, uuid, sku, zip, zipcode or postcode: those are a category,
               or an identifier where all differ
    boolean    true or false
    date       dates, or strings like 2024-01-31
    image      paths with a picture's suffix, most of which lead to files, or pictures
               in memory: bytes, arrays, ``PIL.Image``
    audio      the same for clips
    text       strings of four words and more on average; strings that mostly
               differ, of more than one word
    category   other strings with at most 20 values, or at most a quarter as many
               values as rows; frames' own categorical columns
    identifier strings of one word that all differ, and whole numbers named like one
               (above); they are left out
    ========== ==================================================================

    Anything else is refused: it is for the user to say. So are strings of which nine in
    ten would be numbers without a currency or percent sign, separators of thousands or
    a decimal comma, as ``"$12.50"`` and ``"1.234,5"``.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_columns)
        pandas or polars.
    roles : dict of str to str, default=None
        Roles by column that are taken as they are; ``"drop"`` leaves a column out.
    root : str or os.PathLike, default=None
        Folder that relative paths start from.

    Returns
    -------
    roles : dict of str to str
        A role for every column of X.

    Raises
    ------
    ValueError
        If a role or a column in `roles` is unknown, or roles cannot be told; the
        message names every such column and why.
    TypeError
        If X is not a DataFrame.

    Examples
    --------
    >>> import pandas as pd
    >>> from mmsk.pipeline import infer_roles
    >>> X = pd.DataFrame({
    ...     "title": ["a red car in the rain", "an old cat on a mat"],
    ...     "price": [3.5, 4.0],
    ...     "shop": ["a", "b"],
    ... })
    >>> infer_roles(X)
    {'title': 'text', 'price': 'number', 'shop': 'category'}
    """
    names = column_names(X)
    if names is None:
        raise TypeError(
            f"Roles are read from a DataFrame, got {type(X).__name__}. Give the "
            "columns names: pandas.DataFrame(X, columns=[...])."
        )
    given = dict(roles or {})
    check_roles(given, names)
    decided, doubts = {}, []
    for name in names:
        if name in given:
            decided[name] = given[name]
            continue
        try:
            decided[name] = _role(name, X[name], root)
        except _Doubt as doubt:
            doubts.append(f"{name!r}: {doubt}")
    if doubts:
        listed = "\n  ".join(doubts)
        raise ValueError(
            f"What these columns are cannot be told:\n  {listed}\nSay it with "
            'roles={"column": role}; "drop" leaves a column out, "groups" is for one '
            "that says which rows belong together."
        )
    return decided


class _Doubt(Exception):
    """Why a role cannot be told."""


def _role(name: Any, values: Any, root: Any) -> str:
    kind = column_kind(values)
    if kind in ("boolean", "category", "date"):
        return kind
    rows = [row for row, cell in enumerate(values) if not is_missing(cell)]
    cells = [cell for cell in values if not is_missing(cell)]
    if not cells:
        raise _Doubt("it has no value in any row")
    if kind == "number":
        return _number_role(name, cells)
    if kind == "string":
        return _string_role(name, cells, rows, root)
    return _memory_role(cells)


def _number_role(name: Any, cells: list) -> str:
    if not all(float(cell).is_integer() for cell in cells):
        return "number"
    all_differ = len(set(cells)) == len(cells)
    if isinstance(name, str) and KEY_NAME.fullmatch(name):
        return "identifier" if all_differ else "category"
    if all_differ and len(cells) > 100:
        raise _Doubt(
            "whole numbers that all differ, a number or an identifier of the row"
        )
    return "number"


def _string_role(name: Any, cells: list[str], rows: list[int], root: Any) -> str:
    role = _of_files(name, cells, rows, root)
    if role is not None:
        return role
    if _share(DATE.fullmatch, cells) == 1:
        return "date"
    _doubt_amounts(name, cells, rows)
    levels = len(set(cells))
    share = levels / len(cells)
    n_words = np.mean([len(cell.split()) for cell in cells])
    if _share(NUMBER.fullmatch, cells) == 1 and levels > 20 and share > 0.25:
        raise _Doubt("numbers written as strings, most of them different")
    if n_words >= 4:
        return "text"
    if levels <= 20 or share <= 0.25:
        return "category"
    if n_words > 1.5 and share > 0.5:
        return "text"
    if n_words == 1 and share == 1:
        return "identifier"
    raise _Doubt(
        f"{levels} different strings in {len(cells)} rows, {n_words:.1f} words long on "
        "average: text, category or identifier"
    )


def _doubt_amounts(name: Any, cells: list[str], rows: list[int]) -> None:
    """Refuse numbers that are written with signs or separators."""
    amounts = [at for at, cell in enumerate(cells) if is_amount(cell)]
    plain = sum(1 for cell in cells if NUMBER.fullmatch(cell))
    if not amounts or len(amounts) + plain < 0.9 * len(cells):
        return
    mark = decimal_mark(cells)
    digits = f"X[{name!r}].str.replace(r'[^\\d{mark}-]', '', regex=True)"
    if mark == ",":
        digits += ".str.replace(',', '.')"
    raise _Doubt(
        f"{len(amounts) + plain} of {len(cells)} strings are numbers but for signs and "
        f"separators, the first {shorten(cells[amounts[0]])} in row "
        f"{rows[amounts[0]]}: make numbers of them, in pandas, where {mark!r} is the "
        f"decimal mark, by pandas.to_numeric({digits}, errors='coerce')"
    )


def _of_files(name: Any, cells: list[str], rows: list[int], root: Any) -> str | None:
    """Return the role of a column of paths, ``None`` if it holds none."""
    roles = [cell_role(cell) for cell in cells]
    if roles.count(None) > len(cells) * 0.9:  # few that end so by chance
        return None
    (role, count), *_ = Counter(filter(None, roles)).most_common(1)
    if count < len(cells):
        odd = next(at for at, other in enumerate(roles) if other != role)
        where = f"{shorten(cells[odd])} in row {rows[odd]}"
        raise _Doubt(_of_two_kinds(name, role, count, len(cells), where))
    if role == "url":
        raise _Doubt("addresses on the web: download the files first")
    folder = Path(root) if root is not None else Path()
    step = max(len(cells) // FILES_CHECKED, 1)
    checked = cells[::step]
    lost = [cell for cell in checked if not (folder / cell).is_file()]
    # a few that lead nowhere are for the extractor to name, row by row
    if 2 * len(lost) > len(checked):
        raise _Doubt(
            f"it looks like paths of {role} files, but {len(lost)} of the "
            f"{len(checked)} looked for, as {lost[0]!r}, are no files "
            f"{'here' if root is None else f'under {str(root)!r}'}: set root="
        )
    return role


def _of_two_kinds(name: Any, role: str, count: int, n_cells: int, where: str) -> str:
    are = "are addresses on the web"
    if role != "url":
        are = f"end like the names of {role} files"
    doubt = f"{count} of {n_cells} strings {are}, others do not, the first {where}"
    if 2 * count <= n_cells:
        return doubt
    doubt += ": set these to None"
    return doubt if role == "url" else f"{doubt}, or say roles={{{name!r}: {role!r}}}"


def _memory_role(cells: list) -> str:
    roles = {cell_role(cell) for cell in cells}
    if len(roles) == 1 and roles <= {"image", "audio"}:
        return roles.pop()
    kinds = sorted({type(cell).__name__ for cell in cells})
    raise _Doubt(f"its cells are {', '.join(kinds)}")


def _share(test: Callable[[str], Any], cells: list[str]) -> float:
    return sum(1 for cell in cells if test(cell)) / len(cells)
