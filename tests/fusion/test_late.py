import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, PredefinedSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

from mmsk.compose import Block, Blocks, ModalityTransformer, MultimodalClassifier
from mmsk.exceptions import MissingModalityWarning, SingleBlockWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from mmsk.fusion._combine import (
    confidence_rule,
    learn_weights,
    mean_rule,
    product_rule,
    vote_rule,
)
from tests._blocks import BLOCKS, mixed_table, two_blocks

RULES = ["mean", "product", "vote", "confidence", "weighted", "stack"]
THREE = Blocks([Block("a", 0, 2, 2), Block("b", 3, 4, 4), Block("c", 5, 6, 6)])


def late(estimator=None, estimators=None, **params):
    return LateFusionClassifier(estimator, estimators, **({"blocks": BLOCKS} | params))


def three_blocks(n=120, *, absent=0.25, seed=0, n_classes=2):
    """Return X for THREE, its blocks absent at random, and y."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 7))
    score = X[:, 0] + X[:, 3] + 0.3 * X[:, 5]
    y = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))
    present = rng.random((n, 3)) >= absent
    present[~present.any(axis=1), 0] = True
    for block, has in zip(THREE, present.T, strict=True):
        X[:, block.indicator] = has
        X[~has, block.start : block.stop] = 0
    return X, y


def members(X, y, blocks, estimator=None):
    """Fit a classifier on each block alone; return their probabilities."""
    present = blocks.present(X)
    proba = np.zeros((len(blocks), len(X), len(np.unique(y))))
    for position, name in enumerate(blocks.names):
        has = present[:, position]
        alone = EarlyFusionClassifier(estimator, modalities=[name], blocks=blocks)
        proba[position, has] = alone.fit(X[has], y[has]).predict_proba(X[has])
    return proba, present


class TestRules:
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_combine_members_fitted_on_the_rows_that_have_them(self, n_classes):
        X, y = three_blocks(n_classes=n_classes)
        proba, present = members(X, y, THREE)
        prior = np.bincount(y) / len(y)
        expected = {
            "mean": mean_rule(proba, present),
            "product": product_rule(proba, present, prior),
            "vote": vote_rule(proba, present),
            "confidence": confidence_rule(proba, present, prior),
        }
        for rule, fused in expected.items():
            clf = late(combine=rule, blocks=THREE).fit(X, y)
            np.testing.assert_allclose(clf.predict_proba(X), fused)
            np.testing.assert_array_equal(clf.predict(X), fused.argmax(axis=1))

    def test_weighted_is_a_mean_with_its_weights(self):
        X, y = three_blocks()
        clf = late(combine="weighted", blocks=THREE).fit(X, y)
        proba, present = members(X, y, THREE)
        np.testing.assert_allclose(
            clf.predict_proba(X), mean_rule(proba, present, clf.weights_)
        )
        np.testing.assert_allclose(clf.weights_.sum(), 1)
        assert clf.weights_[2] < clf.weights_[:2].min()

    @pytest.mark.parametrize("rule", RULES)
    def test_probabilities(self, rule):
        X, y = three_blocks(n_classes=3)
        proba = late(combine=rule, blocks=THREE).fit(X, y).predict_proba(X)
        assert proba.dtype == np.float64
        assert (proba >= 0).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1)

    @pytest.mark.parametrize("rule", RULES)
    def test_scores_above_the_best_single_modality(self, rule):
        X, y = two_blocks(300)
        new, truth = two_blocks(300, seed=1)
        alone = [
            EarlyFusionClassifier(blocks=BLOCKS, modalities=[name]).fit(X, y)
            for name in "ab"
        ]
        best = max(clf.score(new, truth) for clf in alone)
        score = late(combine=rule).fit(X, y).score(new, truth)
        assert score > best + (0 if rule == "vote" else 0.08)

    def test_out_of_fold_weights_beat_the_mean(self):
        rng = np.random.default_rng(0)
        X, y = two_blocks(400)
        X[:, :2] = rng.normal(size=(400, 2))  # only b tells anything
        new, truth = two_blocks(400, seed=1)
        new[:, :2] = rng.normal(size=(400, 2))
        losses = {
            rule: log_loss(truth, late(combine=rule).fit(X, y).predict_proba(new))
            for rule in ("mean", "weighted", "stack")
        }
        assert losses["weighted"] < losses["mean"] - 0.02
        assert losses["stack"] < losses["mean"] - 0.02

    def test_final_estimator(self):
        X, y = two_blocks(absent=0.3)
        clf = late(combine="stack", final_estimator=GaussianNB()).fit(X, y)
        assert isinstance(clf.final_estimator_, GaussianNB)
        # evidence of both classes from each of two modalities, and two presences
        assert clf.final_estimator_.n_features_in_ == 6
        assert clf.weights_ is None
        assert late().fit(X, y).final_estimator_ is None


class TestAbsent:
    @pytest.mark.parametrize("rule", RULES)
    def test_what_stands_in_for_it_changes_nothing(self, rule):
        X, y = three_blocks()
        clf = late(combine=rule, blocks=THREE).fit(X, y)
        expected = clf.predict_proba(X)
        rng = np.random.default_rng(1)
        other = X.copy()
        for block in THREE:
            absent = X[:, block.indicator] == 0
            other[absent, block.start : block.stop] = rng.normal(
                scale=1e3, size=(absent.sum(), block.width)
            )
        np.testing.assert_array_equal(clf.predict_proba(other), expected)
        refit = clone(clf).fit(other, y)
        np.testing.assert_array_equal(refit.predict_proba(X), expected)

    @pytest.mark.parametrize("rule", ["mean", "product", "weighted"])
    def test_the_others_answer_alone(self, rule):
        X, y = two_blocks(200)
        clf = late(combine=rule).fit(X, y)
        X[:, 2] = 0
        own = clf.named_estimators_["b"].predict_proba(X)
        np.testing.assert_allclose(clf.predict_proba(X), own)

    def test_weights_are_renormalised(self):
        X, y = three_blocks(absent=0)
        clf = late(combine="weighted", blocks=THREE).fit(X, y)
        X[:, 2] = 0
        b, c = (clf.named_estimators_[name].predict_proba(X) for name in "bc")
        share = clf.weights_[1] / (clf.weights_[1] + clf.weights_[2])
        np.testing.assert_allclose(clf.predict_proba(X), share * b + (1 - share) * c)

    @pytest.mark.parametrize("rule", RULES)
    def test_a_row_without_any_gets_the_prior(self, rule):
        X, y = three_blocks()
        weights = np.arange(1.0, len(y) + 1)
        clf = late(combine=rule, blocks=THREE).fit(X, y, sample_weight=weights)
        prior = np.average(y[:, None] == [0, 1], axis=0, weights=weights)
        expected = clf.predict_proba(X)
        gone = X.copy()
        gone[[3, 8]] = 0
        with pytest.warns(MissingModalityWarning, match=r"2 of 120 .*rows \[3, 8\]"):
            proba = clf.predict_proba(gone)
        np.testing.assert_allclose(proba[[3, 8]], [prior, prior])
        kept = np.delete(np.arange(120), [3, 8])
        np.testing.assert_allclose(proba[kept], expected[kept])
        with pytest.warns(MissingModalityWarning):
            np.testing.assert_array_equal(clf.predict(gone[[3]]), [prior.argmax()])

    @pytest.mark.parametrize("rule", RULES)
    def test_rows_without_any_do_not_teach(self, rule):
        X, y = three_blocks()
        X[:20] = 0
        clf = late(combine=rule, blocks=THREE).fit(X, y)
        alone = late(combine=rule, blocks=THREE).fit(X[20:], y[20:])
        np.testing.assert_allclose(clf.class_prior_, np.bincount(y) / len(y))
        if rule in ("mean", "vote"):  # the others use the prior
            np.testing.assert_allclose(
                clf.predict_proba(X[20:]), alone.predict_proba(X[20:])
            )

    @pytest.mark.parametrize("rule", RULES)
    def test_a_modality_that_no_training_row_has(self, rule):
        X, y = three_blocks(absent=0)
        lacking = X.copy()
        lacking[:, :3] = 0
        clf = late(combine=rule, blocks=THREE)
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            clf.fit(lacking, y)
        assert clf.estimators_[0] is None
        # at predict nothing is known of it
        np.testing.assert_allclose(clf.predict_proba(X), clf.predict_proba(lacking))
        only_a = X.copy()
        only_a[:, 3:] = 0
        np.testing.assert_allclose(
            clf.predict_proba(only_a), [clf.class_prior_] * len(y)
        )

    @pytest.mark.parametrize("rule", ["weighted", "stack"])
    def test_folds_that_lack_a_modality(self, rule):
        X, y = three_blocks(absent=0)
        X[12:, :3] = 0  # rows that have it stand in one fold
        folds = PredefinedSplit(np.repeat(np.arange(10), 12))
        clf = late(combine=rule, blocks=THREE, cv=folds).fit(X, y)
        assert np.isfinite(clf.predict_proba(X)).all()
        assert clf.score(X, y) > 0.7

    @pytest.mark.parametrize("rule", ["weighted", "stack"])
    @pytest.mark.parametrize("estimator", [None, DecisionTreeClassifier(max_depth=2)])
    def test_folds_that_lack_a_class(self, rule, estimator):
        X, y = three_blocks(n_classes=3)
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
        y = np.array(["x", "y", "z"])[y]
        clf = late(estimator, combine=rule, blocks=THREE, cv=KFold(3)).fit(X, y)
        proba = clf.predict_proba(X)
        assert proba.shape == (120, 3)
        np.testing.assert_allclose(proba.sum(axis=1), 1)

    @pytest.mark.parametrize("rule", RULES)
    def test_a_modality_that_a_class_lacks(self, rule):
        X, y = three_blocks(absent=0, n_classes=3)
        X[y == 1, :3] = 0
        clf = late(combine=rule, blocks=THREE).fit(X, y)
        assert list(clf.named_estimators_["a"].classes_) == [0, 2]
        assert clf.predict_proba(X).shape == (120, 3)
        assert clf.score(X, y) > 0.5


class Memory(ClassifierMixin, BaseEstimator):
    """Knows the training rows by heart and nothing else."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.known_ = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        proba = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        for place, row in enumerate(X):
            if row.tobytes() in self.known_:
                proba[place] = self.classes_ == self.known_[row.tobytes()]
        return proba

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class TestOutOfFold:
    def test_a_member_that_memorises_gets_no_say(self):
        X, y = two_blocks(200)
        X[:, :2] = np.random.default_rng(1).normal(size=(200, 2))
        own = [("a", Memory())]
        weighted = late(estimators=own, combine="weighted", scale=False).fit(X, y)
        assert weighted.weights_[0] < 0.05
        stack = late(estimators=own, combine="stack", scale=False).fit(X, y)
        coef = np.abs(stack.final_estimator_.coef_[0])
        assert coef[:2].max() < 0.05 < coef[2:4].max()
        # fitted on all rows, it is certain of every one of them
        np.testing.assert_array_equal(stack.named_estimators_["a"].predict(X), y)

    def test_each_row_is_judged_by_models_that_did_not_see_it(self):
        seen = []

        class Judge(LogisticRegression):
            def fit(self, X, y, sample_weight=None):
                seen.append(({row.tobytes() for row in X}, []))
                self.log_ = seen[-1][1]
                return super().fit(X, y, sample_weight)

            def predict_proba(self, X):
                self.log_.extend(row.tobytes() for row in X)
                return super().predict_proba(X)

        X, y = two_blocks(40)
        late(Judge(), combine="stack", scale=False, cv=4).fit(X, y)
        assert len(seen) == 2 + 2 * 4
        judged = [rows for known, rows in seen if rows]
        assert len(judged) == 8
        assert all(not known.intersection(rows) for known, rows in seen)
        assert sum(map(len, judged)) == 2 * 40

    @pytest.mark.parametrize("rule", ["weighted", "stack"])
    def test_groups_stand_on_one_side(self, rule):
        """A member that recognises groups gets no say when they are told."""
        rng = np.random.default_rng(0)
        groups = np.repeat(np.arange(40), 5)
        y = rng.integers(2, size=40)[groups]
        X = np.ones((200, 4))
        X[:, :2] = rng.normal(size=(40, 2))[groups]  # a tells the group
        X[:, 3] = y + rng.normal(scale=1.2, size=200)
        own = [("a", KNeighborsClassifier(1)), ("b", LogisticRegression())]
        clf = late(estimators=own, combine=rule)
        told = clone(clf).fit(X, y, groups=groups)
        untold = clone(clf).fit(X, y)
        if rule == "weighted":
            assert told.weights_[0] < 0.2
            assert untold.weights_[0] > 0.9
        else:
            share = [
                np.abs(each.final_estimator_.coef_[0, :2]).max()
                for each in (told, untold)
            ]
            assert share[0] < 0.1 < 0.3 < share[1]

    def test_groups_reach_a_splitter_of_the_users(self):
        asked = []

        class Folds(GroupKFold):
            def split(self, X, y=None, groups=None):
                asked.append((len(X), list(groups)))
                return super().split(X, y, groups)

        X, y = two_blocks()
        groups = list(np.arange(60) % 6)
        weights = np.arange(60) % 2
        late(combine="stack", cv=Folds(3)).fit(X, y, weights, groups)
        assert asked == [(60, groups)]  # the rows as they were given

    def test_splits_are_of_the_rows_as_they_were_given(self):
        """Rows of no weight, or without modalities, leave the others' folds alone."""
        X, y = three_blocks()
        X[::7] = 0
        weights = np.ones(120)
        weights[::5] = 0
        folds = [
            (
                np.flatnonzero(np.arange(120) % 3 != k),
                np.flatnonzero(np.arange(120) % 3 == k),
            )
            for k in range(3)
        ]
        kept = np.flatnonzero((weights > 0) & (X[:, [2, 4, 6]].any(axis=1)))
        place = np.cumsum(np.isin(np.arange(120), kept)) - 1
        own = [
            (place[train[np.isin(train, kept)]], place[test[np.isin(test, kept)]])
            for train, test in folds
        ]
        clf = late(combine="weighted", blocks=THREE, cv=folds).fit(X, y, weights)
        alone = late(combine="weighted", blocks=THREE, cv=own).fit(X[kept], y[kept])
        np.testing.assert_allclose(clf.weights_, alone.weights_, atol=1e-6)

    def test_rows_in_no_test_fold_are_left_out(self):
        X, y = two_blocks(90)
        fold = np.repeat([-1, 0, 1], 30)
        proba = np.zeros((2, 90, 2))
        for k in (0, 1):
            train, test = fold != k, fold == k
            for position, name in enumerate("ab"):
                alone = EarlyFusionClassifier(blocks=BLOCKS, modalities=[name])
                alone.fit(X[train], y[train])
                proba[position, test] = alone.predict_proba(X[test])
        judged = fold >= 0
        folds = PredefinedSplit(fold)
        weighted = late(combine="weighted", cv=folds).fit(X, y)
        expected = learn_weights(proba[:, judged], np.ones((60, 2), bool), y[judged])
        np.testing.assert_allclose(weighted.weights_, expected, atol=1e-6)
        stack = late(combine="stack", cv=folds).fit(X, y)
        prior = np.bincount(y) / 90
        evidence = np.hstack([*np.log(proba[:, judged] / prior), np.ones((60, 2))])
        final = LogisticRegression(max_iter=1000).fit(evidence, y[judged])
        np.testing.assert_allclose(
            stack.final_estimator_.coef_, final.coef_, rtol=1e-4, atol=1e-6
        )

    def test_one_row_or_group_cannot_be_held_out(self):
        X, y = two_blocks()
        with pytest.raises(ValueError, match="at least two groups, got 1"):
            late(combine="stack").fit(X, y, groups=["g"] * 60)

    def test_few_rows(self):
        X, _ = two_blocks(4)
        clf = late(combine="stack").fit(X, [0, 1, 0, 1])
        assert np.isfinite(clf.predict_proba(X)).all()


