"""Boosting over modalities: its rounds, who wins them, and who lacks what."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from mmsk.compose import Block, Blocks, MultimodalClassifier
from mmsk.ensemble import ModalityBoostingClassifier
from mmsk.exceptions import (
    MissingModalityWarning,
    PerfectFitWarning,
    SingleBlockWarning,
)
from mmsk.fusion import EarlyFusionClassifier
from tests._blocks import BLOCKS, RAW, Reader, mixed_features, mixed_table
from tests.ensemble.test_stacking_blocks import THREE, three_blocks

STUMP = DecisionTreeClassifier(max_depth=1)


def boost(*arguments, blocks=THREE, n_estimators=12, **params):
    params = {"random_state": 0, "n_estimators": n_estimators} | params
    return ModalityBoostingClassifier(*arguments, blocks=blocks, **params)


def by_hand(X, y, n_rounds, n_classes):
    """Return the winners and weights of rounds on rows that have everything."""
    weights, winners, alphas = np.full(len(y), 1 / len(y)), [], []
    for _ in range(n_rounds):
        wrong = {}
        for block in THREE:
            own = X[:, block.start : block.stop]
            wrong[block.name] = (
                clone(STUMP).fit(own, y, sample_weight=weights).predict(own) != y
            )
        errors = {name: weights[each].sum() for name, each in wrong.items()}
        winner = min(errors, key=errors.get)
        alpha = np.log((1 - errors[winner]) / errors[winner]) + np.log(n_classes - 1)
        weights = weights * np.exp(alpha * wrong[winner])
        weights /= weights.sum()
        winners.append(winner)
        alphas.append(alpha)
    return winners, alphas


class TestRounds:
    @pytest.mark.filterwarnings("ignore::mmsk.exceptions.SingleBlockWarning")
    @pytest.mark.parametrize(
        ("n_classes", "learning_rate", "depth"),
        [(2, 1.0, 1), (2, 0.3, 1), (4, 1.0, 1), (4, 0.3, 1), (2, 1.0, 2)],
    )
    def test_one_modality_is_adaboost(self, n_classes, learning_rate, depth):
        X, y = make_classification(
            150, 8, n_informative=6, n_classes=n_classes, random_state=0
        )
        y = np.array(["a", "b", "c", "d"])[y]
        params = {"n_estimators": 15, "learning_rate": learning_rate, "random_state": 0}
        tree = DecisionTreeClassifier(max_depth=depth)
        theirs = AdaBoostClassifier(tree, **params).fit(X, y)
        ours = ModalityBoostingClassifier(tree, **params).fit(X, y)
        for name in ("estimator_weights_", "estimator_errors_", "feature_importances_"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name))
        for name in ("decision_function", "predict_proba", "predict_log_proba"):
            np.testing.assert_allclose(
                getattr(ours, name)(X), getattr(theirs, name)(X), atol=1e-12
            )
            if name != "predict_log_proba":
                staged = zip(
                    getattr(ours, f"staged_{name}")(X),
                    getattr(theirs, f"staged_{name}")(X),
                    strict=True,
                )
                for mine, other in staged:
                    np.testing.assert_allclose(mine, other, atol=1e-12)
        assert ours.predict(X).tolist() == theirs.predict(X).tolist()
        assert list(ours.staged_score(X, y)) == list(theirs.staged_score(X, y))

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_the_winner_has_the_smallest_error(self, n_classes):
        X, y = three_blocks(absent=0.0, n_classes=n_classes)
        clf = boost(n_estimators=8).fit(X, y)
        winners, alphas = by_hand(X.astype(np.float32), y, 8, n_classes)
        assert clf.estimator_modalities_ == winners
        np.testing.assert_allclose(clf.estimator_weights_, alphas)
        assert clf.estimator_rounds_.tolist() == list(range(8))

    @pytest.mark.parametrize("cooperation", [False, True])
    def test_all_of_a_round_join_best_first(self, cooperation):
        X, y = three_blocks()
        best = boost(cooperation=cooperation, n_estimators=1).fit(X, y)
        clf = boost(combine="all", cooperation=cooperation).fit(X, y)
        assert clf.estimator_modalities_[0] == best.estimator_modalities_[0]
        assert clf.estimator_weights_[0] == best.estimator_weights_[0]
        first = np.array(clf.estimator_modalities_)[clf.estimator_rounds_ == 0]
        assert 1 < len(first) == len(set(first))
        assert (clf.estimator_weights_ > 0).all()
        assert len(list(clf.staged_predict(X))) == len(set(clf.estimator_rounds_))

    @pytest.mark.parametrize("combine", ["best", "all"])
    def test_every_vote_takes_from_the_loss(self, combine):
        X, y = three_blocks()
        clf = boost(combine=combine, n_estimators=20).fit(X, y)
        loss, present = np.zeros(len(y)), THREE.present(X)
        losses = [1.0]
        members = zip(
            clf.estimators_,
            clf.estimator_modalities_,
            clf.estimator_weights_,
            strict=True,
        )
        for model, name, weight in members:
            block, has = THREE[name], present[:, THREE.names.index(name)]
            right = model.predict(X[has, block.start : block.stop]) == y[has]
            loss[has] += np.where(right, -2 * weight / 3, weight / 3)
            losses.append(np.exp(loss).mean())
        assert (np.diff(losses) < 0).all()

    def test_cooperation_shares_the_samples_out(self):
        """One half of the samples can be told by a, the other by b."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(400, 4))
        y = np.where(rng.random(400) < 0.5, 1, 0)
        half = np.arange(400) < 200
        X[half, 0] = y[half] - 0.5
        X[~half, 3] = y[~half] - 0.5
        X[:, 2] = 1
        alone = boost(blocks=BLOCKS).fit(X, y)
        shared = boost(blocks=BLOCKS, cooperation=True).fit(X, y)
        # after the first round each is left with what nobody knows, and its own half
        errors = shared.estimator_errors_[1:].mean(), alone.estimator_errors_[1:].mean()
        assert errors[0] != errors[1]
        assert shared.score(X, y) > 0.75

    def test_modalities_tried_one_a_round(self):
        X, y = three_blocks()
        clf = boost(max_modalities=1, n_estimators=30).fit(X, y)
        assert set(clf.estimator_modalities_) == {"a", "b", "c"}
        again = boost(max_modalities=0.4, n_estimators=30).fit(X, y)
        assert again.estimator_modalities_ == clf.estimator_modalities_

    def test_draws_by_gain_try_everyone_first_and_then_who_gains(self):
        rng = np.random.default_rng(0)
        X = np.ones((300, 7))
        X[:, [0, 1, 3, 5]] = rng.normal(size=(300, 4))
        y = (X[:, 3] + 0.3 * rng.normal(size=300) > 0).astype(int)
        clf = boost(max_modalities=1, draw="weighted", n_estimators=60).fit(X, y)
        tried = clf.estimator_modalities_
        assert set(tried[:3]) == {"a", "b", "c"}
        uniform = boost(max_modalities=1, n_estimators=60).fit(X, y)
        # what b gains at first counts in its mean for long
        assert tried.count("b") > uniform.estimator_modalities_.count("b")

    def test_a_perfect_round_is_the_last(self):
        X, y = three_blocks(absent=0.0)
        X[:, 3] = y
        with pytest.warns(PerfectFitWarning) as caught:
            clf = boost(DecisionTreeClassifier(max_depth=2)).fit(X, y)
        assert str(caught[0].message).startswith(
            "Boosting ended after 1 of 12 rounds: DecisionTreeClassifier on modality "
            "'b' makes no error on the training samples"
        )
        assert caught[0].filename == __file__
        assert clf.estimator_modalities_ == ["b"]
        assert clf.estimator_errors_.tolist() == [0]
        assert clf.score(X, y) == 1

    def test_noise_that_is_known_by_heart_is_warned_of(self):
        rng = np.random.default_rng(0)
        y = np.arange(60) % 2
        noise, told = 5 * rng.normal(size=(60, 200)), rng.normal(size=60) + 1.5 * y
        X = np.column_stack([noise, told])
        pair = Blocks([Block("wide", 0, 200), Block("narrow", 200, 201)])
        strong = boost(LogisticRegression(max_iter=1000), blocks=pair)
        with pytest.warns(PerfectFitWarning, match="1 of 12 .* modality 'wide'"):
            strong.fit(X, y)
        remedied = boost(LogisticRegression(C=1e-5, max_iter=1000), blocks=pair)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            remedied.fit(X, y)
        assert "narrow" in remedied.estimator_modalities_

    def test_rounds_that_were_all_asked_for_warn_of_nothing(self):
        X, y = three_blocks(absent=0.0)
        X[:, 3] = y
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            boost(DecisionTreeClassifier(max_depth=2), n_estimators=1).fit(X, y)

    def test_nobody_is_better_than_chance(self):
        X = np.zeros((40, 7))
        X[:, [2, 4, 6]] = 1
        with pytest.raises(ValueError, match=r"'c'\] is better than chance"):
            boost().fit(X, np.arange(40) % 2)

    def test_one_class(self):
        X, _ = three_blocks(20, absent=0.0)
        clf = boost().fit(X, np.repeat("only", 20))
        assert clf.predict(X).tolist() == ["only"] * 20
        assert clf.predict_proba(X).tolist() == [[1.0]] * 20


