import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mmsk.compose import Block, BlockReducer, Blocks, BlockScaler
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.fusion import EarlyFusionClassifier, EarlyFusionRegressor
from tests._blocks import BLOCKS, two_blocks

BOTH = Blocks([Block("a", 0, 2, indicator=2), Block("b", 3, 4, indicator=4)])
"""Two blocks that may both be absent."""


def early(estimator=None, **params):
    return EarlyFusionClassifier(estimator, **({"blocks": BLOCKS} | params))


def maybe_absent(n=60, *, absent=0.3, seed=0):
    """Return X for BOTH with rows that have neither block, and y."""
    X, y = two_blocks(n, seed=seed, absent=absent)
    has = np.random.default_rng(seed + 1).random(n) >= absent
    X = np.column_stack([X, has])
    X[~has, 3] = 0
    return X, y


class TestMatrix:
    def test_is_scaler_then_estimator(self):
        X, y = two_blocks(absent=0.2)
        clf = early(LogisticRegression(C=3)).fit(X, y)
        scaled = BlockScaler(blocks=BLOCKS).fit_transform(X)
        assert scaled[X[:, 2] == 0, :2].any()
        scaled[X[:, 2] == 0, :2] = 0.0  # absent
        alone = LogisticRegression(C=3).fit(scaled, y)
        np.testing.assert_allclose(clf.predict_proba(X), alone.predict_proba(scaled))

    def test_block_norm(self):
        X, y = two_blocks()
        clf = early(block_norm=2.0).fit(X, y)
        assert clf.scaler_.block_norm == 2.0
        part = clf.scaler_.transform(X)[:, :2]
        np.testing.assert_allclose(np.square(part).sum(axis=1).mean(), 4.0)

    def test_without_scale(self):
        X, y = two_blocks()
        clf = early(LogisticRegression(), scale=False).fit(X, y)
        alone = LogisticRegression().fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))
        assert clf.scaler_ is None

    def test_n_components_reduces_what_the_estimator_sees(self):
        X, y = two_blocks(absent=0.2)
        clf = early(n_components=1, random_state=0).fit(X, y)
        scaled = BlockScaler(blocks=BLOCKS).fit_transform(X)
        scaled[X[:, 2] == 0, :2] = 0.0
        reduced = BlockReducer(1, blocks=BLOCKS, random_state=0).fit_transform(scaled)
        assert clf.estimator_.n_features_in_ == 3
        np.testing.assert_allclose(
            clf.decision_function(X), clf.estimator_.decision_function(reduced)
        )

    @pytest.mark.filterwarnings("ignore::mmsk.exceptions.MissingModalityWarning")
    @pytest.mark.parametrize("names", [["a"], ["b"], ["b", "a"]])
    def test_modalities(self, names):
        X, y = two_blocks(absent=0.2)
        clf = early(modalities=names).fit(X, y)
        columns = BLOCKS.select(names).columns
        packed = BLOCKS.select(names).packed()
        alone = clone(clf).set_params(modalities=None, blocks=packed)
        if len(names) == 1:
            with pytest.warns(SingleBlockWarning):
                alone.fit(X[:, columns], y)
        else:
            alone.fit(X[:, columns], y)
        np.testing.assert_allclose(
            clf.predict_proba(X), alone.predict_proba(X[:, columns])
        )
        changed = X.copy()
        for column in set(range(4)) - set(columns):
            changed[:, column] = 1 - changed[:, column]
        np.testing.assert_array_equal(clf.predict_proba(changed), clf.predict_proba(X))
        np.testing.assert_allclose(
            clone(clf).fit(changed, y).predict_proba(X), clf.predict_proba(X)
        )

    def test_the_order_of_the_modalities_does_not_matter(self):
        X, y = two_blocks()
        one, two = (
            early(modalities=names).fit(X, y) for names in (["a", "b"], ["b", "a"])
        )
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))

    @pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
    def test_sparse_is_dense(self, kind):
        X, y = two_blocks(absent=0.2)
        clf = early(LogisticRegression(tol=1e-10), scale=False)
        dense = clone(clf).fit(X, y)
        sparse = clone(clf).fit(kind(X), y)
        np.testing.assert_allclose(
            sparse.predict_proba(kind(X)), dense.predict_proba(X), rtol=1e-5
        )
        np.testing.assert_allclose(
            sparse.predict_proba(X), sparse.predict_proba(kind(X))
        )

    def test_gaps_between_blocks_are_not_read(self):
        gaps = Blocks([Block("b", 6, 7), Block("a", 1, 3, indicator=0)], n_features=9)
        X, y = two_blocks(absent=0.2)
        wide = np.full((60, 9), 1e9)
        wide[:, [1, 2, 0, 6]] = X
        clf = early(blocks=gaps).fit(wide, y)
        alone = early(blocks=gaps.packed()).fit(X[:, [3, 0, 1, 2]], y)
        np.testing.assert_array_equal(
            clf.predict_proba(wide), alone.predict_proba(X[:, [3, 0, 1, 2]])
        )


