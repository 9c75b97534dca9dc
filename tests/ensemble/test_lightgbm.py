"""LightGBM's estimators: scikit-learn's contract and LightGBM's numbers."""

import copy
import pickle
import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from mmsk.compose import Block, Blocks
from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from tests.ensemble._samples import BOTH, binary

ROW_COUNTS = (
    "LightGBM limits leaves and bins by numbers of rows, not weights, and rounding "
    "decides between splits of equal gain"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": ROW_COUNTS,
    "check_sample_weight_equivalence_on_sparse_data": ROW_COUNTS,
}


@BOTH
@pytest.mark.filterwarnings(f"ignore::{SkipTestWarning.__module__}.SkipTestWarning")
def test_scikit_learn_checks(kind):
    results = check_estimator(
        kind(n_estimators=10),
        on_fail="raise",
        expected_failed_checks=EXPECTED_FAILURES,
    )
    status = {r["check_name"]: r["status"] for r in results}
    assert len(results) >= 40
    assert {k for k, v in status.items() if v == "xfail"} == set(EXPECTED_FAILURES)
    assert {k for k, v in status.items() if v == "skipped"} <= {"check_array_api_input"}


def _same_as_lightgbm(**params):
    return {
        **params,
        "n_estimators": 20,
        "min_child_samples": 20,
        "random_state": 0,
    }


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_probabilities_are_lightgbms(n_classes, sparse):
    X, y = make_classification(
        300, n_informative=4, n_classes=n_classes, random_state=0
    )
    X[X < 0] = 0
    X = sp.csr_array(X) if sparse else X
    params = _same_as_lightgbm(num_leaves=7, reg_lambda=1.0, max_bin=63)
    ours = LightGBMClassifier(**params).fit(X, y)
    theirs = lightgbm.LGBMClassifier(
        **params, n_jobs=1, verbosity=-1, deterministic=True, force_col_wise=True
    ).fit(X, y)
    np.testing.assert_array_equal(
        ours.feature_importances_, theirs.feature_importances_
    )
    wanted = theirs.booster_.predict(sp.csr_matrix(X) if sparse else X)
    got = ours.predict_proba(X)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got[:, 1] if n_classes == 2 else got, wanted, rtol=1e-12)


@pytest.mark.parametrize("objective", [None, "regression_l1", "huber", "quantile"])
def test_predictions_are_lightgbms(objective):
    X, y = make_regression(300, 5, noise=20, random_state=0)
    y -= y.mean()
    params = _same_as_lightgbm(objective=objective)
    ours = LightGBMRegressor(**params).fit(X, y)
    theirs = lightgbm.LGBMRegressor(
        **params, n_jobs=1, verbosity=-1, deterministic=True, force_col_wise=True
    ).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-4)


def test_positive_targets_keep_their_objective():
    X, y = make_regression(200, 3, random_state=0)
    y = np.exp(y / 100)
    poisson = LightGBMRegressor(n_estimators=50, objective="poisson").fit(X, y)
    assert poisson.offset_ == 0.0
    assert poisson.predict(X).min() > 0
    assert poisson.score(X, y) > 0.9
    with pytest.raises(ValueError, match=r"LightGBM: .*poisson"):
        LightGBMRegressor(objective="poisson").fit(X, -y)


def test_large_offsets_of_y_keep_their_digits():
    X, _ = binary()
    y = 1e9 + X[:, 0]
    trees = LightGBMRegressor().fit(X, y)
    assert trees.score(X, y) > 0.95
    assert lightgbm.LGBMRegressor(verbosity=-1, n_jobs=1).fit(X, y).score(X, y) < 0.5
    with pytest.raises(ValueError, match="float32: scale it"):
        LightGBMRegressor().fit(X, X[:, 0] * 1e300)


@pytest.mark.parametrize("labels", [["no", "yes"], [1, 2], [False, True], [-1.0, 7.0]])
def test_labels_of_any_type(labels):
    X, y = binary()
    wanted = LightGBMClassifier(n_estimators=5).fit(X, y)
    got = LightGBMClassifier(n_estimators=5).fit(X, np.array(labels)[y])
    assert got.classes_.tolist() == labels
    np.testing.assert_array_equal(got.predict(X), np.array(labels)[wanted.predict(X)])
    np.testing.assert_array_equal(got.predict_proba(X), wanted.predict_proba(X))


