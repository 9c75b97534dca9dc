"""Bagging over modalities: whom a sample is answered by, and who is drawn."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mmsk.compose import Block, Blocks, MultimodalClassifier
from mmsk.ensemble import ModalityBaggingClassifier, ModalityBaggingRegressor
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.fusion import EarlyFusionClassifier, IntermediateFusionClassifier
from tests._blocks import RAW, Reader, mixed_features, mixed_table
from tests.ensemble.test_stacking_blocks import THREE, three_blocks

LINEAR = LogisticRegression(tol=1e-8)
WHOLE = {"bootstrap": False, "random_state": 0}


def bag(*arguments, blocks=THREE, **params):
    params = {"random_state": 0, "max_modalities": "random"} | params
    return ModalityBaggingClassifier(*arguments, blocks=blocks, **params)


def bag_of_numbers(*arguments, blocks=THREE, **params):
    params = {"random_state": 0, "max_modalities": "random"} | params
    return ModalityBaggingRegressor(*arguments, blocks=blocks, **params)


def columns(*names):
    return THREE.select(names).columns


class TestAnswers:
    def test_of_one_modality_each_are_averaged_over_those_that_are_there(self):
        X, y = three_blocks()
        clf = bag(LINEAR, 6, max_modalities=1, bootstrap=False).fit(X, y)
        assert sorted(clf.estimator_modalities_) == [
            *(("a",), ("a",), ("b",), ("b",), ("c",), ("c",))
        ]
        present = THREE.present(X)
        total = np.zeros((len(X), 3))
        for block, has in zip(THREE, present.T, strict=True):
            own = X[:, columns(block.name)]
            model = clone(LINEAR).fit(own[has], y[has])
            total[has] += model.predict_proba(own[has])
        expected = total / present.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-9)
        np.testing.assert_array_equal(clf.predict(X), expected.argmax(axis=1))

    @pytest.mark.parametrize("size", ["random", 2, 3])
    @pytest.mark.parametrize("absent", [["c"], ["a", "c"]])
    def test_count_by_the_share_of_modalities_that_are_there(self, size, absent):
        X, y = three_blocks()
        clf = bag(LINEAR, 12, max_modalities=size).fit(X, y)
        row = np.array([[9.0, 9.0, 1.0, 0.5, 1.0, 9.0, 1.0]])
        filled = row.copy()
        for name in absent:
            block = THREE[name]
            row[:, block.indicator] = filled[:, block.indicator] = 0
            has = X[:, block.indicator] == 1
            own = slice(block.start, block.stop)
            filled[:, own] = X[has, own].mean(axis=0)
        said, shares = [], []
        for model, names in zip(
            clf.estimators_, clf.estimator_modalities_, strict=True
        ):
            said.append(model.predict_proba(filled[:, columns(*names)]))
            shares.append(np.mean([name not in absent for name in names]))
        assert len(set(shares)) > 1 or size == 3
        expected = np.average(said, axis=0, weights=shares)
        np.testing.assert_allclose(clf.predict_proba(row), expected)

    def test_of_numbers_count_so_too(self):
        X, _ = three_blocks()
        model = bag_of_numbers(Ridge(), 3, max_modalities=2, bootstrap=False)
        model.fit(X, X[:, 0])
        row = np.zeros((1, 7))
        row[:, 3:5] = 0.5, 1
        filled = row.copy()
        filled[:, :2] = X[X[:, 2] == 1, :2].mean(axis=0)
        filled[:, 5] = X[X[:, 6] == 1, 5].mean()
        said = [
            each.predict(filled[:, columns(*names)])
            for each, names in zip(
                model.estimators_, model.estimator_modalities_, strict=True
            )
            if "b" in names
        ]
        np.testing.assert_allclose(model.predict(row), np.mean(said, axis=0))

    def test_half_of_the_modalities_are_the_default(self):
        X, y = three_blocks()
        clf = ModalityBaggingClassifier(blocks=THREE, random_state=0).fit(X, y)
        assert {len(names) for names in clf.estimator_modalities_} == {1}

    def test_to_a_sample_with_nothing_are_the_prior(self):
        X, y = three_blocks()
        clf = bag().fit(X, y)
        with pytest.warns(MissingModalityWarning, match="1 of 1 samples"):
            np.testing.assert_allclose(
                clf.predict_proba(np.zeros((1, 7))), [clf.class_prior_]
            )
        model = bag_of_numbers().fit(X, X[:, 0])
        with pytest.warns(MissingModalityWarning, match="training mean"):
            assert model.predict(np.zeros((1, 7)))[0] == pytest.approx(X[:, 0].mean())

    def test_are_votes_where_there_are_no_probabilities(self):
        X, y = three_blocks()
        clf = bag(LinearSVC(), 8).fit(X, y)
        proba = clf.predict_proba(X)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        votes = proba * (THREE.present(X).all(axis=1)[:, None] * 8)
        np.testing.assert_allclose(votes, votes.round(), atol=1e-9)

    def test_of_what_no_training_sample_had(self):
        X, y = three_blocks()
        X[:, 6] = 0
        X[X[:, [2, 4]].sum(axis=1) == 0, 2] = 1
        with pytest.warns(MissingModalityWarning, match=r"\['c'\]"):
            clf = bag().fit(X, y)
        assert {name for names in clf.estimator_modalities_ for name in names} == {
            *("a", "b")
        }
        new = np.array([[0, 0, 0, 0, 0, 3.0, 1]])
        with pytest.warns(MissingModalityWarning, match="prior"):
            assert clf.predict_proba(new).tolist() == [clf.class_prior_.tolist()]

    def test_of_numbers(self):
        X, y = three_blocks(absent=0.0)
        y = np.stack([X[:, 0] + X[:, 3], X[:, 5]], axis=1)
        model = bag_of_numbers(LinearRegression(), 3, max_modalities=3, bootstrap=False)
        np.testing.assert_allclose(model.fit(X, y).predict(X), y, atol=1e-9)
        np.testing.assert_allclose(model.fit(X, y[:, 0]).predict(X), y[:, 0], atol=1e-9)
        np.testing.assert_allclose(model.y_mean_, y[:, 0].mean())


class TestDraws:
    def test_of_rows(self):
        X, y = three_blocks()
        clf = bag(DecisionTreeClassifier(), 4).fit(X, y)
        for model, names, rows in zip(
            clf.estimators_,
            clf.estimator_modalities_,
            clf.estimators_samples_,
            strict=True,
        ):
            assert 0.5 < len(rows) / len(y) < 0.75
            own = X[rows][:, columns(*names)]
            some = THREE.select(names).packed().present(own).any(axis=1)
            seen = THREE.present(X)[rows].all(axis=1) & some
            # a tree knows by heart what it was grown on
            assert (model.predict(own[seen]) == y[rows][seen]).all()

    def test_of_groups_are_whole(self):
        X, y = three_blocks()
        groups = np.arange(150) % 15
        clf = bag(n_estimators=8).fit(X, y, groups=groups)
        for rows in clf.estimators_samples_:
            drawn = set(groups[rows])
            assert len(rows) == 10 * len(drawn)
            assert 5 <= len(drawn) <= 13
        assert len({tuple(rows) for rows in clf.estimators_samples_}) == 8

    def test_of_shares(self):
        X, y = three_blocks()
        clf = bag(n_estimators=3, max_samples=0.2, bootstrap=False).fit(X, y)
        assert [len(rows) for rows in clf.estimators_samples_] == [30] * 3
        clf = bag(n_estimators=3, max_samples=2, bootstrap=False)
        clf.fit(X, y, groups=np.arange(150) % 15)
        assert [len(rows) for rows in clf.estimators_samples_] == [20] * 3

    def test_rows_of_no_weight_are_never_drawn(self):
        X, y = three_blocks()
        weights = np.where(np.arange(150) % 3, 1.0, 0.0)
        clf = bag(oob_score=True, n_estimators=40).fit(X, y, sample_weight=weights)
        drawn = np.unique(np.concatenate(clf.estimators_samples_))
        np.testing.assert_array_equal(drawn, np.flatnonzero(weights))
        assert np.isnan(clf.oob_decision_function_[::3]).all()
        assert not np.isnan(clf.oob_decision_function_[weights > 0]).any()

    def test_weights_are_handed_to_the_members_where_all_rows_are_taken(self):
        X, y = three_blocks(absent=0.0)
        weights = np.random.default_rng(0).random(150)
        clf = bag(LINEAR, 1, max_modalities=3, bootstrap=False)
        clf.fit(X, y, sample_weight=weights)
        expected = clone(LINEAR).fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X))

    def test_an_estimator_without_weights_sees_repeated_rows(self):
        X, y = three_blocks()
        clf = bag(KNeighborsClassifier(1), 3).fit(X, y)
        sizes = [model.n_samples_fit_ for model in clf.estimators_]
        unique = [len(rows) for rows in clf.estimators_samples_]
        assert all(size > some for size, some in zip(sizes, unique, strict=True))
        with pytest.raises(ValueError, match="does not take sample_weight"):
            clf.set_params(bootstrap=False).fit(X, y, sample_weight=np.full(150, 0.5))

    def test_the_seeds_of_members_differ(self):
        X, y = three_blocks()
        tree = DecisionTreeClassifier(max_features=1)
        clf = bag(tree, 4, max_modalities=3, bootstrap=False).fit(X, y)
        assert len({model.random_state for model in clf.estimators_}) == 4
        again = clone(clf).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


class TestOutOfBag:
    def test_by_hand(self):
        X, y = three_blocks(absent=0.0)
        clf = bag(n_estimators=30, oob_score=True).fit(X, y)
        total, count = np.zeros((150, 3)), np.zeros((150, 1))
        for model, names, rows in zip(
            clf.estimators_,
            clf.estimator_modalities_,
            clf.estimators_samples_,
            strict=True,
        ):
            left = np.setdiff1d(np.arange(150), rows)
            total[left] += model.predict_proba(X[left][:, columns(*names)])
            count[left] += 1
        np.testing.assert_allclose(clf.oob_decision_function_, total / count)
        assert clf.oob_score_ == np.mean(total.argmax(axis=1) == y)

    def test_of_numbers(self):
        X, _ = three_blocks(absent=0.0)
        y = X[:, 0] + X[:, 3]
        model = bag_of_numbers(n_estimators=30, oob_score=True).fit(X, y)
        assert model.oob_score_ == r2_score(y, model.oob_prediction_)
        assert 0.2 < model.oob_score_ < model.score(X, y)

    def test_rows_in_every_bag_are_counted(self):
        X, y = three_blocks()
        with pytest.warns(UserWarning, match="of 150 samples are in the bag of every"):
            clf = bag(n_estimators=2, oob_score=True).fit(X, y)
        assert np.isnan(clf.oob_decision_function_).any()
        assert 0 < clf.oob_score_ < 1

    def test_needs_a_bag(self):
        with pytest.raises(ValueError, match="only available if bootstrap=True"):
            bag(oob_score=True, bootstrap=False).fit(*three_blocks())


class TestWarmStart:
    @pytest.mark.parametrize("random_state", [0, None])
    def test_keeps_members(self, random_state):
        X, y = three_blocks()
        clf = bag(n_estimators=3, warm_start=True, random_state=random_state).fit(X, y)
        old = list(clf.estimators_)
        names = list(clf.estimator_modalities_)
        clf.set_params(n_estimators=7).fit(X, y)
        assert clf.estimators_[:3] == old
        assert clf.estimator_modalities_[:3] == names
        assert len(clf.estimators_) == 7
        if random_state == 0:
            at_once = bag(n_estimators=7).fit(X, y)
            np.testing.assert_array_equal(
                clf.predict_proba(X), at_once.predict_proba(X)
            )

    def test_does_not_forget_members(self):
        X, y = three_blocks()
        clf = bag(n_estimators=3, warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match="n_estimators=2 must be at least"):
            clf.set_params(n_estimators=2).fit(X, y)


class TestInput:
    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
    def test_frames(self, frame):
        X, y = three_blocks(absent=0.0)
        names = ["a__0", "a__1", "b__0", "c__0"]
        table = frame(dict(zip(names, X[:, [0, 1, 3, 5]].T, strict=True)))
        clf = bag(LINEAR, blocks=None).fit(table, y)
        assert clf.predict_proba(table).shape == (150, 3)
        assert {*clf.estimator_modalities_} > {("a",), ("b",), ("c",)}

    def test_sparse_is_dense(self):
        X, y = three_blocks(absent=0.0)
        params = {"estimator": LINEAR, "n_estimators": 4}
        dense, sparse = bag(**params).fit(X, y), bag(**params).fit(sp.csr_array(X), y)
        np.testing.assert_allclose(
            sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), atol=1e-6
        )

    def test_trees_read_a_sparse_matrix_with_absent_dense_blocks(self):
        X, y = three_blocks(absent=0.3)
        layout = Blocks([replace(block, sparse=False) for block in THREE])
        asked = [
            bag(n_estimators=4, blocks=layout).fit(kind(X), y).predict_proba(kind(X))
            for kind in (np.asarray, sp.csr_array)
        ]
        np.testing.assert_allclose(asked[1], asked[0], atol=1e-12)

    def test_processes(self):
        X, y = three_blocks()
        one, two = bag().fit(X, y), bag(n_jobs=2).fit(X, y)
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))

    def test_nan_for_an_estimator_that_reads_it(self):
        X, y = three_blocks()
        X[::7, 0] = np.nan
        inside = HistGradientBoostingClassifier(max_iter=2)
        assert bag(inside, 3).fit(X, y).score(X, y) > 0.5
        with pytest.raises(ValueError, match="NaN"):
            bag(LINEAR).fit(X, y)

    def test_estimators_of_blocks_are_told_what_they_see(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(30, 6))
        X[:, 4] = 1
        clf = bag(Reader(), 4, blocks=RAW, max_modalities=1, bootstrap=False)
        clf.fit(X, np.arange(30) % 2, groups=np.arange(30) % 5)
        by_name = dict(zip(clf.estimator_modalities_, clf.estimators_, strict=True))
        assert by_name["a",].blocks == Blocks([Block("a", 0, 4, 4, "image", (2, 2))])
        assert by_name["b",].blocks == Blocks([Block("b", 0, 1)])
        np.testing.assert_array_equal(by_name["b",].X_, X[:, 5:])
        np.testing.assert_array_equal(by_name["b",].groups_, np.arange(30) % 5)

    def test_raw_blocks_need_an_estimator_that_reads_them(self):
        X = np.ones((20, 6))
        with pytest.raises(ValueError, match=r"cannot read the raw blocks \['a'\]"):
            bag(blocks=RAW).fit(X, np.arange(20) % 2)

    @pytest.mark.parametrize(
        "inside",
        [
            EarlyFusionClassifier(),
            IntermediateFusionClassifier("gated", max_epochs=2, random_state=0),
        ],
        ids=["early", "intermediate"],
    )
    def test_around_a_fusion_warns_of_nothing(self, inside):
        X, y = three_blocks()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            proba = bag(inside, 6).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(proba.sum(axis=1), 1)

    def test_one_block_is_warned_of(self):
        X, y = three_blocks(absent=0.0)
        with pytest.warns(SingleBlockWarning, match="one block"):
            bag(blocks=None).fit(X, y)

    def test_a_class_that_a_draw_lacks(self):
        X, y = three_blocks()
        y = np.where(np.arange(150) == 3, "rare", np.where(y > 1, "high", "low"))
        clf = bag(LINEAR, 5, max_samples=0.3).fit(X, y)
        assert clf.predict_proba(X).shape == (150, 3)
        assert (
            bag().fit(X, np.repeat("one", 150)).predict(X[:2]).tolist() == ["one"] * 2
        )

    def test_behind_features(self):
        X, y = mixed_table()
        inside = bag(blocks=None, max_modalities=2, n_estimators=4)
        clf = MultimodalClassifier(mixed_features(), inside, groups="author")
        assert clf.fit(X, y).score(X, y) > 0.95
        drawn = [
            set(X["author"].iloc[rows]) for rows in clf.estimator_.estimators_samples_
        ]
        assert all(0 < len(authors) < 8 for authors in drawn)

    def test_the_wrong_kind_is_refused(self):
        X, y = three_blocks()
        with pytest.raises(TypeError, match="must be a classifier, got Ridge"):
            bag(Ridge()).fit(X, y)
        with pytest.raises(TypeError, match="must be a regressor, got DecisionTreeC"):
            bag_of_numbers(DecisionTreeClassifier()).fit(X, y)
        with pytest.raises(ValueError, match="max_modalities=4, but there are 3"):
            bag_of_numbers(DecisionTreeRegressor(), max_modalities=4).fit(X, y)
