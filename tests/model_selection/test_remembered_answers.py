import copy
import pickle

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from mmsk.model_selection._remembered_answers import remembered

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)


class Counted(LogisticRegression):
    """Counts its answers."""

    count = 0

    def predict_proba(self, X):
        type(self).count += 1
        return super().predict_proba(X)


class MadeOfProbabilities(Counted):
    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture(autouse=True)
def zero(monkeypatch):
    monkeypatch.setattr(Counted, "count", 0)
    monkeypatch.setattr(MadeOfProbabilities, "count", 0)


def test_each_method_answers_once_about_the_same_table():
    model = MadeOfProbabilities().fit(X, Y)
    expected, classes = model.predict_proba(X), model.predict(X)
    MadeOfProbabilities.count = 0
    before = dict(vars(model))
    with remembered(model):
        for _ in range(2):
            proba = model.predict_proba(X)
            np.testing.assert_array_equal(proba, expected)
            proba[:] = 0  # nobody else sees that
            np.testing.assert_array_equal(model.predict(X), classes)
        assert MadeOfProbabilities.count == 1
        model.predict_proba(X.copy())
        assert MadeOfProbabilities.count == 2
    assert vars(model) == before
    model.predict_proba(X)
    assert MadeOfProbabilities.count == 3


def test_predictions_are_those_of_the_model():
    for model in (
        BaggingClassifier(LogisticRegression(), 3, random_state=0),
        LogisticRegression(),
    ):
        model.fit(X, Y)
        expected = model.predict(X), model.predict_proba(X)
        with remembered(model):
            np.testing.assert_array_equal(model.predict(X), expected[0])
            np.testing.assert_array_equal(model.predict_proba(X), expected[1])


def test_other_arguments_are_other_questions():
    class Sure(Ridge):
        def predict(self, X, return_std=False):
            said = super().predict(X)
            return (said, said) if return_std else said

    model = Sure().fit(X, Y)
    with remembered(model):
        assert len(model.predict(X)) == 30
        assert len(model.predict(X, return_std=True)) == 2


def test_it_ends_with_an_error_too_and_twice_is_as_once():
    model = Counted().fit(X, Y)
    with remembered(model, model), pytest.raises(ValueError, match="2 features"):
        model.predict_proba(X[:, :1])
    assert "predict_proba" not in vars(model)
    frozen = FrozenEstimator(model)
    with remembered(frozen):
        assert frozen.predict(X).shape == (30,)
    assert "predict" not in vars(frozen)


def test_copies_answer_for_themselves():
    model = LogisticRegression().fit(X, Y)
    with remembered(model):
        model.predict(X)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            other.coef_ = -other.coef_
            other.intercept_ = -other.intercept_
            assert (other.predict(X) != model.predict(X)).all()