class TestEstimators:
    def test_of_their_own(self):
        X, y = two_blocks()
        own = [("a", GaussianNB())]
        clf = late(LogisticRegression(), own).fit(X, y)
        assert isinstance(clf.named_estimators_["a"].estimator_, GaussianNB)
        assert isinstance(clf.named_estimators_["b"].estimator_, LogisticRegression)
        assert [each.modalities for each in clf.estimators_] == [["a"], ["b"]]
        assert not hasattr(own[0][1], "classes_")

    def test_paths(self):
        clf = late(estimators=[("a", LogisticRegression()), ("b", GaussianNB())])
        assert clf.get_params()["a__C"] == 1.0
        clf.set_params(a__C=1e-6, b="drop")
        X, y = two_blocks()
        clf.fit(X, y)
        assert list(clf.named_estimators_) == ["a"]
        np.testing.assert_allclose(clf.predict_proba(X)[:, 1], y.mean(), atol=0.01)
        assert clone(clf).get_params()["a__C"] == 1e-6

    def test_drop_is_not_choosing(self):
        X, y = three_blocks()
        dropped = late(estimators=[("b", "drop")], blocks=THREE).fit(X, y)
        chosen = late(modalities=["a", "c"], blocks=THREE).fit(X, y)
        X[:, 4] = 1 - X[:, 4]
        with pytest.warns(MissingModalityWarning):
            X[0] = [0, 0, 0, 9, 1, 0, 0]
            np.testing.assert_array_equal(
                dropped.predict_proba(X), expected := chosen.predict_proba(X)
            )
        np.testing.assert_allclose(expected[0], dropped.class_prior_)

    def test_a_search_reaches_them(self):
        X, y = two_blocks()
        clf = late(
            estimators=[("a", LogisticRegression()), ("b", LogisticRegression())]
        )
        search = GridSearchCV(
            clf,
            [
                {"a__C": [1e-6, 1.0], "combine": ["mean", "stack"]},
                {"a": ["drop", GaussianNB()]},
                {"modalities": [["a"], ["b"]]},
            ],
            cv=2,
            error_score="raise",
        ).fit(X, y)
        assert len(search.cv_results_["params"]) == 8
        assert search.best_score_ > 0.8

    @pytest.mark.parametrize(
        ("params", "error", "message"),
        [
            ({"estimators": [("c", GaussianNB())]}, ValueError, r"modalities \['c'\]"),
            (
                {"estimators": [("a", GaussianNB()), ("a", LinearSVC())]},
                ValueError,
                "not unique",
            ),
            ({"estimators": [("cv", GaussianNB())]}, ValueError, "conflict"),
            ({"estimators": [GaussianNB()]}, ValueError, "list of"),
            ({"estimators": {"a": GaussianNB()}}, ValueError, "'list' or None"),
            ({"estimators": [(GaussianNB(), "a")]}, ValueError, "a name first, got"),
            ({"estimators": [("a__b", None)]}, ValueError, "must not contain __"),
            ({"estimators": [("z", None)]}, ValueError, r"names .*'z'.*'a', 'b'"),
            ({"estimator": Ridge()}, TypeError, r"estimator must be .*Ridge\(\)"),
            (
                {"estimators": [("b", Ridge())]},
                TypeError,
                r"modality 'b' must be a classifier, got Ridge\(\)",
            ),
            (
                {"combine": "stack", "final_estimator": Ridge()},
                TypeError,
                r"final_estimator must be a classifier, got Ridge\(\)",
            ),
            ({"estimators": [("a", "no")]}, TypeError, "modality 'a'"),
            ({"estimators": [("a", GaussianNB)]}, TypeError, "modality 'a'"),
            ({"estimators": [("a", LinearSVC())]}, TypeError, "LinearSVC has no"),
            ({"estimator": LinearSVC()}, TypeError, "LinearSVC has no predict_proba"),
            (
                {"estimators": [("a", "drop"), ("b", "drop")]},
                ValueError,
                "No modality is chosen",
            ),
            ({"modalities": ["c"]}, ValueError, "Unknown modalities"),
            ({"combine": "max"}, ValueError, "'combine' parameter"),
            ({"blocks": THREE}, ValueError, "describe 7 columns, X has 4"),
        ],
        ids=str,
    )
    def test_refused(self, params, error, message):
        X, y = two_blocks()
        with pytest.raises(error, match=message):
            late(**params).fit(X, y)

    def test_a_dict_is_named_by_whoever_asks_for_tags(self):
        with pytest.raises(ValueError, match=r"list of .*got \{'a': GaussianNB"):
            get_tags(late(estimators={"a": GaussianNB()}))

    def test_missing_numbers_where_all_members_read_them(self):
        X, y = two_blocks()
        X[5, 1] = np.nan
        boosted = HistGradientBoostingClassifier(max_iter=3)
        assert np.isfinite(late(boosted).fit(X, y).predict_proba(X)).all()
        own = [("a", boosted), ("b", LogisticRegression())]
        with pytest.raises(ValueError, match="NaN"):
            late(estimators=own).fit(X, y)

    def test_an_ensemble_that_shows_its_methods_when_fitted(self):
        X, y = two_blocks()
        stack = StackingClassifier([("l", LogisticRegression())], cv=2)
        for clf in (late(stack), late(estimators=[("a", stack)])):
            assert clf.fit(X, y).score(X, y) > 0.75


