import pickle
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mmsk.compose import Block, Blocks
from mmsk.ensemble import EnsembleSelectionClassifier, EnsembleSelectionRegressor
from mmsk.exceptions import GroupsWarning, MissingModalityWarning
from mmsk.fusion import EarlyFusionClassifier
from tests._blocks import BLOCKS, Folds, Reader, two_blocks

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
NAMED = np.array(["setosa", "versicolor", "virginica"])[Y_IRIS]
X_NUMBERS, Y_NUMBERS = (each[:150] for each in load_diabetes(return_X_y=True))
FOLDS = KFold(3, shuffle=True, random_state=0)


def library():
    return [
        ("lr", LogisticRegression(max_iter=1000)),
        ("weak", LogisticRegression(C=1e-5)),
        ("nb", GaussianNB()),
        ("tree", DecisionTreeClassifier(random_state=0)),
    ]


def regressors():
    return [
        ("ridge", Ridge(0.1)),
        ("weak", Ridge(1e5)),
        ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
    ]


def selection(**params):
    return EnsembleSelectionClassifier(**({"estimators": library()} | params))


class TestChoice:
    def test_is_of_out_of_fold_predictions(self):
        """A tree that knows its own rows by heart gets no say."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(120, 3))
        y = (X[:, 0] + rng.normal(size=120) > 0).astype(int)
        clf = selection(cv=FOLDS).fit(X, y)
        assert clf.weights_[3] < 0.05
        tree = DecisionTreeClassifier(random_state=0).fit(X, y)
        assert tree.score(X, y) == 1
        for name, estimator in library():
            expected = np.zeros((120, 2))
            for train, test in FOLDS.split(X):
                fold = clone(estimator).fit(X[train], y[train])
                expected[test] = fold.predict_proba(X[test])
            np.testing.assert_allclose(clf.oof_predictions_[name], expected)

    def test_those_chosen_are_fitted_on_all_rows_and_no_others(self):
        clf = selection(cv=FOLDS).fit(X_IRIS, NAMED)
        assert clf.weights_[1] == 0
        assert clf.estimators_[1] is None
        assert clf.named_estimators_["weak"] == "drop"
        np.testing.assert_allclose(clf.weights_.sum(), 1)
        mean = 0
        for weight, (_, estimator) in zip(clf.weights_, library(), strict=True):
            fitted = clone(estimator).fit(X_IRIS, NAMED)
            mean = mean + weight * fitted.predict_proba(X_IRIS)
        np.testing.assert_allclose(clf.predict_proba(X_IRIS), mean)
        np.testing.assert_array_equal(
            clf.predict(X_IRIS), clf.classes_[mean.argmax(axis=1)]
        )

    def test_number_of_fits(self):
        fits = []

        class Counted(GaussianNB):
            def fit(self, X, y, sample_weight=None):
                fits.append((self.var_smoothing, len(X)))
                return super().fit(X, y, sample_weight)

        members = [("good", Counted()), ("bad", Counted(var_smoothing=1e5))]
        selection(estimators=members, cv=3).fit(X_IRIS, Y_IRIS)
        assert fits.count((1e-9, 100)) == fits.count((1e5, 100)) == 3
        assert [each for each in fits if each[1] == 150] == [(1e-9, 150)]

    def test_scores(self):
        clf = selection(cv=FOLDS).fit(X_IRIS, Y_IRIS)
        oof = clf.oof_predictions_
        expected = [-log_loss(Y_IRIS, oof[name]) for name, _ in library()]
        np.testing.assert_allclose(clf.scores_, expected)
        mean = sum(
            w * oof[n] for w, (n, _) in zip(clf.weights_, library(), strict=True)
        )
        np.testing.assert_allclose(clf.score_, -log_loss(Y_IRIS, mean))
        assert clf.score_ >= clf.scores_.max()

    @pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", log_loss])
    def test_metric_decides(self, metric):
        found = selection(cv=FOLDS, metric=metric).fit(X_IRIS, Y_IRIS)
        default = selection(cv=FOLDS).fit(X_IRIS, Y_IRIS)
        alike = np.array_equal(found.weights_, default.weights_)
        assert alike == (metric != "accuracy")
        if metric == "accuracy":
            right = found.oof_predictions_["lr"].argmax(axis=1) == Y_IRIS
            assert found.scores_[0] == right.mean()

    def test_bags(self):
        members = [
            (f"c{i}", LogisticRegression(C=0.1**i, max_iter=1000)) for i in range(8)
        ]
        one = selection(estimators=members, n_bags=1).fit(X_IRIS, Y_IRIS)
        many = selection(estimators=members, n_bags=15).fit(X_IRIS, Y_IRIS)
        other = selection(estimators=members, n_bags=15, random_state=1, cv=FOLDS)
        again = clone(other).fit(X_IRIS, Y_IRIS)
        assert (many.weights_ > 0).sum() > (one.weights_ > 0).sum()
        np.testing.assert_array_equal(
            other.fit(X_IRIS, Y_IRIS).weights_, again.weights_
        )
        other.set_params(random_state=2).fit(X_IRIS, Y_IRIS)
        assert not np.array_equal(other.weights_, again.weights_)

    def test_prefit_chooses_among_those_there_are(self):
        half = np.arange(150) % 2 == 0
        members = [
            (name, each.fit(X_IRIS[half], NAMED[half])) for name, each in library()
        ]
        clf = selection(estimators=members, cv="prefit")
        clf.fit(X_IRIS[~half], NAMED[~half])
        for fitted, (name, given), weight in zip(
            clf.estimators_, members, clf.weights_, strict=True
        ):
            assert fitted is (given if weight else None)
            np.testing.assert_array_equal(
                clf.oof_predictions_[name], given.predict_proba(X_IRIS[~half])
            )
        with pytest.raises(NotFittedError):
            selection(cv="prefit").fit(X_IRIS, Y_IRIS)

    def test_regressors(self):
        reg = EnsembleSelectionRegressor(regressors(), cv=FOLDS)
        reg.fit(X_NUMBERS, Y_NUMBERS)
        assert reg.weights_[1] == 0 < reg.weights_[0]
        mean = sum(
            weight * clone(each).fit(X_NUMBERS, Y_NUMBERS).predict(X_NUMBERS)
            for weight, (_, each) in zip(reg.weights_, regressors(), strict=True)
        )
        np.testing.assert_allclose(reg.predict(X_NUMBERS), mean)
        error = ((reg.oof_predictions_["ridge"] - Y_NUMBERS) ** 2).mean()
        np.testing.assert_allclose(reg.scores_[0], -error / Y_NUMBERS.var())
        mae = EnsembleSelectionRegressor(
            regressors(), metric="neg_mean_absolute_error", cv=FOLDS
        ).fit(X_NUMBERS, Y_NUMBERS)
        error = np.abs(mae.oof_predictions_["ridge"] - Y_NUMBERS).mean()
        np.testing.assert_allclose(mae.scores_[0], -error)

    def test_several_targets_in_different_units(self):
        Y = np.stack([Y_NUMBERS, 1e-6 * X_NUMBERS[:, 0]], axis=1)
        reg = EnsembleSelectionRegressor(regressors(), cv=FOLDS)
        assert reg.__sklearn_tags__().target_tags.multi_output
        reg.fit(X_NUMBERS, Y)
        assert reg.predict(X_NUMBERS).shape == (150, 2)
        again = clone(reg).fit(X_NUMBERS, Y * [1, 1e6])
        np.testing.assert_allclose(reg.weights_, again.weights_)
        assert reg.predict(X_NUMBERS[:1]).shape == (1, 2)


class TestWeights:
    def test_reach_fits_and_metric(self):
        asked = []

        def loss(y, proba, sample_weight=None):
            asked.append(sample_weight)
            return log_loss(y, proba, sample_weight=sample_weight)

        seen = []

        class Judge(GaussianNB):
            def fit(self, X, y, sample_weight=None):
                seen.append(len(sample_weight))
                return super().fit(X, y, sample_weight)

        weights = np.linspace(1, 2, 150)
        selection(estimators=[("j", Judge())], metric=loss, cv=3).fit(
            X_IRIS, Y_IRIS, sample_weight=weights
        )
        assert seen == [100, 100, 100, 150]
        assert asked
        assert all(np.array_equal(each, weights) for each in asked)

    def test_that_would_be_lost_are_refused(self):
        clf = selection(estimators=[("knn", KNeighborsClassifier())])
        with pytest.raises(ValueError, match="KNeighborsClassifier does not take"):
            clf.fit(X_IRIS, Y_IRIS, sample_weight=np.full(150, 0.5))

    def test_0_is_as_if_the_row_were_not_there(self):
        weights = np.where(np.arange(150) % 4, 1.5, 0)
        kept = weights > 0
        one = selection().fit(X_IRIS, Y_IRIS, sample_weight=weights)
        other = selection().fit(X_IRIS[kept], Y_IRIS[kept], weights[kept])
        np.testing.assert_array_equal(one.weights_, other.weights_)
        np.testing.assert_array_equal(
            one.predict_proba(X_IRIS), other.predict_proba(X_IRIS)
        )
        assert np.isnan(one.oof_predictions_["lr"][~kept]).all()
        assert not np.isnan(one.oof_predictions_["lr"][kept]).any()


class TestModalities:
    THREE = Blocks([Block("a", 0, 2, 2), Block("b", 3, 4, 4)])

    def by_modality(self):
        return [
            (f"of_{name}", EarlyFusionClassifier(modalities=[name])) for name in "ab"
        ]

    def data(self, n=200):
        X, y = two_blocks(n, absent=0.3)
        X = np.column_stack([X, np.ones(n)])
        X[::7, 4], X[::7, 3] = 0, 0
        X[X[:, 2] == 0, 4] = 1
        return X, y

    def test_each_is_asked_only_about_what_it_sees(self):
        X, y = self.data()
        clf = selection(estimators=self.by_modality(), blocks=self.THREE).fit(X, y)
        assert (clf.weights_ > 0.2).all()
        for name, own, other, block in (("of_a", 2, 4, 0), ("of_b", 4, 2, 1)):
            lacks = X[:, own] == 0
            said = clf.oof_predictions_[name]
            np.testing.assert_allclose(said[lacks], [clf.class_prior_] * lacks.sum())
            alone = X[:, other] == 0
            fitted = clf.named_estimators_[name]
            np.testing.assert_allclose(
                clf.predict_proba(X)[alone], fitted.predict_proba(X[alone])
            )
            assert fitted.modalities == [self.THREE.names[block]]

    def test_a_row_that_no_one_chosen_sees_gets_the_prior(self):
        X, y = two_blocks(100, absent=0.2)
        members = [*self.by_modality(), ("all", LogisticRegression())]
        clf = selection(estimators=members, blocks=BLOCKS).fit(X, y)
        a = selection(estimators=members[:1], blocks=BLOCKS).fit(X, y)
        with pytest.warns(MissingModalityWarning, match=r"of the modalities \['a'\]"):
            proba = a.predict_proba(X)
        absent = X[:, 2] == 0
        np.testing.assert_allclose(proba[absent], [a.class_prior_] * absent.sum())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isfinite(clf.predict_proba(X)).all()

    def test_a_modality_that_no_training_row_has(self):
        X, y = self.data()
        X[:, :3], X[:, 4] = 0, 1
        clf = selection(estimators=self.by_modality(), blocks=self.THREE)
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            clf.fit(X, y)
        assert clf.weights_.tolist() == [0, 1]
        assert clf.estimators_[0] is None

    def test_blocks_are_handed_down(self):
        X, y = two_blocks()
        clf = selection(estimators=[("r", Reader())], blocks=BLOCKS).fit(X, y)
        assert clf.estimators_[0].blocks == BLOCKS

    def test_groups(self):
        rng = np.random.default_rng(0)
        groups = np.repeat(np.arange(40), 5)
        y = rng.integers(2, size=40)[groups]
        X = np.ones((200, 4))
        X[:, :2] = rng.normal(size=(40, 2))[groups]  # a tells the group
        X[:, 3] = y + rng.normal(scale=1.2, size=200)
        knn = EarlyFusionClassifier(KNeighborsClassifier(3), modalities=["a"])
        members = [("knn", knn), self.by_modality()[1]]
        clf = selection(estimators=members, blocks=BLOCKS)
        assert clf.fit(X, y).weights_[0] > 0.9
        assert clf.fit(X, y, groups=groups).weights_[0] < 0.1
        Folds.asked.clear()
        clf.set_params(cv=Folds(3)).fit(X, y, groups=groups)
        (asked,) = Folds.asked
        np.testing.assert_array_equal(asked, groups)

    def test_groups_that_do_not_reach_are_warned_of(self):
        X, y = two_blocks()
        inner = StackingClassifier([("lr", LogisticRegression())], cv=2)
        with pytest.warns(GroupsWarning, match="StackingClassifier"):
            selection(estimators=[("inner", inner)], blocks=BLOCKS).fit(
                X, y, groups=np.arange(60) % 6
            )


class TestInterface:
    def test_one_class_and_one_row(self):
        clf = selection().fit(X_IRIS, ["only"] * 150)
        np.testing.assert_array_equal(clf.predict_proba(X_IRIS), np.ones((150, 1)))
        assert set(clf.predict(X_IRIS)) == {"only"}
        reg = EnsembleSelectionRegressor(regressors()).fit([[1.0, 2.0]], [3.0])
        np.testing.assert_allclose(reg.predict([[4.0, 4.0]]), [3.0])

    def test_a_fold_that_lacks_a_class(self):
        clf = selection(cv=KFold(3)).fit(X_IRIS, NAMED)
        assert clf.predict_proba(X_IRIS).shape == (150, 3)

    def test_rows_in_no_test_fold(self):
        fold = np.arange(150) % 3
        fold[10:40] = -1
        clf = selection(cv=PredefinedSplit(fold)).fit(X_IRIS, Y_IRIS)
        assert np.isnan(clf.oof_predictions_["nb"][10:40]).all()
        rest = fold >= 0
        expected = -log_loss(Y_IRIS[rest], clf.oof_predictions_["nb"][rest])
        np.testing.assert_allclose(clf.scores_[2], expected)

    def test_clone_pickle_and_jobs_say_the_same(self):
        clf = selection().fit(X_IRIS, NAMED)
        expected = clf.predict_proba(X_IRIS)
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X_IRIS), expected)
        with parallel_config("threading"):
            jobs = clone(clf).set_params(n_jobs=2).fit(X_IRIS, NAMED)
        np.testing.assert_array_equal(jobs.predict_proba(X_IRIS), expected)

    def test_a_search_reaches_candidates(self):
        search = GridSearchCV(
            selection(n_rounds=5),
            {"lr__C": [1e-5, 1.0], "nb": ["drop"], "metric": ["roc_auc_ovr"]},
            cv=2,
            error_score="raise",
        ).fit(X_IRIS, Y_IRIS)
        assert search.best_params_["lr__C"] == 1.0
        assert len(search.best_estimator_.weights_) == 3

    def test_in_bagging(self):
        bag = BaggingClassifier(selection(cv=2), 2, random_state=0)
        assert bag.fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) > 0.9

    @pytest.mark.parametrize(
        ("params", "error", "message"),
        [
            ({"estimators": []}, ValueError, "not empty"),
            ({"estimators": [("a", "drop")]}, ValueError, "All estimators are dropped"),
            ({"estimators": [("a", Ridge())]}, ValueError, "'a' should be a class"),
            ({"estimators": [("a", LinearSVC())]}, TypeError, "LinearSVC has no pred"),
            ({"metric": "best"}, ValueError, "'best'"),
            ({"n_rounds": 0}, ValueError, "'n_rounds' parameter"),
            ({"n_init": "all"}, ValueError, "'n_init' parameter"),
            ({"bag_fraction": 0.0}, ValueError, "'bag_fraction' parameter"),
        ],
        ids=str,
    )
    def test_refused(self, params, error, message):
        with pytest.raises(error, match=message):
            selection(**params).fit(X_IRIS, Y_IRIS)

    def test_a_regressor_refuses_classifiers(self):
        with pytest.raises(ValueError, match="'lr' should be a regressor"):
            EnsembleSelectionRegressor(library()).fit(X_NUMBERS, Y_NUMBERS)

    def test_several_labels_are_refused(self):
        with pytest.raises(ValueError, match="1d array"):
            selection().fit(X_IRIS, np.ones((150, 2), dtype=int))
