"""Categories: one-hot columns, rare levels grouped."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import (
    BOOLEAN,
    DATE,
    NUMBER,
    STRING,
    Column,
)
from mmsk.feature_extraction.tabular._dates import dates_of

MAX_LEVELS, MAX_SHARE = 100, 0.5
"""More levels than both, this many and this share of the rows: no category."""

# True == 1 == 1.0 in a dictionary of levels
_FAMILIES = {NUMBER: "numbers", BOOLEAN: "numbers", STRING: "strings", DATE: "dates"}


class CategoryCoder:
    """A column for each frequent level, one for the rare, one for the missing.

    Parameters
    ----------
    min_frequency : int or float, default=None
        Levels below this weight (int) or share of the weight (float) are rare.
    max_categories : int, default=None
        Most columns for levels, the one for the rare among them.
    limited : bool, default=True
        Whether a column of almost only distinct strings is refused.
    """

    def __init__(self, *, min_frequency=None, max_categories=None, limited=True):
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.limited = limited

    def fit(self, column: Column, rows, weights) -> "CategoryCoder":
        self.family = _family(column)
        missing = column.missing[rows]
        cells = _cells(column, rows)
        index: dict[Any, int] = {}
        codes = [index.setdefault(cell, len(index)) for cell in cells]
        if self.limited and not column.declared and self.family == "strings":
            _refuse_identifiers(column.key, index, len(cells))
        counts = np.bincount(
            np.asarray(codes, np.intp), weights[~missing], minlength=len(index)
        )
        levels = sorted(index)
        counts = counts[[index[level] for level in levels]]
        frequent = self._frequent(counts, weights.sum())
        self.levels = [
            level for level, keep in zip(levels, frequent, strict=True) if keep
        ]
        self.has_rare = not frequent.all()
        self.has_missing = bool(missing.any())
        self.lookup = {level: place for place, level in enumerate(self.levels)}
        if self.has_rare:
            rare = len(self.levels)
            self.lookup |= {
                level: rare
                for level, keep in zip(levels, frequent, strict=True)
                if not keep
            }
        return self

    @property
    def width(self) -> int:
        return len(self.levels) + self.has_rare + self.has_missing

    def encode(self, column: Column) -> NDArray[np.float32]:
        family = _family(column)
        if None not in (family, self.family) and family != self.family:
            raise ValueError(
                f"Column {column.key!r} holds {family}, but its levels were "
                f"{self.family} in fit: convert it to what it was."
            )
        features = np.zeros((len(column.values), self.width), np.float32)
        if self.width == 1:  # constant in fit
            return features
        missing = column.missing
        known = np.flatnonzero(~missing)
        unseen = len(self.levels) if self.has_rare else -1
        places = np.fromiter(
            (self.lookup.get(cell, unseen) for cell in _cells(column, slice(None))),
            np.intp,
            len(known),
        )
        features[known[places >= 0], places[places >= 0]] = 1
        if self.has_missing:
            features[missing, -1] = 1
        return features

    def feature_names(self, name: str) -> list[str]:
        labels = [_label(level) for level in self.levels]
        if self.has_rare:
            labels.append("infrequent")
        if self.has_missing:
            labels.append("missing")
        return [f"{name}_{label}" for label in labels]

    def _frequent(self, counts: NDArray, total: float) -> NDArray[np.bool_]:
        threshold = self.min_frequency or 0
        if not isinstance(threshold, Integral):
            threshold *= total
        # a sum of weights may miss the threshold by its rounding
        frequent = counts >= threshold * (1 - 1e-12)
        most = np.inf if self.max_categories is None else self.max_categories
        # as OneHotEncoder: a column for rare levels is counted even where there are
        # none, and the first levels win ties
        if frequent.sum() + 1 > most:
            order = np.argsort(-counts, kind="stable")
            frequent[order[most - 1 :]] = False
        return frequent


def _cells(column: Column, rows) -> list:
    """Return the known cells of some rows as hashable Python objects."""
    values = dates_of(column) if DATE in column.kinds() else column.values
    return values[rows][~column.missing[rows]].tolist()


def _family(column: Column) -> str | None:
    """Tell what the levels are.

    Raises
    ------
    ValueError
        If they are of several types.
    """
    families = {_FAMILIES[kind] for kind in column.kinds()}
    if len(families) > 1:
        raise column.mixed()
    return next(iter(families), None)


def _refuse_identifiers(key, index: dict, n_known: int) -> None:
    if len(index) <= max(MAX_LEVELS, MAX_SHARE * n_known):
        return
    examples = ", ".join(repr(level[:30]) for level in list(index)[:3])
    raise ValueError(
        f"Column {key!r} has {len(index)} different strings in {n_known} rows "
        f"({examples}, ...): an identifier or a text, not a category. Give a text to "
        f"a text extractor, leave the column out with roles={{{key!r}: 'drop'}}, or "
        f"insist with roles={{{key!r}: 'category'}}."
    )


def _label(level: Any) -> str:
    if isinstance(level, float | np.floating) and float(level).is_integer():
        level = int(level)
    return str(level)