class TestAbsent:
    def test_samples_are_judged_by_the_modalities_that_they_have(self):
        X, y = three_blocks()
        clf = boost(n_estimators=20).fit(X, y)
        only_b = X[(X[:, 4] == 1)].copy()
        only_b[:, [2, 6]] = 0
        votes = np.zeros((len(only_b), 3))
        total = 0
        for model, name, weight in zip(
            clf.estimators_,
            clf.estimator_modalities_,
            clf.estimator_weights_,
            strict=True,
        ):
            if name == "b":
                votes -= weight / 2
                said = model.predict(only_b[:, 3:4])
                votes[np.arange(len(said)), said] += 1.5 * weight
                total += weight
        np.testing.assert_allclose(clf.decision_function(only_b), votes / total)

    def test_a_sample_with_nothing_gets_the_prior(self):
        X, y = three_blocks()
        for target in (y, y > 0):
            clf = boost().fit(X, target)
            with pytest.warns(MissingModalityWarning, match=r"1 of 2 samples"):
                proba = clf.predict_proba(np.vstack([X[:1], np.zeros((1, 7))]))
            np.testing.assert_allclose(proba[1], clf.class_prior_)

    def test_a_modality_that_no_vote_reads_does_not_help(self):
        X, y = three_blocks(absent=0.0)
        X[:, 3] = y
        with pytest.warns(PerfectFitWarning):
            clf = boost(DecisionTreeClassifier(max_depth=2)).fit(X, y)
        X[:, 4] = 0
        with pytest.warns(MissingModalityWarning, match=r"\['b'\]"):
            proba = clf.predict_proba(X)
        np.testing.assert_allclose(proba, np.tile(clf.class_prior_, (len(X), 1)))

    def test_nobody_has_it(self):
        X, y = three_blocks()
        X[:, 6] = 0
        X[X[:, [2, 4]].sum(axis=1) == 0, 2] = 1
        with pytest.warns(MissingModalityWarning, match=r"\['c'\]"):
            clf = boost().fit(X, y)
        assert set(clf.estimator_modalities_) == {"a", "b"}