class TestAbsent:
    def test_a_row_without_any_modality_gets_the_prior(self):
        X, y = maybe_absent()
        none = (X[:, 2] == 0) & (X[:, 4] == 0)
        assert 0 < none.sum() < 60
        weights = np.arange(60.0)
        for given in (None, weights):
            clf = early(blocks=BOTH).fit(X, y, sample_weight=given)
            share = np.average(y, weights=given)
            np.testing.assert_allclose(clf.class_prior_, [1 - share, share])
            with pytest.warns(MissingModalityWarning, match=f"^{none.sum()} of 60"):
                proba = clf.predict_proba(X)
            np.testing.assert_allclose(proba[none], [[1 - share, share]] * none.sum())
            np.testing.assert_array_equal(proba[~none], clf.predict_proba(X[~none]))
            with pytest.warns(MissingModalityWarning):
                np.testing.assert_array_equal(clf.predict(X)[none], share > 0.5)
            with pytest.warns(MissingModalityWarning):
                decision = clf.decision_function(X)
            np.testing.assert_allclose(
                decision[none], np.log(share) - np.log(1 - share)
            )

    def test_only_such_rows(self):
        X, y = maybe_absent()
        clf = early(blocks=BOTH).fit(X, y)
        none = np.zeros((2, 5))
        with pytest.warns(MissingModalityWarning, match=r"rows \[0, 1\]"):
            np.testing.assert_allclose(clf.predict_proba(none), [clf.class_prior_] * 2)
        with pytest.warns(MissingModalityWarning):
            assert clf.predict(none).shape == (2,)

    def test_such_rows_teach_nothing_but_the_prior(self):
        X, y = maybe_absent()
        some = (X[:, 2] == 1) | (X[:, 4] == 1)
        clf = early(blocks=BOTH).fit(X, y)
        alone = early(blocks=BOTH).fit(X[some], y[some])
        np.testing.assert_array_equal(
            clf.predict_proba(X[some]), alone.predict_proba(X[some])
        )

    def test_decisions_of_several_classes(self):
        X, _ = maybe_absent(90)
        y = np.arange(90) % 3
        clf = early(blocks=BOTH).fit(X, y)
        none = np.zeros((1, 5))
        with pytest.warns(MissingModalityWarning):
            decision = clf.decision_function(none)
        np.testing.assert_allclose(decision, np.log([[1 / 3] * 3]))

    def test_no_training_row_has_any(self):
        with pytest.raises(ValueError, match=r"No sample has any .*\['a', 'b'\]"):
            early(blocks=BOTH).fit(np.zeros((4, 5)), [0, 1, 0, 1])

    def test_no_training_row_has_one_of_them(self):
        X, y = maybe_absent()
        X[:, :3] = 0
        X[:, 4] = 1
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            clf = early(blocks=BOTH).fit(X, y)
        assert clf.score(X, y) > 0.6

    def test_a_class_that_only_such_rows_have(self):
        X, y = maybe_absent()
        y = np.where((X[:, 2] == 0) & (X[:, 4] == 0), 2, y)
        clf = early(blocks=BOTH).fit(X, y)
        assert list(clf.classes_) == [0, 1, 2]
        some = X[y < 2]
        proba = clf.predict_proba(some)
        np.testing.assert_array_equal(proba[:, 2], 0)
        np.testing.assert_allclose(proba.sum(axis=1), 1)