def test_one_class_is_predicted():
    trees = LightGBMClassifier().fit([[1.0], [2.0]], ["a", "a"])
    assert trees.booster_ is None
    assert trees.predict([[5.0]]).tolist() == ["a"]
    assert trees.predict_proba([[5.0]]).tolist() == [[1.0]]
    assert trees.feature_importances_.tolist() == [0.0]
    again = pickle.loads(pickle.dumps(trees))
    assert again.predict([[5.0]]).tolist() == ["a"]


def test_one_row_and_constant_columns():
    assert LightGBMRegressor().fit([[1.0, 2.0]], [3.0]).predict([[0, 0]]) == [3.0]
    flat = LightGBMClassifier().fit(np.ones((6, 2)), [0, 0, 0, 1, 1, 2])
    np.testing.assert_allclose(
        flat.predict_proba(np.ones((1, 2))), [[1 / 2, 1 / 3, 1 / 6]], rtol=1e-6
    )


@pytest.mark.parametrize("objective", ["multiclass", "multiclassova"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_other_objectives_give_probabilities(objective, n_classes):
    X, _ = binary()
    y = np.digitize(X[:, 0], np.quantile(X[:, 0], np.arange(1, n_classes) / n_classes))
    trees = LightGBMClassifier(n_estimators=20, objective=objective).fit(X, y)
    proba = trees.predict_proba(X)
    assert proba.shape == (200, n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert trees.score(X, y) > 0.95


def test_binary_objective_needs_two_classes():
    X, y = binary()
    with pytest.raises(ValueError, match="for two classes, got 3"):
        LightGBMClassifier(objective="binary").fit(X, np.arange(200) % 3)
    with pytest.raises(ValueError, match="objective"):
        LightGBMClassifier(objective="regression").fit(X, y)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_that_lightgbm_cannot_read(frame):
    X, y = binary()
    names = ['{"a": [1, 2]}', "b c", "b_c", "", "ä,ö:ü", "Column_0"]
    table = frame(dict(zip(names, X.T, strict=True)))
    trees = LightGBMClassifier(n_estimators=5).fit(table, y)
    assert trees.feature_names_in_.tolist() == names
    plain = LightGBMClassifier(n_estimators=5).fit(X, y)
    np.testing.assert_array_equal(trees.predict_proba(table), plain.predict_proba(X))
    again = pickle.loads(pickle.dumps(trees))
    np.testing.assert_array_equal(again.predict_proba(table), plain.predict_proba(X))


def test_column_order_is_checked():
    X, y = binary()
    table = pd.DataFrame(X, columns=list("abcdef"))
    trees = LightGBMClassifier(n_estimators=5).fit(table, y)
    with pytest.raises(ValueError, match="same order"):
        trees.predict(table[list("fedcba")])
    with pytest.raises(ValueError, match="6 features"):
        LightGBMClassifier(n_estimators=5).fit(X, y).predict(X[:, :5])


def test_importance_type():
    X, y = binary()
    splits = LightGBMClassifier(n_estimators=5).fit(X, y)
    gain = LightGBMClassifier(n_estimators=5, importance_type="gain").fit(X, y)
    n_leaves = splits.booster_.trees_to_dataframe()["left_child"].isna().sum()
    assert splits.feature_importances_.sum() == n_leaves - 5
    assert gain.feature_importances_.sum() > splits.feature_importances_.sum()


def test_missing_numbers_are_learned_from():
    X, _ = binary()
    y = np.isnan(np.where(X[:, 0] > 0, np.nan, X[:, 0])).astype(int)
    X[X[:, 0] > 0, 0] = np.nan
    trees = LightGBMClassifier(n_estimators=10).fit(X, y)
    assert trees.score(X, y) == 1.0
    X[0, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        trees.predict(X)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_sparse_equals_dense(container):
    X, y = binary()
    X[np.abs(X) < 0.7] = 0
    dense = LightGBMClassifier(n_estimators=10).fit(X, y)
    sparse = LightGBMClassifier(n_estimators=10).fit(container(X), y)
    np.testing.assert_array_equal(
        sparse.predict_proba(container(X)), dense.predict_proba(X)
    )


@BOTH
def test_same_seed_same_trees_on_any_number_of_threads(kind):
    X, y = binary()
    params = {"n_estimators": 10, "subsample": 0.5, "colsample_bytree": 0.5}
    state = np.random.get_state()[1].copy()
    first, second, other = (
        kind(**params, random_state=seed, n_jobs=n_jobs).fit(X, y)
        for seed, n_jobs in [(0, None), (0, 2), (1, None)]
    )
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert first.feature_importances_.tolist() != other.feature_importances_.tolist()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@BOTH
def test_copies_predict_the_same(kind):
    X, y = binary()
    trees = kind(n_estimators=10, early_stopping=True, random_state=0).fit(X, y)
    for other in (
        pickle.loads(pickle.dumps(trees)),
        copy.deepcopy(trees),
        clone(trees).fit(X, y),
    ):
        np.testing.assert_array_equal(other.predict(X), trees.predict(X))
        assert other.n_iter_ == trees.n_iter_


@BOTH
def test_importance_by_modality(kind):
    X, y = binary()
    X[:, 4] = np.arange(200) % 2
    blocks = Blocks([Block("a", 0, 4, indicator=4), Block("b", 5, 6)])
    trees = kind(n_estimators=10, importance_type="gain", blocks=blocks).fit(X, y)
    gain = trees.feature_importances_
    assert trees.modality_importances_ == pytest.approx(
        {"a": gain[:5].sum() / gain.sum(), "b": gain[5] / gain.sum()}
    )
    names = ["a__0", "a__1", "a__2", "a__3", "a__modality_present", "b__0"]
    frame = pd.DataFrame(X, columns=names)
    named = kind(n_estimators=10, importance_type="gain").fit(frame, y)
    assert named.modality_importances_ == trees.modality_importances_
    assert kind(n_estimators=10).fit(X, y).modality_importances_ == {"X": 1.0}
    constant = kind(blocks=blocks).fit(X, np.ones(200))
    assert constant.modality_importances_ == {"a": 0.0, "b": 0.0}
    assert not hasattr(kind(), "modality_importances_")


@BOTH
def test_nothing_is_printed(kind, capfd):
    X, y = binary(60)
    X[:, 2] = 1.0
    trees = kind(n_estimators=30, early_stopping=True).fit(X, y)
    trees.predict(X)
    assert capfd.readouterr() == ("", "")
    kind(n_estimators=3, verbose=1).fit(X, y)
    assert "[LightGBM]" in capfd.readouterr().out


@BOTH
def test_unfitted(kind):
    with pytest.raises(NotFittedError):
        kind().predict([[1.0]])
    assert not hasattr(kind(), "feature_importances_")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda trees: BaggingClassifier(trees, 3, random_state=0),
        lambda trees: AdaBoostClassifier(trees, n_estimators=3, random_state=0),
        lambda trees: StackingClassifier([("t", trees)], LogisticRegression(), cv=3),
        lambda trees: GridSearchCV(trees, {"num_leaves": [3, 7]}, cv=3),
    ],
    ids=["bagging", "adaboost", "stacking", "search"],
)
def test_inside_scikit_learn(wrap):
    X, y = make_classification(200, flip_y=0.1, random_state=0)
    labels = np.array(["no", "yes"])[y]
    model = wrap(LightGBMClassifier(n_estimators=5, num_leaves=4)).fit(X, labels)
    assert model.score(X, labels) > 0.85


def test_package_loads_no_torch():
    code = (
        "import sys, mmsk.ensemble\n"
        "assert not {'torch', 'skorch', 'PIL', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@BOTH
def test_weights_and_groups_are_routed(kind):
    with config_context(enable_metadata_routing=True):
        requests = kind().get_metadata_routing().fit.requests
    assert requests == {"sample_weight": True, "groups": True}