class TestWeights:
    def test_of_classes_are_weights_of_samples(self):
        X, y = three_blocks(absent=0.0)
        for class_weight in ({0: 3.0, 1: 1.0, 2: 0.5}, "balanced"):
            weights = compute_sample_weight(class_weight, y)
            by_class = boost(class_weight=class_weight).fit(X, y)
            by_sample = boost().fit(X, y, sample_weight=weights)
            np.testing.assert_allclose(
                by_class.decision_function(X), by_sample.decision_function(X)
            )

    def test_of_classes_and_samples_multiply(self):
        X, y = three_blocks(absent=0.0)
        weights = np.random.default_rng(0).random(len(y))
        both = boost(class_weight={0: 2, 1: 1, 2: 1})
        both.fit(X, y, sample_weight=weights)
        expected = boost().fit(X, y, sample_weight=weights * np.where(y == 0, 2, 1))
        np.testing.assert_allclose(
            both.decision_function(X), expected.decision_function(X)
        )

    def test_of_a_class_cannot_be_zero(self):
        X, y = three_blocks()
        with pytest.raises(ValueError, match="class_weight must be positive"):
            boost(class_weight={0: 0, 1: 1, 2: 1}).fit(X, y)

    @pytest.mark.parametrize(
        "inner",
        [KNeighborsClassifier(), make_pipeline(MinMaxScaler(), KNeighborsClassifier())],
    )
    def test_an_estimator_that_takes_none_is_named_with_what_to_do(self, inner):
        with pytest.raises(ValueError) as raised:
            boost(inner).fit(*three_blocks())
        said = str(raised.value)
        assert f"the fit of {inner!r} uses no sample_weight" in said
        assert "Pass an estimator that does, such as DecisionTreeClassifier" in said
        assert "or use ModalityBaggingClassifier" in said


