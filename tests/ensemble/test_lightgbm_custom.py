"""Losses, metrics and constraints of the user's own."""

import pickle

import lightgbm
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import mean_absolute_error

from mmsk._utils._blocks import Block, Blocks
from mmsk.ensemble import (
    LightGBMClassifier,
    LightGBMRegressor,
    ModalityStackingClassifier,
)
from tests.ensemble._samples import BOTH, binary

PLAIN = {"params": {"boost_from_average": False}}


def squared(y_true, y_pred):
    return y_pred - y_true, np.ones_like(y_true)


def logistic(y_true, y_pred):
    p = expit(y_pred)
    return p - y_true, p * (1 - p)


def cross_entropy(y_true, y_pred):
    p = softmax(y_pred, axis=1)
    there = np.eye(p.shape[1])[y_true.astype(int)]
    factor = p.shape[1] / (p.shape[1] - 1)  # as LightGBM's own
    return p - there, factor * p * (1 - p)


def flat(y_true, y_pred):
    return ("worse each round", float(np.abs(y_pred).max()), False)


@pytest.mark.parametrize("weighted", [False, True])
def test_squared_error_is_lightgbms(weighted):
    X, y = binary()
    weights = np.random.default_rng(0).integers(0, 4, 200) if weighted else None
    y = y - np.average(y, weights=weights)
    own = LightGBMRegressor(20, objective=squared).fit(X, y, weights)
    known = LightGBMRegressor(20, **PLAIN).fit(X, y, weights)
    np.testing.assert_allclose(own.predict(X), known.predict(X), atol=1e-5)
    assert own.offset_ == 0
    again = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(again.predict(X), own.predict(X))


@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_loss_is_lightgbms(weighted):
    X, y = binary()
    weights = np.random.default_rng(0).integers(1, 4, 200) if weighted else None
    labels = np.array(["no", "yes"])[y]
    own = LightGBMClassifier(20, objective=logistic).fit(X, labels, weights)
    known = LightGBMClassifier(20, **PLAIN).fit(X, labels, weights)
    np.testing.assert_allclose(
        expit(own.decision_function(X)), known.predict_proba(X)[:, 1], atol=1e-5
    )
    assert set(own.predict(X)) == {"no", "yes"}
    np.testing.assert_array_equal(own.predict(X), known.predict(X))
    assert not hasattr(own, "predict_proba")
    assert not hasattr(known, "decision_function")
    with pytest.raises(AttributeError) as error:
        own.predict_proba(X)
    assert "ask decision_function" in str(error.value.__cause__)


def test_cross_entropy_is_lightgbms():
    X, _ = binary()
    y = np.digitize(X[:, 0], [-1, 1])
    own = LightGBMClassifier(10, objective=cross_entropy).fit(X, y)
    known = LightGBMClassifier(10, **PLAIN).fit(X, y)
    scores = own.decision_function(X)
    assert scores.shape == (200, 3)
    np.testing.assert_allclose(
        softmax(scores, axis=1), known.predict_proba(X), atol=1e-4
    )
    np.testing.assert_array_equal(own.predict(X), known.predict(X))


def test_other_estimators_take_raw_scores():
    X, y = binary()
    trees = LightGBMClassifier(10, objective=logistic)
    stack = ModalityStackingClassifier([("trees", trees)], cv=3).fit(X, y)
    assert stack.stack_method_ == ["decision_function"]
    assert stack.score(X, y) > 0.9
    assert CalibratedClassifierCV(trees, cv=3).fit(X, y).score(X, y) > 0.9
    one = LightGBMClassifier(objective=logistic).fit(X, np.ones(200))
    assert one.predict(X).tolist() == [1.0] * 200
    assert not one.decision_function(X).any()


@BOTH
def test_wrong_gradients_are_refused(kind):
    with pytest.raises(ValueError, match=r"gradient and Hessian of shape \(200,\)"):
        kind(objective=lambda y, p: (p[:3], p)).fit(*binary())


@BOTH
def test_a_metric_decides_when_to_stop(kind):
    X, y = binary()
    stop = {"early_stopping": True, "n_iter_no_change": 3, "random_state": 0}
    assert kind(50, metric=flat, **stop).fit(X, y).n_iter_ == 1
    assert (
        kind(50, metric=lambda y, p: ("up", p.max(), True), **stop).fit(X, y).n_iter_
        > 1
    )
    name = "auc" if kind is LightGBMClassifier else "l1"
    named = kind(50, metric=name, **stop).fit(X, y)
    assert name in named.booster_.best_score["valid_0"]


def relative(y_true, y_pred):
    return "relative", float(np.mean(np.abs(y_true - y_pred) / y_true)), False


