"""What holds of scikit-learn's stacks holds of ours, on the same folds to the digit."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import (
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import scale
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    EnsembleSelectionRegressor,
    LightGBMRegressor,
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.neural_network import NeuralClassifier

IRIS = load_iris()
X_IRIS, Y_IRIS = scale(IRIS.data), IRIS.target
NAMES = np.array(["setosa", "versicolor", "virginica"])
_diabetes = load_diabetes()
X_NUMBERS, Y_NUMBERS = _diabetes.data[:150], _diabetes.target[:150]
X_LABELS, Y_LABELS = make_multilabel_classification(80, n_classes=3, random_state=0)
FOLDS = KFold(3, shuffle=True, random_state=0)


def two():
    return [("lr", LogisticRegression()), ("svc", LinearSVC(random_state=0))]


def two_regressors():
    return [("first", Ridge(1.0)), ("second", DecisionTreeRegressor(max_depth=2))]


def iris(n_classes):
    rows = 50 * n_classes
    return X_IRIS[:rows], Y_IRIS[:rows]


class TestAsScikitLearn:
    @pytest.mark.parametrize("passthrough", [False, True])
    @pytest.mark.parametrize("sparse", [None, "csr", "csc", "coo"])
    @pytest.mark.parametrize(
        "method", ["auto", "predict_proba", "decision_function", "predict"]
    )
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_classifiers(self, n_classes, method, sparse, passthrough):
        X, y = iris(n_classes)
        X = X if sparse is None else sp.coo_array(X).asformat(sparse)
        last = LogisticRegression() if method == "predict_proba" else LinearSVC()
        params = {
            "estimators": [("lr", LogisticRegression()), ("last", last)],
            "final_estimator": LogisticRegression(max_iter=1000),
            "cv": FOLDS,
            "stack_method": method,
            "passthrough": passthrough,
        }
        if method != "predict_proba":
            last.set_params(random_state=0)
        ours = ModalityStackingClassifier(**params).fit(X, y)
        theirs = StackingClassifier(**params).fit(X, y)
        said, expected = ours.transform(X), theirs.transform(X)
        assert sp.issparse(said) == sp.issparse(expected)
        if sp.issparse(said):
            assert said.format == expected.format == sparse
            said, expected = said.toarray(), expected.toarray()
        np.testing.assert_allclose(said, expected, atol=1e-9)
        assert ours.stack_method_ == theirs.stack_method_
        for ask in ("predict_proba", "decision_function", "predict"):
            np.testing.assert_allclose(
                getattr(ours, ask)(X), getattr(theirs, ask)(X), rtol=1e-4, atol=1e-6
            )
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        assert ours.score(X, y) > 0.9

    @pytest.mark.parametrize("passthrough", [False, True])
    @pytest.mark.parametrize("sparse", [False, True])
    def test_regressors(self, sparse, passthrough):
        X = sp.csr_array(X_NUMBERS) if sparse else X_NUMBERS
        members = [("first", Ridge(tol=1e-12)), ("second", LinearRegression())]
        params = {
            "estimators": members if sparse else two_regressors(),
            "final_estimator": DecisionTreeRegressor(max_depth=3, random_state=0),
            "cv": FOLDS,
            "passthrough": passthrough,
        }
        if not sparse:
            params["estimators"][1][1].set_params(random_state=0)
        ours = ModalityStackingRegressor(**params).fit(X, Y_NUMBERS)
        theirs = StackingRegressor(**params).fit(X, Y_NUMBERS)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X))
        assert ours.transform(X).shape == (150, 12 if passthrough else 2)

    @pytest.mark.parametrize("method", ["auto", "predict_proba", "predict"])
    @pytest.mark.parametrize(
        "estimator",
        [
            RandomForestClassifier(3, random_state=0),  # an array a label
            NeuralClassifier(max_epochs=3, random_state=0),  # one array
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_several_labels(self, estimator, method):
        params = {
            "estimators": [("est", estimator), ("knn", KNeighborsClassifier())],
            "final_estimator": KNeighborsClassifier(),
            "cv": FOLDS,
            "stack_method": method,
        }
        ours = ModalityStackingClassifier(**params)
        assert ours.__sklearn_tags__().classifier_tags.multi_label
        before = Y_LABELS.copy()
        ours.fit(X_LABELS, Y_LABELS)
        np.testing.assert_array_equal(Y_LABELS, before)
        theirs = StackingClassifier(**params).fit(X_LABELS, Y_LABELS)
        np.testing.assert_allclose(ours.transform(X_LABELS), theirs.transform(X_LABELS))
        assert ours.transform(X_LABELS).shape == (80, 6)
        np.testing.assert_array_equal(ours.predict(X_LABELS), theirs.predict(X_LABELS))
        np.testing.assert_array_equal(ours.classes_, [[0, 1]] * 3)
        # scikit-learn gives those of the labels' absence
        np.testing.assert_allclose(
            ours.predict_proba(X_LABELS), 1 - theirs.predict_proba(X_LABELS)
        )

    def test_names_out(self):
        for n_classes, many in ((2, [""]), (3, ["0", "1", "2"])):
            X, y = iris(n_classes)
            stack = ModalityStackingClassifier(two()).fit(X, y)
            expected = [
                f"modalitystackingclassifier_{name}{number}"
                for name in ("lr", "svc")
                for number in many
            ]
            assert stack.get_feature_names_out().tolist() == expected
            stack.set_params(passthrough=True, svc="drop").fit(X, y)
            names = ["a", "b", "c", "d"]
            expected = [each for each in expected if "svc" not in each] + names
            assert stack.get_feature_names_out(names).tolist() == expected

    def test_binary_drops_a_column_of_probabilities_alone(self):
        X, y = iris(2)
        tree = ("tree", DecisionTreeClassifier())
        stack = ModalityStackingClassifier([two()[0], tree]).fit(X, y)
        assert stack.transform(X).shape == (100, 2)
        np.testing.assert_array_equal(
            stack.transform(X)[:, 0], stack.estimators_[0].predict_proba(X)[:, 1]
        )
        assert ModalityStackingClassifier(two()).fit(X, y).transform(X).shape == (
            100,
            2,
        )

    @pytest.mark.parametrize("kind", ["classifier", "regressor"])
    def test_drop_is_not_naming(self, kind):
        if kind == "classifier":
            one = ModalityStackingClassifier(two()[1:], cv=FOLDS)
            other = ModalityStackingClassifier(two(), cv=FOLDS).set_params(lr="drop")
            X, y = X_IRIS, Y_IRIS
        else:
            one = ModalityStackingRegressor([("r", Ridge())], cv=FOLDS)
            other = ModalityStackingRegressor([("no", "drop"), ("r", Ridge())])
            other.set_params(cv=FOLDS)
            X, y = X_NUMBERS, Y_NUMBERS
        one.fit(X, y), other.fit(X, y)
        np.testing.assert_array_equal(one.transform(X), other.transform(X))
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
        assert "drop" in other.named_estimators_.values()
        assert len(other.estimators_) == 1

    def test_folds_change_the_final_estimator_and_no_other(self):
        stacks = [
            ModalityStackingClassifier(two(), LogisticRegression(), cv=k).fit(
                X_IRIS, Y_IRIS
            )
            for k in (3, 5)
        ]
        for one, other in zip(*(stack.estimators_ for stack in stacks), strict=True):
            np.testing.assert_array_equal(one.coef_, other.coef_)
        coef = [stack.final_estimator_.coef_ for stack in stacks]
        assert np.abs(coef[0] - coef[1]).max() > 1e-3

    def test_a_seed_shuffles_the_same_folds_for_all(self):
        X, y = iris(2)
        cv = KFold(shuffle=True, random_state=np.random.RandomState(0))
        full = ModalityStackingClassifier(two(), cv=cv).fit(X, y)
        cv = KFold(shuffle=True, random_state=np.random.RandomState(0))
        dropped = ModalityStackingClassifier(two(), cv=cv).set_params(lr="drop")
        dropped.fit(X, y)
        np.testing.assert_array_equal(
            full.oof_predictions_["svc"], dropped.oof_predictions_["svc"]
        )

    def test_sorted_classes_are_stratified(self):
        # unshuffled, unstratified folds would each lack a class
        stack = ModalityStackingClassifier(two(), cv=3).fit(X_IRIS, Y_IRIS)
        assert stack.score(X_IRIS, Y_IRIS) > 0.9

    @pytest.mark.parametrize("kind", ["classifier", "regressor"])
    def test_prefit(self, kind):
        if kind == "classifier":
            X, y, method = X_IRIS, NAMES[Y_IRIS], "predict_proba"
            base, last, of = DummyClassifier, LogisticRegression(), "Classifier"
        else:
            X, y, method = X_NUMBERS, Y_NUMBERS, "predict"
            base, last, of = DummyRegressor, LinearRegression(), "Regressor"
        asked = []

        class Fitted(base):
            def fit(self, X, y, sample_weight=None):
                assert not hasattr(self, "n_outputs_"), "is fitted already"
                return super().fit(X, y, sample_weight)

        def ask(self, X):
            asked.append(X)
            return getattr(base, method)(self, X)

        setattr(Fitted, method, ask)
        members = [(name, Fitted().fit(X[::2], y[::2])) for name in ("d0", "d1")]
        kind = {
            "Classifier": ModalityStackingClassifier,
            "Regressor": ModalityStackingRegressor,
        }[of]
        stack = kind(members, last, cv="prefit").fit(X[1::2], y[1::2])
        assert stack.estimators_ == [each for _, each in members]
        assert len(asked) == 2
        assert all(np.array_equal(each, X[1::2]) for each in asked)

    def test_prefit_is_fitted(self):
        with pytest.raises(NotFittedError):
            ModalityStackingClassifier(two(), cv="prefit").fit(X_IRIS, Y_IRIS)
        with pytest.raises(NotFittedError):
            ModalityStackingRegressor([("r", Ridge())], cv="prefit").fit(
                X_NUMBERS, Y_NUMBERS
            )

    @pytest.mark.parametrize(
        "stack", [ModalityStackingClassifier, EnsembleSelectionClassifier]
    )
    def test_prefit_on_classes_that_y_lacks(self, stack):
        model = LogisticRegression().fit(X_IRIS, NAMES[Y_IRIS])
        some = Y_IRIS > 0
        with pytest.raises(ValueError, match=r"'m' knows the classes \['setosa'\]"):
            stack([("m", model)], cv="prefit").fit(X_IRIS[some], NAMES[Y_IRIS[some]])

    @pytest.mark.parametrize(
        "stack", [ModalityStackingRegressor, EnsembleSelectionRegressor]
    )
    @pytest.mark.parametrize("cv", [2, "prefit"])
    @pytest.mark.parametrize("place", [0, 1])
    def test_who_predicts_nan_is_named(self, place, cv, stack):
        class Lost(Ridge):
            def predict(self, X):
                return np.full(X.shape[0], np.nan)

        members = [("ridge", Ridge().fit(X_NUMBERS, Y_NUMBERS))]
        members.insert(place, ("lost", Lost().fit(X_NUMBERS, Y_NUMBERS)))
        for given in (members, members[place : place + 1]):
            with pytest.raises(ValueError, match="'lost' predicts NaN"):
                stack(given, cv=cv).fit(X_NUMBERS, Y_NUMBERS)

    def test_a_regressor_may_stand_in_a_classifier(self):
        stack = ModalityStackingClassifier([("ridge", Ridge())])
        stack.fit(X_IRIS, NAMES[Y_IRIS])
        assert stack.score(X_IRIS, NAMES[Y_IRIS]) > 0.8
        assert stack.stack_method_ == ["predict"]
        assert stack.transform(X_IRIS).shape == (150, 1)

    def test_estimators_without_n_features_in(self):
        class Plain(LogisticRegression):
            def fit(self, X, y):
                super().fit(X, y)
                del self.n_features_in_
                return self

        stack = ModalityStackingClassifier([("plain", Plain())])
        with pytest.raises(AttributeError):
            stack.n_features_in_  # noqa: B018
        assert stack.fit(X_IRIS, Y_IRIS).n_features_in_ == 4

    def test_methods_are_the_final_estimators(self):
        trees = RandomForestClassifier(2, random_state=0)
        stack = ModalityStackingClassifier(two(), trees, cv=3)
        for each in (stack, clone(stack).fit(X_IRIS, Y_IRIS)):
            assert hasattr(each, "predict_proba")
            with pytest.raises(
                AttributeError, match="has no attribute 'decision_"
            ) as e:
                each.decision_function(X_IRIS)
            assert "'RandomForestClassifier' object has no" in str(e.value.__cause__)
        assert hasattr(ModalityStackingClassifier(two()), "decision_function")
        assert not hasattr(stack.set_params(final_estimator=SVC()), "predict_proba")

    def test_several_labels_by_default(self):
        one = [("knn", KNeighborsClassifier())]
        ours = ModalityStackingClassifier(one, cv=FOLDS)
        assert ours.__sklearn_tags__().classifier_tags.multi_label
        weights = 1.0 + np.arange(80) % 2
        stack = clone(ours).set_params(
            estimators=[("nb", MultiOutputClassifier(GaussianNB()))]
        )
        stack.fit(X_LABELS, Y_LABELS, sample_weight=weights)
        ours.fit(X_LABELS, Y_LABELS)
        for each in (ours, stack):
            assert each.predict(X_LABELS).shape == (80, 3)
            assert each.predict_proba(X_LABELS).shape == (80, 3)
        final = MultiOutputClassifier(LogisticRegression(max_iter=1000))
        theirs = StackingClassifier(one, final, cv=FOLDS).fit(X_LABELS, Y_LABELS)
        np.testing.assert_array_equal(ours.predict(X_LABELS), theirs.predict(X_LABELS))
        # scikit-learn gives those of the labels' absence
        np.testing.assert_allclose(
            ours.predict_proba(X_LABELS), 1 - theirs.predict_proba(X_LABELS)
        )
        # and of one label a sample again
        assert ours.fit(X_IRIS, Y_IRIS).predict_proba(X_IRIS).shape == (150, 3)
        assert isinstance(ours.final_estimator_, LogisticRegression)

    @pytest.mark.parametrize("method", ["auto", "decision_function", "predict"])
    def test_labels_by_decision_values(self, method):
        params = {
            "estimators": [("ridge", RidgeClassifier())],
            "final_estimator": KNeighborsClassifier(),
            "cv": FOLDS,
            "stack_method": method,
        }
        ours = ModalityStackingClassifier(**params).fit(X_LABELS, Y_LABELS)
        theirs = StackingClassifier(**params).fit(X_LABELS, Y_LABELS)
        assert ours.stack_method_ == theirs.stack_method_
        np.testing.assert_allclose(ours.transform(X_LABELS), theirs.transform(X_LABELS))
        np.testing.assert_array_equal(ours.predict(X_LABELS), theirs.predict(X_LABELS))

    def test_columns_passed_through_come_last_and_unchanged(self):
        for X in (X_IRIS, sp.csc_array(X_IRIS)):
            stack = ModalityStackingClassifier(two(), passthrough=True)
            said = stack.fit(X, Y_IRIS).transform(X)
            assert said.shape == (150, 6 + 4)
            passed = said[:, -4:]
            passed = passed.toarray() if sp.issparse(passed) else passed
            np.testing.assert_array_equal(passed, X_IRIS)

    def test_n_features_in_is_not_there_before_fit(self):
        for kind, members in (
            (ModalityStackingClassifier, two()),
            (ModalityStackingRegressor, two_regressors()),
            (EnsembleSelectionClassifier, two()[:1]),
            (EnsembleSelectionRegressor, two_regressors()),
        ):
            assert not hasattr(kind(members), "n_features_in_")

    def test_names_out_of_a_regressor(self):
        stack = ModalityStackingRegressor(two_regressors(), passthrough=True)
        names = [f"n{place}" for place in range(X_NUMBERS.shape[1])]
        found = stack.fit(X_NUMBERS, Y_NUMBERS).get_feature_names_out(names)
        prefix = "modalitystackingregressor_"
        assert found.tolist() == [f"{prefix}first", f"{prefix}second", *names]

    def test_metadata_that_nobody_takes_is_refused(self):
        for stack, y in (
            (ModalityStackingClassifier(two()), Y_IRIS),
            (ModalityStackingRegressor(two_regressors()), Y_IRIS),
        ):
            with pytest.raises(TypeError, match="metadata"):
                stack.fit(X_IRIS, y, metadata="a")

    def test_weights_are_routed(self):
        with config_context(enable_metadata_routing=True):
            for stack in (
                ModalityStackingClassifier(two()),
                ModalityStackingRegressor(two_regressors()),
            ):
                requests = stack.get_metadata_routing().fit.requests
                assert requests == {"sample_weight": True, "groups": True}
            seen = []

            class Judge(LogisticRegression):
                def fit(self, X, y, sample_weight=None):
                    seen.append(sample_weight)
                    return super().fit(X, y, sample_weight)

            inner = ModalityStackingClassifier([("judge", Judge())], Judge(), cv=3)
            inner.set_score_request(sample_weight=True)
            outer = GridSearchCV(inner, {"judge__C": [1.0]}, cv=2)
            outer.fit(X_IRIS, Y_IRIS, sample_weight=np.linspace(1, 2, 150))
        assert len(seen) == 3 * (1 + 3 + 1)
        assert all(each is not None for each in seen)

    def test_predict_hands_on_parameters(self):
        stack = ModalityStackingRegressor([("r", Ridge())], DummyRegressor())
        stack.fit(X_NUMBERS, Y_NUMBERS)
        mean, std = stack.predict(X_NUMBERS, return_std=True)
        assert len(mean) == len(std) == 150

    def test_routing_can_be_asked_before_fit(self):
        assert ModalityStackingClassifier(two()).get_metadata_routing() is not None

    @pytest.mark.parametrize(
        ("params", "error", "message"),
        [
            ({"estimators": []}, ValueError, "not empty"),
            ({"estimators": [Ridge()]}, ValueError, "list, not empty, of"),
            ({"estimators": [(1, Ridge())]}, ValueError, "list, not empty, of"),
            ({"estimators": ["lr"]}, ValueError, "list, not empty, of"),
            ({"estimators": None}, ValueError, "list, not empty, of"),
            ({"estimators": dict(two())}, ValueError, r"got a dict: pass list\("),
            ({"estimators": tuple(two())}, ValueError, "must be a list"),
            ({"estimators": [(Ridge(), "r")]}, ValueError, "name.: swap them"),
            ({"estimators": two() + two()}, ValueError, "not unique"),
            ({"estimators": [("cv", Ridge())]}, ValueError, "conflict"),
            ({"estimators": [("a", "drop")]}, ValueError, "All estimators are dropped"),
            ({"estimators": [("a", 3)]}, TypeError, "'a' must be an estimator"),
            ({"estimators": [("a", LinearSVC)]}, TypeError, "'a' must be"),
            ({"stack_method": "predict_proba"}, ValueError, "'svc' .* not implement"),
            ({"stack_method": "logit"}, ValueError, "'svc' .LinearSVC. does not"),
            ({"stack_method": "votes"}, ValueError, "'stack_method' parameter"),
            ({"final_estimator": Ridge()}, ValueError, "should be a classifier"),
            ({"passthrough": ["b"]}, ValueError, r"Unknown modalities \['b'\]"),
        ],
        ids=str,
    )
    def test_refused(self, params, error, message):
        with pytest.raises(error, match=message):
            ModalityStackingClassifier(**({"estimators": two()} | params)).fit(
                X_IRIS, Y_IRIS
            )

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"estimators": []}, "not empty"),
            ({"estimators": two()}, "'lr' should be a regressor"),
            ({"final_estimator": LinearSVC()}, "should be a regressor"),
        ],
        ids=str,
    )
    def test_a_regressor_refuses(self, params, message):
        params = {"estimators": two_regressors()} | params
        with pytest.raises(ValueError, match=message):
            ModalityStackingRegressor(**params).fit(X_NUMBERS, Y_NUMBERS)

    @pytest.mark.parametrize("dtype", [str, object])
    @pytest.mark.parametrize(
        "model",
        [
            ModalityStackingRegressor(two_regressors()),
            EnsembleSelectionRegressor(two_regressors()),
            LightGBMRegressor(),
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_labels_are_not_for_a_regressor(self, model, dtype):
        with pytest.raises(ValueError, match=r"needs numbers|could not convert string"):
            clone(model).fit(X_IRIS, NAMES[Y_IRIS].astype(dtype))


class NoWeights(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return np.full(X.shape[0], self.mean_)


class TestWeights:
    def test_reach_every_fit(self):
        seen = []

        class Judge(LogisticRegression):
            def fit(self, X, y, sample_weight=None):
                seen.append(sample_weight)
                return super().fit(X, y, sample_weight)

        weights = np.linspace(1, 2, 150)
        stack = ModalityStackingClassifier([("j", Judge())], Judge(max_iter=500), cv=4)
        stack.fit(X_IRIS, Y_IRIS, sample_weight=weights)
        assert len(seen) == 1 + 4 + 1
        assert sum(map(len, seen[1:5])) == 3 * 150
        np.testing.assert_array_equal(seen[0], weights)
        np.testing.assert_array_equal(seen[-1], weights)

    @pytest.mark.parametrize("kind", ["classifier", "regressor"])
    def test_ones_change_nothing_and_others_do(self, kind):
        if kind == "classifier":
            stack, X, y = ModalityStackingClassifier(two()), X_IRIS, Y_IRIS
            ask = "predict_proba"
        else:
            stack = ModalityStackingRegressor(
                [("first", Ridge()), ("second", Ridge(1e-6))]
            )
            X, y, ask = X_NUMBERS, Y_NUMBERS, "predict"
        half = len(y) // 2
        biased = np.repeat([0.1, 0.9], [half, len(y) - half])
        none, ones, other = (
            getattr(clone(stack).fit(X, y, sample_weight=weights), ask)(X)
            for weights in (None, np.ones(len(y)), biased)
        )
        np.testing.assert_allclose(none, ones, rtol=1e-4)
        assert np.abs(none - other).max() > 0.01

    @pytest.mark.parametrize("place", ["estimators", "final_estimator"])
    def test_that_would_be_lost_are_refused(self, place):
        given = {
            "estimators": [("r", Ridge())],
            "final_estimator": Ridge(),
            place: NoWeights() if place != "estimators" else [("n", NoWeights())],
        }
        stack = ModalityStackingRegressor(**given).fit(X_NUMBERS, Y_NUMBERS)
        with pytest.raises(ValueError, match="NoWeights does not take sample_weight"):
            stack.fit(X_NUMBERS, Y_NUMBERS, sample_weight=np.full(150, 0.5))

    def test_whole_numbers_are_repeats_for_who_takes_none(self):
        X, y = X_NUMBERS, Y_NUMBERS
        weights = np.arange(150) % 3
        cv = PredefinedSplit(np.arange(150) // 50)
        knn = [("knn", KNeighborsRegressor(4))]
        stack = ModalityStackingRegressor(knn, Ridge(), cv=cv).fit(X, y, weights)
        rows = np.arange(150).repeat(weights)
        cv = PredefinedSplit((np.arange(150) // 50)[rows])
        again = ModalityStackingRegressor(knn, Ridge(), cv=cv).fit(X[rows], y[rows])
        np.testing.assert_allclose(stack.predict(X), again.predict(X))


class TestInterface:
    @pytest.mark.parametrize("method", ["auto", "logit", "predict"])
    def test_string_labels_reach_the_estimators(self, method):
        named = NAMES[Y_IRIS]
        heavy = {"setosa": 1.0, "versicolor": 2.0, "virginica": 1.0}
        members = [
            ("lr", LogisticRegression(class_weight=heavy)),
            ("nb", GaussianNB()),
        ]
        stack = ModalityStackingClassifier(members, stack_method=method)
        stack.fit(X_IRIS, named)
        assert stack.predict(X_IRIS).dtype == named.dtype
        np.testing.assert_array_equal(stack.estimators_[1].classes_, NAMES)
        numbers = [("lr", LogisticRegression(class_weight={0: 1, 1: 2, 2: 1}))]
        same = ModalityStackingClassifier(
            [*numbers, members[1]], stack_method=method
        ).fit(X_IRIS, Y_IRIS)
        np.testing.assert_allclose(
            stack.predict_proba(X_IRIS), same.predict_proba(X_IRIS)
        )

    def test_logit_of_two_classes_is_the_log_odds_over_the_prior(self):
        X, y = iris(2)
        X, y = X[20:], y[20:]
        stack = ModalityStackingClassifier([("nb", GaussianNB())], stack_method="logit")
        said = stack.fit(X, y).transform(X)
        p = np.clip(stack.estimators_[0].predict_proba(X), 1e-6, None)
        odds = np.log(p[:, 1] / p[:, 0]) - np.log(50 / 30)
        np.testing.assert_allclose(said, odds[:, None])
        # what is kept are probabilities
        np.testing.assert_allclose(stack.oof_predictions_["nb"].sum(axis=1), 1)

    def test_logit_of_labels(self):
        stack = ModalityStackingClassifier(
            [("knn", KNeighborsClassifier())],
            KNeighborsClassifier(),
            stack_method="logit",
        ).fit(X_LABELS, Y_LABELS)
        knn = KNeighborsClassifier().fit(X_LABELS, Y_LABELS)
        p = np.stack([each[:, 1] for each in knn.predict_proba(X_LABELS)], axis=1)
        p, q = np.maximum(p, 1e-6), np.maximum(1 - p, 1e-6)
        share = Y_LABELS.mean(axis=0)
        np.testing.assert_allclose(
            stack.transform(X_LABELS),
            np.log(p) - np.log(q) - np.log(share / (1 - share)),
        )

    def test_a_fold_that_lacks_a_class(self):
        for method in ("predict_proba", "decision_function", "logit", "predict"):
            last = LinearSVC() if method == "decision_function" else GaussianNB()
            members = [("lr", LogisticRegression()), ("last", last)]
            stack = ModalityStackingClassifier(
                members, cv=KFold(3), stack_method=method
            ).fit(X_IRIS, Y_IRIS)  # each fold is a class
            assert np.isfinite(stack.predict_proba(X_IRIS)).all()
            if method == "predict_proba":
                known = stack.oof_predictions_["lr"]
                assert (known[np.arange(150), Y_IRIS] == 0).all()
        pairs = SVC(decision_function_shape="ovo")
        X = np.vstack([X_IRIS, X_IRIS + 9])
        y = np.hstack([Y_IRIS, Y_IRIS + 3])
        with pytest.raises(ValueError, match="SVC decides between pairs"):
            ModalityStackingClassifier([("svc", pairs)], cv=KFold(6)).fit(X, y)

    def test_one_class(self):
        for method in ("auto", "logit", "predict"):
            stack = ModalityStackingClassifier(
                [("lr", LogisticRegression()), ("nb", GaussianNB())],
                stack_method=method,
            ).fit(X_IRIS, ["only"] * 150)
            assert set(stack.predict(X_IRIS)) == {"only"}
            np.testing.assert_array_equal(stack.predict_proba(X_IRIS), [[1.0]] * 150)
        for method in ("auto", "decision_function"):
            stack = ModalityStackingClassifier(two(), stack_method=method)
            if method == "decision_function":
                assert stack.fit(X_IRIS, Y_IRIS).stack_method_ == [method] * 2
            stack.fit(X_IRIS, ["only"] * 150)
            np.testing.assert_array_equal(stack.decision_function(X_IRIS), [0.0] * 150)
            assert set(stack.predict(X_IRIS)) == {"only"}
        one = ModalityStackingRegressor(two_regressors()).fit([[1.0, 2.0]], [3.0])
        np.testing.assert_allclose(one.predict([[5.0, 0.0]]), 3.0)

    def test_several_targets(self):
        Y = np.stack([Y_NUMBERS, -Y_NUMBERS + X_NUMBERS[:, 0]], axis=1)
        stack = ModalityStackingRegressor(two_regressors(), cv=FOLDS).fit(X_NUMBERS, Y)
        assert stack.__sklearn_tags__().target_tags.multi_output
        assert stack.oof_predictions_["first"].shape == (150, 2)
        assert stack.predict(X_NUMBERS).shape == (150, 2)
        assert stack.transform(X_NUMBERS).shape == (150, 4)
        assert stack.score(X_NUMBERS, Y) > 0.3

    def test_the_penalty_of_the_default_has_no_unit(self):
        stack = ModalityStackingRegressor([("r", Ridge(1e-6))])
        one = clone(stack).fit(X_NUMBERS, Y_NUMBERS).predict(X_NUMBERS)
        tiny = clone(stack).fit(X_NUMBERS, Y_NUMBERS * 1e-6).predict(X_NUMBERS)
        np.testing.assert_allclose(tiny, one * 1e-6)

    def test_out_of_fold_predictions(self):
        weights = np.ones(150)
        weights[7] = 0
        fold = np.arange(150) % 3
        fold[[3, 5]] = -1
        stack = ModalityStackingClassifier(two(), cv=PredefinedSplit(fold))
        stack.fit(X_IRIS, Y_IRIS, sample_weight=weights)
        found = stack.oof_predictions_
        assert list(found) == ["lr", "svc"]
        unjudged = np.isnan(found["lr"]).any(axis=1)
        assert np.flatnonzero(unjudged).tolist() == [3, 5, 7]
        for k in range(3):
            train = (fold != k) & (weights > 0)
            rows = (fold == k) & (weights > 0)
            lr = LogisticRegression().fit(X_IRIS[train], Y_IRIS[train])
            np.testing.assert_allclose(
                found["lr"][rows], lr.predict_proba(X_IRIS[rows]), rtol=1e-6
            )
        features = np.hstack([found["lr"], found["svc"]])[~unjudged]
        final = LogisticRegression(max_iter=1000).fit(features, Y_IRIS[~unjudged])
        np.testing.assert_allclose(stack.final_estimator_.coef_, final.coef_, rtol=1e-4)

    def test_a_search_reaches_everything(self):
        stack = ModalityStackingClassifier(two())
        assert stack.get_params()["lr__C"] == 1.0
        assert stack.named_estimators.svc is stack.estimators[1][1]
        search = GridSearchCV(
            stack,
            [
                {"lr__C": [1e-4, 1.0], "passthrough": [False, True]},
                {"svc": ["drop", GaussianNB()], "final_estimator__C": [1.0]},
            ],
            cv=2,
            error_score="raise",
        )
        search.estimator.set_params(final_estimator=LogisticRegression(max_iter=1000))
        search.fit(X_IRIS, Y_IRIS)
        assert len(search.cv_results_["params"]) == 6
        assert search.best_score_ > 0.9

    def test_clone_pickle_and_jobs_say_the_same(self):
        stack = ModalityStackingClassifier(two(), stack_method="auto").fit(
            X_IRIS, Y_IRIS
        )
        expected = stack.predict_proba(X_IRIS)
        again = pickle.loads(pickle.dumps(stack))
        np.testing.assert_array_equal(again.predict_proba(X_IRIS), expected)
        with parallel_config("threading"):
            jobs = clone(stack).set_params(n_jobs=2).fit(X_IRIS, Y_IRIS)
        np.testing.assert_array_equal(jobs.predict_proba(X_IRIS), expected)

    def test_given_estimators_are_left_alone(self):
        members = two()
        ModalityStackingClassifier(members).fit(X_IRIS, Y_IRIS)
        assert not hasattr(members[0][1], "classes_")

    def test_missing_numbers_are_for_who_reads_them(self):
        X = X_IRIS.copy()
        X[0, 0] = np.nan
        trees = [("tree", DecisionTreeClassifier(random_state=0))]
        stack = ModalityStackingClassifier(trees).fit(X, Y_IRIS)
        assert stack.score(X, Y_IRIS) > 0.9
        with pytest.raises(ValueError, match="NaN"):
            stack.set_params(passthrough=True).fit(X, Y_IRIS)
        with pytest.raises(ValueError, match="NaN"):
            ModalityStackingClassifier(trees + two()).fit(X, Y_IRIS)
