import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from mmsk.ensemble._answers import Classes, Labels, Numbers

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.array(["a", "b", "c", "d"])[np.arange(40) % 4]
WEIGHTS = np.arange(40) % 3 + 1.0
PRIOR = np.bincount(np.arange(40) % 4, WEIGHTS) / WEIGHTS.sum()


class TestClasses:
    target = Classes(Y, WEIGHTS)

    def test_prior(self):
        np.testing.assert_allclose(self.target.prior, PRIOR)
        assert self.target.prior_prediction == Y[PRIOR.argmax()]
        np.testing.assert_allclose(self.target.prior_decision, np.log(PRIOR))
        two = Classes(np.array([3, 5, 5, 5]), None)
        np.testing.assert_allclose(two.prior_decision, np.log(3))

    def test_probabilities_of_a_model_of_some_classes(self):
        rows = np.isin(Y, ["b", "d"])
        model = GaussianNB().fit(X[rows], Y[rows])
        said = self.target.answer(model, "predict_proba", X)
        assert said.dtype == np.float64
        np.testing.assert_array_equal(said[:, [1, 3]], model.predict_proba(X))
        assert (said[:, [0, 2]] == 0).all()
        single = LogisticRegression().fit(X.astype(np.float32), Y)
        assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
        said = self.target.answer(single, "predict_proba", X.astype(np.float32))
        assert said.dtype == np.float64

    def test_decisions_of_a_model_of_some_classes_are_lowest_for_the_others(self):
        for names in (["b", "d"], ["a", "b", "d"]):
            rows = np.isin(Y, names)
            model = LinearSVC().fit(X[rows], Y[rows])
            said = self.target.answer(model, "decision_function", X)
            own = model.decision_function(X)
            own = np.column_stack([-own, own]) if own.ndim == 1 else own
            known = np.isin(self.target.classes, names)
            np.testing.assert_array_equal(said[:, known], own)
            lowest = np.repeat(own.min(axis=1)[:, None], (~known).sum(), axis=1)
            np.testing.assert_array_equal(said[:, ~known], lowest)

    def test_decisions_of_a_constant(self):
        model = DummyClassifier().fit(X, ["c"] * 40)
        said = self.target.answer(model, "decision_function", X)
        assert said.tolist() == [[-1, -1, 1, -1]] * 40
        two = Classes(np.array([0, 1]), None)
        for label, expected in ((0, -1), (1, 1)):
            model = DummyClassifier().fit(X, [label] * 40)
            said = two.answer(model, "decision_function", X)
            assert said.tolist() == [[expected]] * 40

    def test_predictions_are_positions(self):
        model = GaussianNB().fit(X, Y)
        said = self.target.answer(model, "predict", X)
        labels = self.target.classes[said[:, 0].astype(int)]
        np.testing.assert_array_equal(labels, model.predict(X))

    def test_neutral(self):
        neutral = self.target.neutral
        np.testing.assert_allclose(neutral("predict_proba", GaussianNB()), PRIOR)
        assert neutral("decision_function", LinearSVC()) == 0
        assert neutral("predict", GaussianNB()) == PRIOR.argmax() == 2
        np.testing.assert_allclose(
            neutral("predict", LinearRegression()), PRIOR @ np.arange(4)
        )

    def test_no_probabilities(self):
        with pytest.raises(TypeError, match="LinearSVC has no predict_proba"):
            self.target.answer(LinearSVC().fit(X, Y), "predict_proba", X)


class TestLabels:
    y = np.column_stack([np.arange(40) % 2, np.arange(40) % 5 == 0, [1] * 40])
    target = Labels(y, WEIGHTS)

    def test_prior(self):
        share = np.average(self.y, axis=0, weights=WEIGHTS)
        np.testing.assert_allclose(self.target.prior, share)
        np.testing.assert_array_equal(self.target.prior_prediction, share > 0.5)
        np.testing.assert_allclose(
            self.target.prior_decision[:2], np.log(share[:2] / (1 - share[:2]))
        )
        assert self.target.prior_decision[2] > 700

    @pytest.mark.parametrize("value", [0, 1])
    def test_a_label_that_a_fold_lacks(self, value):
        y = self.y.copy()
        y[:, 2] = value
        trees = RandomForestClassifier(3, random_state=0).fit(X, y)
        said = self.target.answer(trees, "predict_proba", X)
        assert (said[:, 2] == value).all()
        np.testing.assert_array_equal(said[:, 0], trees.predict_proba(X)[0][:, 1])

    def test_neutral(self):
        neutral, trees = self.target.neutral, RandomForestClassifier()
        np.testing.assert_array_equal(
            neutral("predict_proba", trees), self.target.prior
        )
        np.testing.assert_array_equal(
            neutral("predict", LinearRegression()), self.target.prior
        )
        assert neutral("predict", trees).tolist() == [*(self.target.prior > 0.5)]
        assert neutral("decision_function", trees) == 0

    def test_other_values_are_refused(self):
        with pytest.raises(ValueError, match=r"0 and 1, got values \[1, 2\]"):
            Labels(self.y + 1, None)


def test_numbers():
    one = Numbers(np.arange(40.0), WEIGHTS)
    mean = np.average(np.arange(40.0), weights=WEIGHTS)
    np.testing.assert_allclose(one.neutral("predict", None), [mean])
    model = LinearRegression().fit(X, np.arange(40.0))
    assert one.answer(model, "predict", X).shape == (40, 1)
    several = Numbers(X, None)
    np.testing.assert_allclose(several.prior, X.mean(axis=0))
    assert several.answer(LinearRegression().fit(X, X), "predict", X).shape == (40, 3)


def test_logit_holds_certainties():
    two = Classes(np.array([0, 1, 1, 1]), None)
    proba = np.array([[1.0, 0.0], [0.25, 0.75]])
    said = two.features(proba, np.ones(2, bool), "predict_proba", logit=True)
    np.testing.assert_allclose(said[:, 0], [np.log(1e-6) - np.log(3), 0], atol=1e-12)
    unseen = two.features(proba, np.zeros(2, bool), "predict_proba", logit=True)
    assert unseen.tolist() == [[0], [0]]
