"""What stands in the columns of an absent modality has no influence on anything."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone, is_regressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from mmsk.compose import Block, Blocks
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._absent import AbsentFill
from mmsk.fusion._mechanisms import MECHANISMS

THREE = Blocks([Block("a", 0, 2, 2), Block("b", 3, 4, 4), Block("c", 5, 8, 8)])
NET = {"max_epochs": 3, "hidden_layer_sizes": (6,), "fusion_size": 6, "random_state": 0}
BOOSTER = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5)

FUSIONS = {
    "early": EarlyFusionClassifier(),
    "early-unscaled": EarlyFusionClassifier(scale=False),
    "early-reduced": EarlyFusionClassifier(n_components=1, random_state=0),
    "early-booster": EarlyFusionClassifier(BOOSTER),
    "early-regressor": EarlyFusionRegressor(),
    **{
        f"late-{rule}": LateFusionClassifier(combine=rule)
        for rule in ("mean", "product", "vote", "confidence", "weighted", "stack")
    },
    **{
        f"late-regressor-{rule}": LateFusionRegressor(combine=rule)
        for rule in ("mean", "median", "weighted", "stack")
    },
    **{
        f"intermediate-{mechanism}": IntermediateFusionClassifier(
            mechanism, modality_dropout=0.2, auxiliary_loss=0.3, **NET
        )
        for mechanism in MECHANISMS
    },
    "intermediate-members": IntermediateFusionClassifier(n_members=2, **NET),
    "intermediate-hybrid": IntermediateFusionClassifier(
        "gated", modality_dropout=0.2, auxiliary_loss=0.3, decision="hybrid", **NET
    ),
    "intermediate-regressor": IntermediateFusionRegressor(auxiliary_loss=0.3, **NET),
    "intermediate-regressor-hybrid": IntermediateFusionRegressor(
        auxiliary_loss=0.3, decision="hybrid", **NET
    ),
}


def some_absent(n=60):
    """Return X for THREE, each row with one block at least, and numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 9))
    y = X[:, 0] + X[:, 3] - X[:, 5]
    present = rng.random((n, 3)) > 0.3
    present[~present.any(axis=1), 0] = True
    for block, has in zip(THREE, present.T, strict=True):
        X[:, block.indicator] = has
        X[~has, block.start : block.stop] = 0.0
    return X, y


def filled(X, value):
    """Return X with another number wherever a modality is absent."""
    X = X.copy()
    for block in THREE:
        X[X[:, block.indicator] == 0, block.start : block.stop] = value
    return X


def answer(model, X):
    return model.predict(X) if is_regressor(model) else model.predict_proba(X)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_content_of_an_absent_modality(fusion):
    X, y = some_absent()
    model = clone(FUSIONS[fusion]).set_params(blocks=THREE)
    y = y if is_regressor(model) else (y > 0).astype(int)
    fitted = clone(model).fit(X, y)
    expected = answer(fitted, X)
    for value in (77.0, -1e6):
        other = filled(X, value)
        np.testing.assert_array_equal(answer(fitted, other), expected)
        refitted = clone(model).fit(other, y)
        np.testing.assert_allclose(answer(refitted, X), expected, rtol=1e-9)


class TestAbsentFill:
    def test_sparse_and_dense(self):
        X, _ = some_absent()
        other = filled(X, 5.0)
        dense = AbsentFill(THREE).fit(X).transform(other)
        np.testing.assert_array_equal(dense, X)
        sparse = AbsentFill(THREE).fit(sp.csr_array(X)).transform(sp.csr_array(other))
        np.testing.assert_array_equal(sparse.toarray(), X)
        assert sparse.nnz == np.count_nonzero(X)
        assert (other == 5.0).any()  # not written to

    def test_means_of_the_samples_that_have_it(self):
        X, _ = some_absent()
        X = filled(X, 9.0)
        weights = np.arange(1.0, 61)
        fill = AbsentFill(THREE, mean=True).fit(X, weights)
        has = X[:, 2] == 1
        expected = np.average(X[has, :2], axis=0, weights=weights[has])
        np.testing.assert_allclose(fill.transform(X)[~has, :2], [expected] * sum(~has))
        np.testing.assert_array_equal(fill.transform(X)[has, :2], X[has, :2])
        sparse = sp.csr_array(X)
        zeros = AbsentFill(THREE, mean=True).fit(sparse, weights).transform(sparse)
        assert not zeros.toarray()[~has, :2].any()

    @pytest.mark.parametrize("value", [9.0, np.nan])
    def test_what_dense_rows_taught_is_put_into_sparse_ones(self, value):
        X, _ = some_absent()
        X = filled(X, value)
        fill = AbsentFill(THREE, mean=True).fit(X)
        sparse = fill.transform(sp.csr_array(X))
        assert sparse.format == "csr"
        np.testing.assert_array_equal(sparse.toarray(), fill.transform(X))

    def test_nan_of_the_training_rows(self):
        """A user who asks features for NaN gets them, at predict as well."""
        X, y = some_absent()
        booster = EarlyFusionClassifier(BOOSTER, blocks=THREE)
        with_nan = clone(booster).fit(filled(X, np.nan), y > 0)
        np.testing.assert_array_equal(
            with_nan.predict_proba(X), with_nan.predict_proba(filled(X, np.nan))
        )
        seen = with_nan._prepared(X)
        assert np.isnan(seen[X[:, 2] == 0, :2]).all()
        assert np.isfinite(seen[X[:, 2] == 1, :2]).all()

    def test_nothing_absent_is_no_copy(self):
        X = np.ones((3, 9))
        assert AbsentFill(THREE).fit(X).transform(X) is X

    def test_raw_blocks_are_left_to_their_encoders(self):
        blocks = Blocks([Block("a", 0, 4, 4, "image", (1, 2, 2))])
        X = np.arange(10.0).reshape(2, 5)
        X[:, 4] = [1, 0]
        assert AbsentFill(blocks).fit(X).transform(X)[1, :4].tolist() == [5, 6, 7, 8]

    def test_unscaled_rows_are_not_written_to(self):
        X, y = some_absent()
        before = filled(X, 3.0)
        given = before.copy()
        clf = EarlyFusionClassifier(LogisticRegression(), scale=False, blocks=THREE)
        clf.fit(given, y > 0).predict(given)
        np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_sparse_matrix_keeps_the_width_of_its_indices(index):
    blocks = Blocks([Block("a", 0, 2, 2, sparse=False), Block("b", 3, 4, sparse=True)])
    X = sp.csr_array(np.array([[4.0, 2, 1, 0], [0, 0, 0, 1], [2, 2, 1, 3]]))
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    filled = AbsentFill(blocks, mean=True).fit(X).transform(X)
    assert filled.indices.dtype == filled.indptr.dtype == index
    np.testing.assert_array_equal(filled.toarray()[1], [3, 2, 0, 1])