class TestTargets:
    @pytest.mark.parametrize(
        "labels", [["no", "yes"], [3, -1], [True, False], [2.0, 1.0]], ids=str
    )
    def test_labels(self, labels):
        X, y = two_blocks()
        y = np.array(labels)[y]
        clf = early().fit(X, y)
        np.testing.assert_array_equal(clf.classes_, np.unique(labels))
        assert clf.predict(X).dtype == y.dtype
        assert clf.score(X, y) > 0.9

    def test_one_class(self):
        X, _ = two_blocks()
        clf = early().fit(X, ["only"] * 60)
        assert set(clf.predict(X)) == {"only"}
        np.testing.assert_array_equal(clf.predict_proba(X), np.ones((60, 1)))

    def test_one_class_of_positive_weight(self):
        X, y = two_blocks()
        clf = early().fit(X, y, sample_weight=y)
        np.testing.assert_array_equal(clf.classes_, [1])

    def test_continuous(self):
        X, _ = two_blocks()
        with pytest.raises(ValueError, match="Unknown label type"):
            early().fit(X, X[:, 0])


class TestBlocks:
    def test_from_the_names_of_a_frame(self):
        X, y = two_blocks(absent=0.2)
        names = ["a__0", "a__1", "a__modality_present", "b__0"]
        clf = early(blocks=None).fit(frame := pd.DataFrame(X, columns=names), y)
        assert clf.blocks_ == BLOCKS
        alone = early().fit(X, y)
        np.testing.assert_allclose(clf.predict_proba(frame), alone.predict_proba(X))
        with pytest.raises(ValueError, match="feature names"):
            clf.predict(frame[names[::-1]])

    def test_one_block_is_nothing_to_fuse(self):
        X, y = two_blocks()
        with pytest.warns(SingleBlockWarning, match=r"one block \('X'\)") as caught:
            early(blocks=None).fit(X, y)
        assert len(caught) == 1
        assert caught[0].filename == __file__

    def test_a_single_modality_of_several_is_a_choice(self, recwarn):
        X, y = two_blocks()
        early(modalities=["a"]).fit(X, y)
        assert not recwarn

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"modalities": ["c"]}, r"Unknown modalities \['c'\]"),
            ({"modalities": []}, "No modality is chosen"),
            ({"modalities": "a"}, "'modalities' parameter"),
            ({"block_norm": 0}, "'block_norm' parameter"),
            ({"n_components": 0}, "'n_components' parameter"),
            ({"blocks": list(BLOCKS)}, "'blocks' parameter"),
            ({"blocks": BOTH}, "describe 5 columns, X has 4"),
        ],
    )
    def test_refused(self, params, message):
        X, y = two_blocks()
        with pytest.raises(ValueError, match=message):
            early(**params).fit(X, y)

    def test_another_kind(self):
        X, y = two_blocks()
        with pytest.raises(TypeError, match=r"a classifier, got Ridge\(\). Pass a cl"):
            early(Ridge()).fit(X, y)
        regressor = EarlyFusionRegressor(LinearSVC(), blocks=BLOCKS)
        with pytest.raises(TypeError, match=r"a regressor, got LinearSVC\(\)"):
            regressor.fit(X, y)

    @pytest.mark.parametrize("value", [0.5, 2, -1])
    def test_a_presence_column_that_was_changed(self, value):
        X, y = two_blocks()
        clf = early().fit(X, y)
        X[7, 2] = value
        for call in (clf.predict, clf.predict_proba, clf.decision_function):
            with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
                call(X)

    def test_another_width(self):
        X, y = two_blocks()
        clf = early().fit(X, y)
        with pytest.raises(ValueError, match="expecting 4 features"):
            clf.predict(X[:, :3])


