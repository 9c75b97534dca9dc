"""Parameters: which are LightGBM's, which are ours, and that they arrive."""

import numpy as np
import pytest
from sklearn.base import clone

from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.ensemble._lightgbm_params import (
    EXPLICIT,
    FOREIGN,
    _canonical_names,
    check_params,
    thread_count,
)
from tests.ensemble._samples import BOTH, binary


@pytest.mark.parametrize(
    "params, message",
    [
        ({"bagging_freqs": 3}, r"no parameter 'bagging_freqs'. Close .*'bagging_freq'"),
        ({"num_leaf": 3}, "'num_leaf' is the constructor parameter 'num_leaves'"),
        ({"seed": 3}, "'seed' is the constructor parameter 'random_state'"),
        ({"eta": 0.3}, "'eta' is the constructor parameter 'learning_rate'"),
        ({"categorical_feature": [0]}, "the constructor parameter 'blocks'"),
        ({"input_model": "file"}, "'input_model' has no meaning"),
        ({"min_gain_to_split": 1, "min_split_gain": 1}, "a second time"),
        ({"min_gain_to_split": "abc"}, "LightGBM: .*abc"),
        ({"mc": [1]}, "the constructor parameter 'monotone_constraints'"),
        ({"metrics": "auc"}, "the constructor parameter 'metric'"),
    ],
)
@BOTH
def test_params_are_checked(kind, params, message):
    X, y = binary(50)
    with pytest.raises(ValueError, match=message):
        kind(params=params).fit(X, y)


def test_params_reach_lightgbm():
    X, y = binary()
    plain = LightGBMRegressor(n_estimators=5).fit(X, y)
    pruned = LightGBMRegressor(n_estimators=5, params={"min_split_gain": 1e9}).fit(X, y)
    assert plain.feature_importances_.sum() > 0 == pruned.feature_importances_.sum()
    rowwise = LightGBMRegressor(n_estimators=5, params={"force_row_wise": True})
    np.testing.assert_allclose(rowwise.fit(X, y).predict(X), plain.predict(X))


@pytest.mark.parametrize(
    "name, value",
    [
        ("n_estimators", 3),
        ("learning_rate", 0.5),
        ("num_leaves", 3),
        ("max_depth", 1),
        ("min_child_samples", 50),
        ("subsample", 0.3),
        ("colsample_bytree", 0.3),
        ("reg_alpha", 5.0),
        ("reg_lambda", 50.0),
        ("max_bin", 3),
        ("class_weight", {0: 1, 1: 5}),
    ],
)
def test_every_parameter_reaches_the_trees(name, value):
    X, y = binary()
    plain = LightGBMClassifier(n_estimators=10, random_state=0)
    changed = clone(plain).set_params(**{name: value}).fit(X, y)
    assert not np.allclose(
        changed.predict_proba(X), plain.fit(X, y).predict_proba(X), atol=1e-3
    )


def test_subsample_freq_zero_draws_no_rows():
    X, y = binary()
    plain = LightGBMClassifier(n_estimators=10).fit(X, y)
    never = LightGBMClassifier(n_estimators=10, subsample=0.3, subsample_freq=0)
    np.testing.assert_array_equal(never.fit(X, y).predict(X), plain.predict(X))


@pytest.mark.parametrize(
    "params",
    [
        {"n_estimators": 0},
        {"learning_rate": 0.0},
        {"num_leaves": 1},
        {"min_child_samples": -1},
        {"subsample": 1.5},
        {"importance_type": "cover"},
        {"blocks": ["text"]},
        {"n_jobs": 0},
        {"params": "num_leaves=3"},
    ],
)
@BOTH
def test_bad_parameters_are_refused(kind, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        kind(**params).fit(*binary(50))


@pytest.mark.parametrize("n_jobs, threads", [(None, 1), (1, 1), (2, 2), (-1, 1)])
def test_threads(n_jobs, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    trees = LightGBMRegressor(n_estimators=1, n_jobs=n_jobs).fit(*binary(50))
    assert trees.booster_.params["num_threads"] == threads


def test_all_processors_where_nothing_limits_them(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("mmsk.ensemble._lightgbm_params.joblib.cpu_count", lambda: 3)
    assert [thread_count(n) for n in (-1, -2, -9, None)] == [3, 2, 1, 1]


def test_every_name_lightgbm_knows_is_taken_or_refused():
    names = _canonical_names()
    assert set(EXPLICIT) | FOREIGN <= set(names.values())
    assert not set(EXPLICIT) & FOREIGN
    free = set(names.values()) - set(EXPLICIT) - FOREIGN
    assert {"min_gain_to_split", "extra_trees", "boosting"} <= free
    assert check_params(dict.fromkeys(free, 1)).keys() == free
    for word in set(EXPLICIT.values()) & set(names):
        with pytest.raises(ValueError, match="constructor parameter"):
            check_params({word: 1})