@pytest.mark.parametrize(
    ("mechanism", "dropout"),
    [
        *((name, 0.0) for name in MECHANISMS if name not in ("gated", "bilinear")),
        ("gated", 0.3),
        ("bilinear", 0.3),
    ],
)
def test_one_modality_of_two_that_know_it_is_enough(mechanism, dropout):
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    X = rng.normal(size=(600, 10))
    X[:, [0, 5]] += 3 * y[:, None]
    X[:, [4, 9]] = 1
    X[300:450, :5] = 0  # only in the rows that are predicted
    X[450:, 5:] = 0
    blocks = Blocks([Block("a", 0, 4, indicator=4), Block("b", 5, 9, indicator=9)])
    clf = IntermediateFusionClassifier(
        mechanism,
        modality_dropout=dropout,
        max_epochs=25,
        blocks=blocks,
        random_state=0,
    )
    clf.fit(X[:300], y[:300])
    # one of the two knows 93 % at best
    for name, rows in {"a": slice(300, 450), "b": slice(450, 600)}.items():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert clf.score(X[rows], y[rows]) > 0.8
        assert len(told) == (dropout == 0)
        for each in told:
            assert "150 of 150 samples lack modalities" in str(each.message)
            assert f"['{name}']" in str(each.message)


class TestUntrained:
    blocks = Blocks([Block("a", 0, 1, indicator=1), Block("b", 2, 3, indicator=3)])
    both, only_a, only_b, none = np.array(
        [[2.0, 1, 3, 1], [2, 1, 0, 0], [0, 0, 3, 1], [0, 0, 0, 0]]
    )

    def fitted(self, rows, sample_weight=None, **params):
        model = IntermediateFusionRegressor(
            max_epochs=1, blocks=self.blocks, random_state=0, **params
        )
        return model.fit(np.array(rows), np.arange(len(rows)), sample_weight)

    def told(self, model, *rows):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.predict(np.array(rows))
        return [str(each.message) for each in told]

    def test_it_is_said_which(self):
        model = pickle.loads(pickle.dumps(self.fitted([self.both] * 4)))
        (text,) = self.told(model, self.both, self.only_a, self.only_a)
        assert text == (
            "2 of 3 samples lack modalities that every training sample has, ['b']: "
            "the net has not been trained to do without. Set modality_dropout, to 0.3 "
            "for example, and fit again."
        )
        (text,) = self.told(model, self.only_b, self.only_a)
        assert text.startswith("2 of 2 samples lack modalities")
        assert "['a', 'b']" in text
        assert self.told(model, self.both) == []
        (text,) = self.told(model, self.both, self.none)
        assert text.startswith("1 of 2 samples have none of the modalities")

    def test_not_of_what_training_samples_lack_too(self):
        model = self.fitted([self.both] * 4 + [self.only_a])
        assert self.told(model, self.only_a) == []
        (text,) = self.told(model, self.only_b)
        assert "['a']" in text
        dropout = self.fitted([self.both] * 4, modality_dropout=0.3)
        assert self.told(dropout, self.only_a, self.only_b) == []

    def test_samples_of_no_weight_do_not_count(self):
        model = self.fitted([self.both] * 4 + [self.only_a], [1, 1, 1, 1, 0])
        assert len(self.told(model, self.only_a)) == 1

    def test_all_calls_of_partial_fit_count(self):
        model = self.fitted([self.both] * 4)
        for last in (self.only_a, self.both):
            model.partial_fit(np.array([self.both] * 3 + [last]), np.arange(4))
        assert self.told(model, self.only_a) == []
        model.fit(np.array([self.both] * 4), np.arange(4))  # from the start
        assert len(self.told(model, self.only_a)) == 1
