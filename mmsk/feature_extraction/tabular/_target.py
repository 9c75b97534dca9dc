"""Target encoding: what the target is on average where a level stands."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer, TargetEncoder

from mmsk._utils._targets import check_known, kind_of_target, mean_and_scale
from mmsk.feature_extraction.tabular._columns import Column
from mmsk.feature_extraction.tabular._levels import Levels, label

MAX_REPEATS = 10_000_000

_AS_THEY_ARE = ("continuous", "continuous-multioutput", "multilabel-indicator")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A target as columns of numbers.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_outputs)
        One column for two classes or a number, one a class for more.
    suffixes : list of str of shape (n_outputs,)
        What names of features end in.
    classes : bool
        Whether the target holds classes.
    repeats : int ndarray of shape (n_samples,) or None
        How often each row counts, ``None``: once.
    """

    values: NDArray[np.float64]
    suffixes: list[str]
    classes: bool
    repeats: NDArray[np.int64] | None

    @classmethod
    def read(
        cls, y: Any, kind: str, rows: Any, weights: NDArray[np.float64] | None
    ) -> "Target":
        """Read the target of the rows that count.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
        kind : {"auto", "continuous", "binary", "multiclass"}
        rows : slice or int ndarray
            The rows that count.
        weights : ndarray of shape (n_rows,) or None
            Of these rows.

        Raises
        ------
        ValueError
            If there is none, it has gaps, or what it is cannot be told.
        """
        if y is None:
            raise ValueError(
                "Target encoding requires y to be passed, but the target y is None. "
                "Pass y or choose another encoding."
            )
        y = target_array(y)[rows]
        check_known(y)
        if kind == "auto":
            kind = kind_of_target(
                y, "target_type='continuous' or target_type='multiclass'"
            )
        if kind in _AS_THEY_ARE:
            values = y.reshape(len(y), -1).astype(np.float64)
            names = [str(i) for i in range(values.shape[1])]
            binary, classes = len(names) == 1, kind == "multilabel-indicator"
        elif kind in ("binary", "multiclass"):
            binarizer = LabelBinarizer()
            values = binarizer.fit_transform(y).astype(np.float64)
            names, classes = list(map(label, binarizer.classes_)), True
            binary = values.shape[1] == 1
        else:
            raise ValueError(
                "Unknown label type: target encoding cannot use a target of type "
                f"{kind!r}."
            )
        suffixes = ["_target"] if binary else [f"_target_{name}" for name in names]
        repeats = None if weights is None else _repeats(weights)
        return cls(values, suffixes, classes, repeats)

    def counted(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return positions of rows, each as often as it counts."""
        return rows if self.repeats is None else rows.repeat(self.repeats[rows])


class TargetCoder:
    """The mean of the target at each level, drawn towards the mean of all rows.

    Computed by scikit-learn's TargetEncoder. Given as the distance from the mean
    of all rows, for numbers in standard deviations of the target, unless `scale`
    is None.

    Parameters
    ----------
    smooth : "auto" or float
        As TargetEncoder takes it.
    scale : str or None
    """

    categorical = False

    def __init__(self, *, smooth: Any, scale: str | None) -> None:
        self.smooth = smooth
        self.scale = scale

    def fit(self, column: Column, rows, weights, target: Target) -> "TargetCoder":
        self.levels = Levels(column, rows, weights)
        self.categories = self.levels.names
        self.suffixes = target.suffixes
        self.width = len(self.suffixes)
        self.mean, unit = np.zeros(self.width), np.ones(self.width)
        if self.scale is not None:
            self.mean, unit = mean_and_scale(target.values, target.repeats)
        self.unit = np.ones(self.width) if target.classes else unit
        codes = self._codes(column, rows)
        self.table = self._table(codes, target, np.argsort(codes, kind="stable"))
        return self

    def encode(self, column: Column, out: NDArray[np.float32]) -> None:
        codes = self.levels.codes(column)
        if not self.levels.constant:
            out[:] = self.table.take(codes, axis=0)

    def encode_out_of_fold(
        self,
        column: Column,
        rows: Any,
        target: Target,
        splits: Iterable[tuple[NDArray, NDArray]],
    ) -> NDArray[np.float64]:
        """Encode the rows of fit, those of each fold by the means of the others.

        Rows that no fold holds out are encoded by the means of all.

        Parameters
        ----------
        column : Column
        rows : slice or int ndarray
            The rows that count.
        target : Target
            Of these rows.
        splits : iterable of (train, held out)
            Positions among these rows.
        """
        codes = self._codes(column, rows)
        features = self.table.take(codes, axis=0)
        if self.levels.constant:
            return np.zeros_like(features)
        order = np.argsort(codes, kind="stable")
        for train, held_out in splits:
            trained = np.zeros(len(codes), bool)
            trained[train] = True
            table = self._table(codes, target, order[trained[order]])
            features[held_out] = table.take(codes[held_out], axis=0)
        return features

    def feature_names(self, name: str) -> list[str]:
        return [f"{name}{suffix}" for suffix in self.suffixes]

    def _codes(self, column: Column, rows: Any) -> NDArray:
        # narrow integers are sorted and searched far faster
        narrow = np.min_scalar_type(len(self.levels) + 1)
        return self.levels.codes(column)[rows].astype(narrow)

    def _table(self, codes: NDArray, target: Target, rows: NDArray) -> NDArray:
        """Return the features of each code, learned from some rows.

        Parameters
        ----------
        codes : int ndarray of shape (n_samples,)
        target : Target
        rows : int ndarray of shape (n_rows,)
            Positions sorted by code, which TargetEncoder takes half the time for.

        Returns
        -------
        table : ndarray of shape (n_levels + 2, n_outputs)
        """
        n = len(self.levels)
        rows = target.counted(rows)
        # missing is a level where fit saw it; the place before it is unseen
        levels = np.minimum(codes[rows], n)[:, None]
        table = np.empty((n + 2, self.width))
        for output, values in enumerate(target.values.T):
            encoder = TargetEncoder(
                categories=[np.arange(n + self.levels.has_missing)],
                target_type="continuous",
                smooth=self.smooth,
            ).fit(levels, values[rows])
            table[:, output] = encoder.target_mean_
            table[:n, output] = encoder.encodings_[0][:n]
            if self.levels.has_missing:
                table[n + 1, output] = encoder.encodings_[0][n]
        return (table - self.mean) / self.unit


def target_array(y: Any) -> NDArray:
    """Return a target as an array, a matrix of one column as a vector."""
    y = np.asarray(y)
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _repeats(weights: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Return how often rows count: what they weigh, if that can be counted."""
    if (weights == np.round(weights)).all() and weights.sum() <= MAX_REPEATS:
        return weights.astype(np.int64)
    if not (weights == weights[0]).all():
        warnings.warn(
            "Target encoding repeats rows whose weights are whole numbers (at most "
            f"{MAX_REPEATS:,} rows in all). It ignores other weights, because "
            "scikit-learn's TargetEncoder takes none: each row with a weight above 0 "
            "counts once.",
            stacklevel=2,
        )
    return None