class TestWeights:
    @pytest.mark.parametrize("rule", ["mean", "product", "vote"])
    def test_2_is_a_row_twice_and_0_is_none(self, rule):
        X, y = three_blocks()
        weights = np.arange(120) % 3
        rows = np.repeat(np.arange(120), weights)
        clf = late(LogisticRegression(tol=1e-8), combine=rule, blocks=THREE)
        weighted = clone(clf).fit(X, y, sample_weight=weights)
        plain = clone(clf).fit(X[rows], y[rows])
        np.testing.assert_allclose(
            weighted.predict_proba(X), plain.predict_proba(X), rtol=1e-4, atol=1e-6
        )

    @pytest.mark.parametrize("rule", RULES)
    def test_0_is_as_if_the_row_were_not_there(self, rule):
        X, y = three_blocks()
        weights = np.where(np.arange(120) % 4, 1.5, 0)
        kept = weights > 0
        clf = late(combine=rule, blocks=THREE)
        weighted = clone(clf).fit(X, y, sample_weight=weights)
        removed = clone(clf).fit(X[kept], y[kept], sample_weight=weights[kept])
        np.testing.assert_array_equal(
            weighted.predict_proba(X), removed.predict_proba(X)
        )

    def test_reach_the_final_estimator(self):
        X, y = two_blocks()
        clf = late(combine="stack", final_estimator=KNeighborsClassifier())
        clf.fit(X, y)
        with pytest.raises(ValueError, match="KNeighborsClassifier does not take"):
            clf.fit(X, y, sample_weight=np.full(60, 0.5))
        clf.fit(X, y, sample_weight=np.full(60, 2))
        BaggingClassifier(clf, 2, random_state=0).fit(X, y)

    def test_a_final_estimator_without_probabilities_is_refused(self):
        X, y = two_blocks()
        with pytest.raises(TypeError, match="RidgeClassifier has no predict_proba"):
            late(combine="stack", final_estimator=RidgeClassifier()).fit(X, y)


