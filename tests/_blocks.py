"""Small blocks, tables and stand-ins that several rooms' tests share."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.base import TransformerMixin as Transformer
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted, validate_data

from mmsk.compose import Block, Blocks, ModalityTransformer
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor

BLOCKS = Blocks([Block("a", 0, 2, indicator=2), Block("b", 3, 4)])
"""Two vector blocks, the first with a presence column; four columns."""

RAW = Blocks([Block("a", 0, 4, 4, "image", (2, 2)), Block("b", 5, 6)])
"""A raw block of pictures and a vector block; six columns."""


def two_blocks(n=60, *, seed=0, absent=0.0, dtype=np.float64):
    """Return X for BLOCKS and y, which takes both blocks to predict."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = (X[:, 0] + X[:, 3] > 0).astype(int)
    X[:, 2] = rng.random(n) >= absent
    X[X[:, 2] == 0, :2] = 0
    return X.astype(dtype), y


class Marked(Transformer, BaseEstimator):
    """Numbers as they are and a presence column: a stand-in for an extractor.

    A row with a missing number is an absent sample, filled with `fill`.
    """

    def __init__(self, kind="vector", shape=None, *, fill=0.0, sparse=False):
        self.kind = kind
        self.shape = shape
        self.fill = fill
        self.sparse = sparse

    def fit(self, X, y=None):
        validate_data(self, X, ensure_all_finite="allow-nan", dtype=np.float64)
        return self

    def transform(self, X):
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, ensure_all_finite="allow-nan", dtype=np.float64
        )
        absent = np.isnan(X).any(axis=1)
        X = np.where(absent[:, None], self.fill, X)
        out = np.column_stack([X, ~absent]).astype(np.float32)
        if self.sparse:
            return sp.csr_array(out)
        return out

    @property
    def block_(self):
        width = self.n_features_in_
        return Block("", 0, width, width, self.kind, self.shape)

    def get_feature_names_out(self, input_features=None):
        names = [f"f{i}" for i in range(self.n_features_in_)]
        return np.array([*names, "modality_present"], dtype=object)


class Weighted(Transformer, BaseEstimator):
    """A transformer that keeps what its fit was given."""

    def fit(self, X, y=None, sample_weight=None):
        self.weights_ = sample_weight
        self.y_ = y
        return self

    def transform(self, X):
        return np.asarray(X, dtype=float)


class Reader(ClassifierMixin, BaseEstimator):
    """A classifier that reads blocks and keeps what its fit was given."""

    __metadata_request__fit = {"sample_weight": True, "groups": True}

    def __init__(self, blocks=None):
        self.blocks = blocks

    def fit(self, X, y, sample_weight=None, groups=None):
        self.classes_ = np.unique(y)
        self.X_, self.groups_, self.weights_ = X, groups, sample_weight
        return self

    def predict_proba(self, X):
        return np.full((X.shape[0], len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.repeat(self.classes_[:1], X.shape[0])


class ReaderRegressor(RegressorMixin, BaseEstimator):
    """A regressor that reads blocks."""

    def __init__(self, blocks=None):
        self.blocks = blocks

    def fit(self, X, y):
        self.X_ = X
        return self

    def predict(self, X):
        return np.zeros(X.shape[0])


def mixed_table(n=80, *, seed=0):
    """Return a table and a label that takes both the text and the number.

    Either column alone is right about half the rows at best.
    """
    rng = np.random.default_rng(seed)
    word = rng.integers(2, size=n)
    high = rng.integers(2, size=n)
    X = pd.DataFrame(
        {
            "title": np.where(word, "red car", "blue boat"),
            "price": np.where(high, 9.0, 1.0) + rng.normal(scale=0.3, size=n),
            "author": np.array([f"author {i % 8}" for i in range(n)]),
        }
    )
    return X, np.array(["none", "one", "both"])[word + high]


def mixed_features(**params):
    """Return features of `mixed_table`: words and a number."""
    return ModalityTransformer(
        [
            ("text", TfidfExtractor(), ["title"]),
            ("table", TableExtractor(), ["price"]),
        ],
        **params,
    )


def numeric_table(n=60, *, seed=0):
    """Return a table of numbers for `numeric_features`, and a label that takes both."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    table.loc[rng.random(n) < 0.2, "a"] = np.nan
    y = np.where(table["a"].fillna(0) + table["c"] > 0, "yes", "no")
    return table, y


def numeric_features():
    """Return features in which weights are exact repetitions."""
    return ModalityTransformer(
        [("m", Marked(), ["a", "b"]), ("t", TableExtractor(), ["c"])]
    )


class Folds(GroupKFold):
    """Keeps what it was asked; clones share the list."""

    asked: list = []

    def split(self, X, y=None, groups=None):
        type(self).asked.append(np.asarray(groups))
        return super().split(X, y, groups)