class TestWeights:
    def test_2_is_a_row_twice_and_0_is_none(self):
        X, y = two_blocks(absent=0.2)
        weights = np.arange(60) % 3
        rows = np.repeat(np.arange(60), weights)
        weighted = early(LogisticRegression(tol=1e-8)).fit(X, y, weights)
        plain = early(LogisticRegression(tol=1e-8)).fit(X[rows], y[rows])
        np.testing.assert_allclose(
            weighted.predict_proba(X), plain.predict_proba(X), rtol=1e-5
        )

    def test_would_be_lost(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match="KNeighborsClassifier does not take"):
            early(KNeighborsClassifier()).fit(X, y, sample_weight=np.full(60, 0.5))
        early(KNeighborsClassifier()).fit(X, y)

    def test_rows_of_no_weight_are_not_seen(self):
        X, y = two_blocks()
        weights = np.r_[np.zeros(10), np.ones(50)]
        X[:10] = [1e6, 1e6, 1, 1e6]
        clf = early().fit(X, y, sample_weight=weights)
        alone = early().fit(X[10:], y[10:], sample_weight=weights[10:])
        np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))


class TestEstimators:
    def test_missing_numbers_where_the_estimator_reads_them(self):
        X, y = two_blocks()
        X[3, 0] = np.nan
        clf = early(HistGradientBoostingClassifier(max_iter=5)).fit(X, y)
        assert np.isfinite(clf.predict_proba(X)).all()
        with pytest.raises(ValueError, match="NaN"):
            early(LogisticRegression()).fit(X, y)
        with pytest.raises(ValueError, match="NaN"):
            early(HistGradientBoostingClassifier(), n_components=1).fit(X, y)
        with pytest.raises(ValueError, match="infinity"):
            early(HistGradientBoostingClassifier()).fit(np.where(X > 1, np.inf, X), y)

    def test_methods_are_those_of_the_estimator(self):
        X, y = two_blocks()
        for clf in (early(LinearSVC()), early(LinearSVC()).fit(X, y)):
            assert not hasattr(clf, "predict_proba")
            assert hasattr(clf, "decision_function")
        for clf in (early(DecisionTreeClassifier()), early(SVC()).fit(X, y)):
            assert hasattr(clf, "predict")
        assert not hasattr(early(DecisionTreeClassifier()), "decision_function")

    @pytest.mark.parametrize("kind", [BaggingClassifier, AdaBoostClassifier])
    def test_around_an_ensemble(self, kind):
        """An unfitted ensemble has no length, and its truth is not asked."""
        X, y = two_blocks()
        clf = early(kind(n_estimators=3, random_state=0))
        assert hasattr(clf, "predict")
        assert clf.fit(X, y).score(X, y) > 0.8

    def test_the_users_estimator_is_left_alone(self):
        X, y = two_blocks()
        inner = EarlyFusionClassifier(LogisticRegression())
        clf = early(inner).fit(X, y)
        assert clf.estimator is inner
        assert inner.blocks is None
        assert not hasattr(inner, "classes_")
        assert clf.estimator_.blocks == BLOCKS

    def test_parameters_reach_behaviour(self):
        X, y = two_blocks()
        clf = early(LogisticRegression())
        clf.set_params(estimator__C=1e-6).fit(X, y)
        np.testing.assert_allclose(
            clf.predict_proba(X)[:, 0], np.mean(y == 0), atol=0.01
        )

    def test_clone_and_pickle(self):
        X, y = two_blocks()
        clf = early(n_components=1, random_state=0).fit(X, y)
        expected = clf.predict_proba(X)
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), expected)
        assert clone(clf).blocks is BLOCKS

    def test_batch_is_one_by_one(self):
        X, y = two_blocks(absent=0.2)
        clf = early().fit(X, y)
        rows = [clf.predict_proba(X[[i]]) for i in range(60)]
        np.testing.assert_allclose(np.vstack(rows), clf.predict_proba(X))

    def test_float32(self):
        X, y = two_blocks(dtype=np.float32)
        clf = early().fit(X, y)
        wide = early().fit(X.astype(float), y)
        np.testing.assert_allclose(
            clf.predict_proba(X), wide.predict_proba(X.astype(float)), atol=1e-3
        )

    def test_x_is_not_written_to(self):
        X, y = two_blocks()
        given = X.copy()
        early(n_components=1).fit(given, y).predict(given)
        np.testing.assert_array_equal(given, X)

    def test_not_fitted(self):
        for method in ("predict", "predict_proba", "decision_function"):
            with pytest.raises(NotFittedError):
                getattr(early(), method)(np.zeros((1, 4)))

    def test_groups_of_another_length(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match="inconsistent numbers"):
            early().fit(X, y, groups=np.zeros(59))