class TestInterface:
    def test_labels(self):
        X, y = three_blocks(n_classes=3)
        for labels in (["low", "mid", "top"], [7, 3, 5]):
            named = np.array(labels)[y]
            clf = late(combine="stack", blocks=THREE).fit(X, named)
            np.testing.assert_array_equal(clf.classes_, np.unique(labels))
            assert clf.predict(X).dtype == named.dtype
            assert clf.score(X, named) > 0.6

    @pytest.mark.parametrize("rule", RULES)
    def test_one_class(self, rule):
        X, _ = two_blocks()
        clf = late(combine=rule).fit(X, ["only"] * 60)
        assert set(clf.predict(X)) == {"only"}
        np.testing.assert_array_equal(clf.predict_proba(X), np.ones((60, 1)))

    @pytest.mark.parametrize("rule", RULES)
    def test_sparse_is_dense(self, rule):
        X, y = three_blocks()
        clf = late(
            LogisticRegression(tol=1e-10), combine=rule, blocks=THREE, scale=False
        )
        dense = clone(clf).fit(X, y)
        sparse = clone(clf).fit(sp.csr_array(X), y)
        np.testing.assert_allclose(
            sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), rtol=1e-4
        )

    @pytest.mark.parametrize("rule", RULES)
    def test_clone_and_pickle(self, rule):
        X, y = three_blocks()
        clf = late(combine=rule, blocks=THREE, n_components=1).fit(X, y)
        expected = clf.predict_proba(X)
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), expected)
        assert clone(clf).blocks is THREE

    @pytest.mark.parametrize("rule", RULES)
    def test_batch_is_one_by_one(self, rule):
        X, y = three_blocks(40)
        clf = late(combine=rule, blocks=THREE).fit(X, y)
        rows = [clf.predict_proba(X[[i]]) for i in range(40)]
        np.testing.assert_allclose(np.vstack(rows), clf.predict_proba(X))

    def test_jobs_give_the_same(self):
        X, y = three_blocks()
        clf = late(combine="stack", blocks=THREE)
        expected = clone(clf).fit(X, y).predict_proba(X)
        with parallel_config("threading"):
            again = clone(clf).set_params(n_jobs=2).fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), expected)

    def test_refit_forgets(self):
        X, y = two_blocks()
        clf = late(combine="stack").fit(X, y)
        clf.set_params(combine="mean").fit(X, y)
        expected = late().fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)

    def test_one_block_is_nothing_to_fuse(self):
        X, y = two_blocks()
        with pytest.warns(SingleBlockWarning, match="LateFusionClassifier") as caught:
            late(blocks=None).fit(X, y)
        assert len(caught) == 1
        assert caught[0].filename == __file__

    def test_x_is_not_written_to(self):
        X, y = three_blocks()
        given = X.copy()
        late(combine="stack", blocks=THREE).fit(given, y).predict(given)
        np.testing.assert_array_equal(given, X)

    def test_not_fitted(self):
        for method in ("predict", "predict_proba"):
            with pytest.raises(NotFittedError):
                getattr(late(), method)(np.zeros((1, 4)))