class TestImportances:
    def test_of_features(self):
        X, y = three_blocks()
        clf = boost(n_estimators=30).fit(X, y)
        importances = clf.feature_importances_
        assert importances.sum() == pytest.approx(1)
        assert importances[[2, 4, 6]].tolist() == [0, 0, 0]
        assert importances[0] > importances[1]
        for block in THREE:
            assert importances[block.start : block.stop].sum() == pytest.approx(
                clf.modality_weights_[block.name]
            )

    def test_of_an_estimator_without(self):
        clf = boost(LogisticRegression()).fit(*three_blocks())
        with pytest.raises(AttributeError, match="LogisticRegression has no feature_"):
            _ = clf.feature_importances_
        assert sum(clf.modality_weights_.values()) == pytest.approx(1)

    def test_of_some_of_the_modalities(self):
        X, y = three_blocks(absent=0.0)
        clf = boost(modalities=["c", "b"]).fit(X, y)
        assert set(clf.modality_weights_) == {"b", "c"}
        assert clf.feature_importances_[:3].tolist() == [0, 0, 0]


class TestInput:
    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
    def test_frames(self, frame):
        X, y = three_blocks(absent=0.0)
        names = ["a__0", "a__1", "b__0", "c__0"]
        columns = X[:, [0, 1, 3, 5]]
        table = frame(dict(zip(names, columns.T, strict=True)))
        clf = boost(blocks=None).fit(table, y)
        expected = boost().fit(X, y)
        assert clf.estimator_modalities_ == expected.estimator_modalities_
        np.testing.assert_allclose(clf.predict_proba(table), expected.predict_proba(X))

    def test_sparse_is_dense(self):
        X, y = three_blocks(absent=0.0)
        dense = boost(LogisticRegression(tol=1e-8)).fit(X, y)
        sparse = boost(LogisticRegression(tol=1e-8)).fit(sp.csr_array(X), y)
        np.testing.assert_allclose(
            sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), atol=1e-8
        )
        tree = boost().fit(sp.csr_array(X), y)
        np.testing.assert_allclose(
            tree.predict_proba(X), boost().fit(X, y).predict_proba(X)
        )

    def test_nan_for_an_estimator_that_reads_it(self):
        X, y = three_blocks()
        X[::7, 0] = np.nan
        booster = HistGradientBoostingClassifier(max_iter=2)
        assert boost(booster).fit(X, y).score(X, y) > 0.6
        with pytest.raises(ValueError, match="NaN"):
            boost(LogisticRegression()).fit(X, y)

    def test_an_estimator_of_blocks_is_told_the_one_that_it_sees(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(30, 6))
        X[:, 4] = 1
        y = np.zeros(30, dtype=int)  # what a Reader says
        y[:5] = 1
        groups = np.arange(30) % 4
        reader = Reader()
        clf = boost(reader, blocks=RAW, n_estimators=1, combine="all")
        clf.fit(X, y, groups=groups)
        member = clf.estimators_[clf.estimator_modalities_.index("a")]
        assert member.blocks == Blocks([Block("a", 0, 4, None, "image", (2, 2))])
        np.testing.assert_array_equal(member.X_, X[:, :4])
        np.testing.assert_array_equal(member.groups_, groups)
        assert reader.blocks is None

    def test_around_a_fusion_warns_of_nothing(self):
        X, y = three_blocks(absent=0.1)
        X[:, 2] = 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            clf = boost(EarlyFusionClassifier(), n_estimators=5).fit(X, y)
            assert clf.score(X, y) > 0.55

    def test_one_block_is_warned_of(self):
        X, y = three_blocks(absent=0.0)
        with pytest.warns(SingleBlockWarning, match="one block"):
            boost(blocks=None).fit(X, y)

    def test_behind_features(self):
        X, y = mixed_table()
        y = np.where(y == "none", "no", "yes")  # one of the two is enough
        inside = boost(blocks=None)
        clf = MultimodalClassifier(mixed_features(), inside, groups="author")
        assert clf.fit(X, y).score(X, y) == 1
        assert {*clf.estimator_.estimator_modalities_} == {"text", "table"}

    def test_a_regressor_is_refused(self):
        with pytest.raises(TypeError, match="must be a classifier, got Ridge"):
            boost(Ridge()).fit(*three_blocks())

    def test_more_modalities_than_there_are(self):
        with pytest.raises(ValueError, match="max_modalities=4, but there are 3"):
            boost(max_modalities=4).fit(*three_blocks())