class TestRegressor:
    def test_is_ridge_on_the_scaled_blocks(self):
        X, y = two_blocks()
        y = X[:, 0] - 2 * X[:, 3]
        model = EarlyFusionRegressor(Ridge(alpha=3.0), blocks=BLOCKS).fit(X, y)
        scaled = BlockScaler(blocks=BLOCKS).fit_transform(X)
        expected = Ridge(alpha=3.0).fit(scaled, y).predict(scaled)
        np.testing.assert_allclose(model.predict(X), expected)

    def test_a_row_without_any_modality_gets_the_weighted_mean(self):
        X, y = two_blocks(absent=0.3)
        y = X[:, 0] + 5.0
        weights = np.arange(60.0)
        model = EarlyFusionRegressor(modalities=["a"], blocks=BLOCKS)
        with pytest.warns(MissingModalityWarning, match="they get the training mean"):
            predicted = model.fit(X, y, sample_weight=weights).predict(X)
        absent = X[:, 2] == 0
        mean = np.average(y, weights=weights)
        np.testing.assert_allclose(predicted[absent], mean)
        assert np.abs(predicted[~absent] - mean).min() > 0
        changed = X.copy()
        changed[absent, :2] = 9.0
        with pytest.warns(MissingModalityWarning):
            np.testing.assert_array_equal(model.predict(changed), predicted)


def test_rows_of_zeros_from_the_estimator_get_the_prior():
    X, y = two_blocks()
    y = y + (X[:, 1] > 0.5)
    inner = OneVsRestClassifier(DecisionTreeClassifier(random_state=0))
    clf = early(inner, scale=False).fit(X, y)
    new, _ = two_blocks(300, seed=1)
    plain = clone(inner).fit(X, y).predict_proba(new)
    proba = clf.predict_proba(new)
    silent = plain.sum(axis=1) == 0
    assert silent.any()
    np.testing.assert_allclose(
        proba[silent], np.tile(clf.class_prior_, (sum(silent), 1))
    )
    np.testing.assert_allclose(proba[~silent], plain[~silent])


def test_modalities_set_after_fit_wait_for_the_next_fit():
    blocks = Blocks([Block("u", 0, 2), Block("v", 2, 4)])
    X, y = two_blocks()
    clf = early(modalities=["u"], blocks=blocks).fit(X, y)
    before = clf.predict_proba(X)
    assert clf.modalities_ == ["u"]
    clf.set_params(modalities=["v"])
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert clf.fit(X, y).modalities_ == ["v"]


def test_decisions_where_a_class_has_no_modality():
    X, y = maybe_absent()
    y = np.where((X[:, 2] == 0) & (X[:, 4] == 0), 2, y)
    assert (y == 2).any()
    clf = early(blocks=BOTH).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2]
    has = (X[:, 2] == 1) | (X[:, 4] == 1)
    decision = clf.decision_function(X[has])
    assert decision.shape == (has.sum(), 3)
    assert (decision[:, 2] == -np.inf).all()
    np.testing.assert_array_equal(decision.argmax(axis=1), clf.predict(X[has]))
    with pytest.warns(MissingModalityWarning):
        assert clf.decision_function(X).shape == (60, 3)