class TestPlainPipeline:
    """In scikit-learn's own Pipeline the blocks are read from column names."""

    @staticmethod
    def branches():
        return [
            ("text", TfidfExtractor(n_components=3, random_state=0), ["title"]),
            ("table", TableExtractor(), ["price"]),
        ]

    @pytest.mark.parametrize(
        "estimator",
        [
            EarlyFusionClassifier(),
            EarlyFusionClassifier(modalities=["text"]),
            LateFusionClassifier(),
            LateFusionClassifier(combine="stack"),
            LateFusionClassifier(estimators=[("text", GaussianNB())]),
        ],
        ids=["early", "text", "late", "stack", "own"],
    )
    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_is_the_multimodal_classifier(self, estimator, library):
        X, y = mixed_table()
        pipeline = make_pipeline(
            ColumnTransformer(self.branches()).set_output(transform=library),
            clone(estimator),
        ).fit(X, y)
        assert pipeline[-1].blocks_.names == ("text", "table")
        assert pipeline[-1].blocks_["text"].indicator is not None
        clf = MultimodalClassifier(ModalityTransformer(self.branches()), estimator)
        clf.fit(X, y)
        np.testing.assert_allclose(
            pipeline.predict_proba(X), clf.predict_proba(X), atol=2e-3
        )

    def test_a_search_through_the_pipeline(self):
        X, y = mixed_table()
        pipeline = make_pipeline(
            ColumnTransformer(self.branches()).set_output(transform="pandas"),
            LateFusionClassifier(estimators=[("text", LogisticRegression())]),
        )
        search = GridSearchCV(
            pipeline,
            {
                "columntransformer__text__min_df": [1, 2],
                "latefusionclassifier__text__C": [0.1, 1.0],
            },
            cv=2,
            error_score="raise",
        ).fit(X, y)
        assert search.best_score_ > 0.6

    def test_columns_without_names_are_one_block(self):
        X, y = mixed_table()
        pipeline = make_pipeline(
            ColumnTransformer(self.branches()), LateFusionClassifier()
        )
        with pytest.warns(SingleBlockWarning):
            pipeline.fit(X, y)

    def test_a_scaler_between_is_noticed(self):
        X, y = mixed_table()
        X.loc[::5, "title"] = None
        table = ColumnTransformer(self.branches()).set_output(transform="pandas")
        scaled = table.fit_transform(X) * 2 - 1
        with pytest.raises(ValueError, match=r"presence column \d of modality 'text'"):
            LateFusionClassifier().fit(scaled, y)