def test_metrics_of_numbers_are_about_the_target_itself():
    X, y = binary()
    y = 100.0 + 10 * y + np.arange(200) / 100
    seen = []

    def metric(y_true, y_pred):
        seen.append((y_true, y_pred))
        return relative(y_true, y_pred)

    stop = {"early_stopping": True, "random_state": 0, "subsample": 0.5}
    own = LightGBMRegressor(30, metric=metric, **stop).fit(X, y)
    assert own.offset_ == pytest.approx(y.mean())
    np.testing.assert_allclose(np.setdiff1d(seen[0][0].round(2), y.round(2)), [])
    assert np.abs(seen[-1][1] - 105).max() < 10
    for names in ("mape", "l2,mape", ["mape", "l1"]):
        named = LightGBMRegressor(30, metric=names, **stop).fit(X, y)
        assert named.offset_ == 0
        scores = named.booster_.best_score["valid_0"]
        held_out = [np.isclose(y, each, atol=1e-3).argmax() for each in seen[0][0]]
        said = named.predict(X[held_out])
        assert scores["mape"] == pytest.approx(relative(y[held_out], said)[1], rel=1e-4)
    for names in ("l1", ["rmse", "quantile"], None):
        assert LightGBMRegressor(3, metric=names, **stop).fit(X, y).offset_ > 0


def test_a_metric_may_take_weights():
    X, y = binary()
    seen = []

    def metric(y_true, y_pred, sample_weight):
        seen.append(sample_weight)
        return "m", float(np.average(y_pred, weights=sample_weight)), True

    trees = LightGBMClassifier(3, metric=metric, early_stopping=True, random_state=0)
    trees.fit(X, y, sample_weight=np.arange(1.0, 201))
    assert len(seen[0]) == 20
    assert len(np.unique(seen[0])) == 20


@BOTH
def test_a_loss_of_ones_own_has_no_metric(kind):
    loss = squared if kind is LightGBMRegressor else logistic
    with pytest.raises(ValueError, match="needs a metric"):
        kind(objective=loss, early_stopping=True).fit(*binary())
    own = kind(500, objective=loss, early_stopping=True, random_state=0)
    name = "l2" if kind is LightGBMRegressor else flat
    assert own.set_params(metric=name).fit(*binary()).n_iter_ < 500


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda y, p: 0.5, r"must return \(name, value, is_higher_better\), got 0.5"),
        (mean_absolute_error, r"must return \(name, value, is_higher_better\)"),
        ("aucc", "must be a name of LightGBM's, .* got 'aucc'"),
        ([flat], "must be a name of LightGBM's"),
    ],
)
def test_wrong_metrics_are_refused(metric, message):
    with pytest.raises(ValueError, match=message):
        LightGBMClassifier(metric=metric, early_stopping=True).fit(*binary())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("by", ["position", "vector", "name", "modality"])
def test_monotone_constraints(by, sign):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(300, 2))
    y = np.sin(3 * X[:, 0]) + sign * X[:, 0] + X[:, 1]
    line = np.column_stack([np.linspace(-2, 2, 99), np.zeros(99)])
    free = LightGBMRegressor(30).fit(X, y)
    assert (sign * np.diff(free.predict(line))).min() < -0.05
    given = {
        "position": {0: sign},
        "vector": [sign, 0],
        "name": {"a__x": sign},
        "modality": {"a": sign},
    }[by]
    bound = LightGBMRegressor(30, monotone_constraints=given)
    if by == "modality":
        bound.set_params(blocks=Blocks([Block("a", 0, 1), Block("b", 1, 2)]))
    if by == "name":
        names = ["a__x", "b__x"]
        X, line = pd.DataFrame(X, columns=names), pd.DataFrame(line, columns=names)
    bound.fit(X, y)
    assert (sign * np.diff(bound.predict(line)) >= 0).all()
    assert np.ptp(bound.predict(line)) > 0.1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1], r"each of the 6 columns of X, got shape \(1,\)"),
        ({"z": 1}, "'z' is no column and no modality"),
        ({6: 1}, "6 is no column"),
        ({0: 2}, r"0 must be -1 \(falling\), 0 \(free\) or 1"),
    ],
    ids=str,
)
def test_monotone_constraints_are_checked(given, message):
    with pytest.raises(ValueError, match=message):
        LightGBMRegressor(monotone_constraints=given).fit(*binary())


def test_categories_have_no_order():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(size=200), rng.integers(3, size=200)])
    blocks = Blocks([Block("table", 0, 2, categorical=(1,))])
    trees = LightGBMRegressor(30, blocks=blocks, monotone_constraints={"table": 1})
    trees.fit(X, X[:, 0] + np.sin(5 * X[:, 0]) + X[:, 1])
    line = np.column_stack([np.linspace(0, 1, 50), np.ones(50)])
    assert (np.diff(trees.predict(line)) >= 0).all()
    with pytest.raises(ValueError, match="1 holds categories"):
        trees.set_params(monotone_constraints=[1, 1]).fit(X, X[:, 1])
    blocks = Blocks([Block("number", 0, 1), Block("codes", 1, 2, categorical=(0,))])
    trees.set_params(blocks=blocks, monotone_constraints={"codes": 1})
    with pytest.raises(ValueError, match="'codes' holds categories"):
        trees.fit(X, X[:, 1])
    trees.set_params(monotone_constraints={"number": 1, "codes": 0}).fit(X, X[:, 1])


def test_losses_are_told_apart_from_lightgbms_own():
    X, y = binary()
    theirs = lightgbm.LGBMRegressor(
        n_estimators=10,
        objective=squared,
        n_jobs=1,
        verbosity=-1,
        min_child_samples=10,
        deterministic=True,
        force_col_wise=True,
    ).fit(X, y)
    ours = LightGBMRegressor(10, objective=squared, params={"min_data_in_bin": 3})
    np.testing.assert_allclose(ours.fit(X, y).predict(X), theirs.predict(X), atol=1e-6)
