"""Categories without a target: one-hot columns, codes, hashes."""

from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import FeatureHasher

from mmsk.feature_extraction.tabular._columns import Column
from mmsk.feature_extraction.tabular._levels import Levels, label


class OneHotCoder:
    """A column for each frequent level, one for the rare, one for the missing.

    Parameters
    ----------
    min_frequency : int or float, default=None
        Levels below this weight (int) or share of the weight (float) are rare.
    max_categories : int, default=None
        Most columns for levels, the one for the rare among them.
    """

    categorical = False

    def __init__(self, *, min_frequency=None, max_categories=None):
        self.min_frequency = min_frequency
        self.max_categories = max_categories

    def fit(self, column: Column, rows, weights) -> "OneHotCoder":
        self.levels = Levels(column, rows, weights)
        frequent = self._frequent()
        self.has_rare = not frequent.all()
        n_frequent = int(frequent.sum())
        rare = n_frequent if self.has_rare else -1
        missing = n_frequent + self.has_rare if self.levels.has_missing else -1
        places = np.where(frequent, np.cumsum(frequent) - 1, rare)
        self.columns = np.array([*places, rare, missing])
        self.categories = [
            level
            for level, kept in zip(self.levels.names, frequent, strict=True)
            if kept
        ]
        self.width = n_frequent + self.has_rare + self.levels.has_missing
        return self

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        places = self.columns[self.levels.codes(column)]
        if self.width == 1:  # constant in fit
            return
        rows = np.flatnonzero(places >= 0)
        out[rows, places[rows]] = 1

    def feature_names(self, name: str) -> list[str]:
        labels = list(map(label, self.categories))
        if self.has_rare:
            labels.append("infrequent")
        if self.levels.has_missing:
            labels.append("missing")
        return [f"{name}_{label}" for label in labels]

    def _frequent(self) -> NDArray[np.bool_]:
        counts = self.levels.counts
        threshold = self.min_frequency or 0
        if not isinstance(threshold, Integral):
            threshold *= self.levels.total
        # a sum of weights may miss the threshold by its rounding
        frequent = counts >= threshold * (1 - 1e-12)
        most = np.inf if self.max_categories is None else self.max_categories
        # as OneHotEncoder: a column for rare levels is counted even where there are
        # none, and the first levels win ties
        if frequent.sum() + 1 > most:
            order = np.argsort(-counts, kind="stable")
            frequent[order[most - 1 :]] = False
        return frequent


class OrdinalCoder:
    """One column of codes: the place of the level among all, sorted.

    Missing is the last code where fit saw it. What fit did not see is -1.
    """

    categorical = True
    width = 1

    def fit(self, column: Column, rows, weights) -> "OrdinalCoder":
        self.levels = Levels(column, rows, weights)
        self.categories = self.levels.names
        return self

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        codes = self.levels.codes(column)
        if self.levels.constant:
            return
        n = len(self.levels)
        table = np.array([*range(n), -1, n if self.levels.has_missing else -1])
        out[:, 0] = table[codes]

    def feature_names(self, name: str) -> list[str]:
        return [name]


class HashCoder:
    """One of `size` columns is 1 or -1: the hash of the cell says which.

    Parameters
    ----------
    size : int
    """

    categorical = False

    def __init__(self, size: int) -> None:
        self.width = size

    def fit(self, column: Column, rows, weights) -> "HashCoder":
        self.constant = Levels(column, rows, weights).constant
        return self

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        if self.constant:
            return
        levels, codes = column.coded
        hasher = FeatureHasher(self.width, input_type="string", dtype=np.float32)
        hashes = hasher.transform([[label(level)] for level in levels] + [[]])
        hashes = hashes.tocoo()
        place = np.full(len(levels) + 1, -1)
        sign = np.zeros(len(levels) + 1, np.float32)
        place[hashes.row], sign[hashes.row] = hashes.col, hashes.data
        known = np.flatnonzero(~column.missing)
        out[known, place[codes[known]]] = sign[codes[known]]

    def feature_names(self, name: str) -> list[str]:
        return [f"{name}_hash{i}" for i in range(self.width)]
