from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from mmsk.compose import MultimodalClassifier
from mmsk.ensemble._answers import Classes
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionClassifier
from mmsk.model_selection import (
    FusionSearchCV,
    SearchEnsembleClassifier,
    SearchEnsembleRegressor,
)
from tests._shop import shop_features, write_shop

MEMBERS = [("linear", LogisticRegression()), ("bayes", GaussianNB())]


def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 3))
    return X, np.where(X[:, 0] > 0, "yes", "no"), X @ np.ones((3, 2))


def test_it_is_the_weighted_mean_of_the_probabilities():
    X, y, _ = data()
    fitted = SearchEnsembleClassifier(MEMBERS, weights=[3, 1]).fit(X, y)
    one, other = (clf.fit(X, y).predict_proba(X) for _, clf in MEMBERS)
    np.testing.assert_allclose(fitted.predict_proba(X), 0.75 * one + 0.25 * other)
    np.testing.assert_allclose(fitted.weights_, [0.75, 0.25])
    fitted = SearchEnsembleClassifier(MEMBERS).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X), (one + other) / 2)


def test_features_of_a_fold_are_made_once_in_any_number_of_threads(
    tmp_path, monkeypatch
):
    X, y = write_shop(tmp_path, 60)
    features = shop_features(tmp_path).set_params(image="drop")
    clf = MultimodalClassifier(features, EarlyFusionClassifier())
    heads = [LogisticRegression(C=C) for C in (0.1, 1.0, 10.0)]
    search = FusionSearchCV(clf, {"estimator": heads}, cv=2, refit=False).fit(X, y)
    models = search.fold_models_
    made = SearchEnsembleClassifier([(str(head), clf) for head in heads])
    ensemble = made._with_models(models, Classes(y, None))
    expected = np.mean([m.predict_proba(X) for row in models for m in row], axis=0)
    calls, plain = [], TfidfExtractor.transform

    def counted(self, X):
        calls.append(1)
        return plain(self, X)

    monkeypatch.setattr(TfidfExtractor, "transform", counted)
    np.testing.assert_allclose(ensemble.predict_proba(X), expected)
    assert len(calls) == 2
    with ThreadPoolExecutor(4) as threads:
        for said in threads.map(ensemble.predict_proba, [X] * 4):
            np.testing.assert_allclose(said, expected)
    assert len(calls) == 2 * 5


def test_numbers_may_be_several():
    X, _, z = data()
    members = [("line", LinearRegression()), ("mean", DummyRegressor())]
    fitted = SearchEnsembleRegressor(members, weights=[0.5, 0.5]).fit(X, z)
    np.testing.assert_allclose(fitted.predict(X), (z + z.mean(axis=0)) / 2)
    one = SearchEnsembleRegressor(members).fit(X, z[:, 0])
    np.testing.assert_allclose(one.predict(X), (z[:, 0] + z[:, 0].mean()) / 2)


def test_one_without_probabilities_is_sure():
    X, y, _ = data()
    fitted = SearchEnsembleClassifier([("ridge", RidgeClassifier())]).fit(X, y)
    assert set(np.unique(fitted.predict_proba(X))) == {0.0, 1.0}
    assert fitted.predict(X).tolist() == RidgeClassifier().fit(X, y).predict(X).tolist()


def test_weights_of_rows_reach_every_member():
    X, y, _ = data()
    weights = (y == "yes").astype(float)
    members = [("prior", DummyClassifier())]
    weighted = SearchEnsembleClassifier(members).fit(X, y, sample_weight=weights)
    assert weighted.predict_proba(X)[0].tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="does not take sample_weight"):
        SearchEnsembleClassifier([("nearest", KNeighborsClassifier())]).fit(
            X, y, sample_weight=weights
        )


def test_members_are_reached_by_name():
    ensemble = SearchEnsembleClassifier(MEMBERS).set_params(linear__C=0.5)
    assert ensemble.get_params()["linear__C"] == 0.5
    MEMBERS[0][1].set_params(C=1.0)


def test_frames_keep_their_names():
    X, y, _ = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = SearchEnsembleClassifier(MEMBERS).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c"]
    assert fitted.n_features_in_ == 3


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"estimators": []}, ValueError, "must be a list, not empty"),
        ({"estimators": [LogisticRegression()]}, ValueError, "of .name, estimator."),
        ({"estimators": [("line", LinearRegression())]}, TypeError, "a classifier"),
        ({"estimators": MEMBERS, "weights": [1]}, ValueError, "must be 2 numbers"),
        ({"estimators": MEMBERS, "weights": [0, 0]}, ValueError, "not all 0"),
        ({"estimators": MEMBERS, "weights": [1, -1]}, ValueError, "none negative"),
    ],
)
def test_bad_parameters_are_named(given, error, message):
    X, y, _ = data()
    with pytest.raises(error, match=message):
        SearchEnsembleClassifier(**given).fit(X, y)
