import copy
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import unicodedata
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import f1_score, get_scorer, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    LeaveOneGroupOut,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.tree import DecisionTreeClassifier

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.ensemble import LightGBMClassifier
from mmsk.exceptions import MissingModalityWarning, StoreWarning
from mmsk.feature_extraction.image import ColorExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from mmsk.model_selection import FusionSearchCV, _candidate_keys, fusion_grid
from mmsk.model_selection._candidate_keys import _said, candidate_config
from tests._shop import LoggingHOGExtractor, n_decoded, shop_features, write_shop
from tests.model_selection import _killed_search
from tests.model_selection._logged import LoggedClassifier, LoggedRegressor, n_fits

TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")
C = [0.01, 1.0, 100.0]


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "log")


def numbers(n_samples=60):
    random = np.random.default_rng(0)
    X = random.normal(size=(n_samples, 3))
    noise = random.normal(size=n_samples)
    return X, np.where(X[:, 0] + noise > 0, "yes", "no"), X[:, 1] + 0.1 * noise


def assert_same_results(one, other):
    assert one.keys() == other.keys()
    for name in one:
        if name in TIMES:
            continue
        if name == "params" or name.startswith("param_"):
            assert list(map(str, one[name])) == list(map(str, other[name]))
        else:
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    ("scoring", "refit"),
    [(None, True), (["accuracy", "f1_macro"], "f1_macro"), ("roc_auc", False)],
)
def test_it_finds_what_grid_search_finds(n_jobs, scoring, refit):
    X, y, _ = numbers()
    given = {"scoring": scoring, "refit": refit, "cv": KFold(3), "n_jobs": n_jobs}
    given["return_train_score"] = True
    ours = FusionSearchCV(LogisticRegression(), {"C": C}, **given).fit(X, y)
    theirs = GridSearchCV(LogisticRegression(), {"C": C}, **given).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert vars(theirs).keys() <= {*vars(ours), "_checked_cv_orig"}
    assert repr(ours.scorer_) == repr(theirs.scorer_)
    if refit:
        assert ours.best_params_ == theirs.best_params_
        assert ours.best_score_ == theirs.best_score_
        assert type(ours.best_estimator_) is LogisticRegression
        assert ours.predict(X).tolist() == theirs.predict(X).tolist()
        assert ours.score(X, y) == theirs.score(X, y)


def test_random_draws_are_those_of_randomized_search():
    X, y, _ = numbers()
    grid = {"C": np.logspace(-3, 3, 20).tolist()}
    ours = FusionSearchCV(LogisticRegression(), grid, n_iter=4, cv=KFold(3)).fit(X, y)
    theirs = RandomizedSearchCV(
        LogisticRegression(), grid, n_iter=4, cv=KFold(3), random_state=0
    )
    assert_same_results(ours.cv_results_, theirs.fit(X, y).cv_results_)


def test_weights_reach_fits_and_scores():
    X, y, _ = numbers()
    weights = np.random.default_rng(1).uniform(size=len(y))
    ours = FusionSearchCV(LogisticRegression(), {"C": C}, cv=KFold(3))
    theirs = GridSearchCV(LogisticRegression(), {"C": C}, cv=KFold(3))
    ours.fit(X, y, sample_weight=weights)
    theirs.fit(X, y, sample_weight=weights)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_weights_of_other_rows_are_refused():
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=2)
    with pytest.raises(ValueError, match=r"numbers of samples: \[60, 3\]"):
        search.fit(X, y, sample_weight=[1, 2, 3])


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_metadata_is_routed_as_in_grid_search(several, weighted):
    X, y, _ = numbers()
    weights = {"sample_weight": np.random.default_rng(1).uniform(size=len(y))}
    params = weights if weighted else {}
    with config_context(enable_metadata_routing=True):
        loss = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        plain = get_scorer("accuracy").set_score_request(sample_weight=False)
        scoring = {"loss": loss, "accuracy": plain} if several else loss
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        given = {"cv": KFold(3), "scoring": scoring, "refit": False}
        ours = FusionSearchCV(estimator, {"C": C}, **given).fit(X, y, **params)
        theirs = GridSearchCV(estimator, {"C": C}, **given).fit(X, y, **params)
        ours.set_params(refit="loss").fit(X, y, **params)
    best = LogisticRegression(**ours.best_params_).fit(X, y, **params)
    np.testing.assert_array_equal(ours.best_estimator_.coef_, best.coef_)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("cv", [3, None, LeaveOneGroupOut()], ids=str)
def test_groups_make_the_folds_with_metadata_routing_and_without(cv, routing):
    X, y, _ = numbers()
    groups = np.arange(60) % 6
    with config_context(enable_metadata_routing=routing):
        search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=cv)
        search.fit(X, y, groups=groups)
    assert search.n_splits_ == {3: 3, None: 5}.get(cv, 6)
    for train, test in search.splits_:
        assert not set(groups[train]) & set(groups[test])


def test_a_callable_scoring_is_given_the_estimator_itself():
    X, y, _ = numbers()

    def scoring(estimator, X, y):
        assert type(estimator) is LogisticRegression
        return {"one": 1.0, "accuracy": estimator.score(X, y)}

    search = FusionSearchCV(
        LogisticRegression(), {"C": C}, scoring=scoring, refit="accuracy"
    ).fit(X, y)
    assert search.cv_results_["mean_test_one"].tolist() == [1.0] * 3


def test_a_fit_that_fails_scores_the_error_score():
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": [-1.0, 1.0]}, error_score=-5)
    with pytest.warns(Warning, match="5 fits failed"):
        search.fit(X, y)
    assert search.cv_results_["mean_test_score"][0] == -5
    assert np.isnan(search.oof_predictions_[0]).all()
    assert search.fold_models_[0] == [None] * 5
    ensemble = search.ensemble()  # of those that can
    assert len(ensemble.estimators) == 1
    search.set_params(error_score="raise")
    with pytest.raises(ValueError, match="'C' parameter"):
        search.fit(X, y)


def test_failures_are_warned_of_once():
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": [-1.0, -2.0, 1.0]}, cv=5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    (warning,) = [each for each in caught if each.category is FitFailedWarning]
    assert "10 fits failed out of a total of 15" in str(warning.message)


@pytest.mark.parametrize(
    ("n_jobs", "backend"), [(1, "loky"), (2, "loky"), (2, "threading")]
)
@pytest.mark.parametrize("stored", [True, False])
def test_cells_that_cannot_be_used_are_warned_of_once(
    n_jobs, backend, stored, tmp_path, capfd
):
    X, y = write_shop(tmp_path, 40)
    (tmp_path / X["photo"][7]).write_bytes(b"no picture")
    memory = tmp_path / "store" if stored else None
    clf = MultimodalClassifier(
        shop_features(tmp_path, memory=memory, on_error="missing"),
        EarlyFusionClassifier(),
    )
    grid = {"estimator__scale": [True, False]}
    search = FusionSearchCV(clf, grid, cv=2, n_jobs=n_jobs)
    with (
        warnings.catch_warnings(record=True) as caught,
        parallel_config(backend),
    ):
        warnings.simplefilter("always")
        before = list(warnings.filters)
        search.fit(X, y)
        assert warnings.filters == before
    (warning,) = [each for each in caught if each.category is MissingModalityWarning]
    assert str(warning.message).startswith("1 of 40 cells (2.5%) could not be used")
    assert "Column 'photo', row 7" in str(warning.message)
    assert "could not be used" not in capfd.readouterr().err  # of the other processes
    # where nothing is fitted on all rows and nothing is stored, the folds speak
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.set_params(refit=False, n_jobs=1, memory=None).fit(X, y)
    said = [str(each.message) for each in caught]
    assert sum("could not be used" in each for each in said) >= 1


def test_one_scorer_of_several_may_fail():
    X, y, _ = numbers()
    binary = make_scorer(f1_score, pos_label="other")
    search = FusionSearchCV(
        LogisticRegression(),
        {"C": [1.0]},
        scoring={"accuracy": "accuracy", "bad": binary},
        refit="accuracy",
        cv=2,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    assert any("Scoring failed" in str(each.message) for each in caught)
    assert np.isnan(search.cv_results_["mean_test_bad"]).all()
    assert search.cv_results_["mean_test_accuracy"] > 0.5


def test_predictions_are_out_of_fold():
    X, y, _ = numbers()
    cv = StratifiedKFold(3)
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=cv).fit(X, y)
    assert search.oof_predictions_.shape == (3, 60, 2)
    for position, strength in enumerate(C):
        for fold, (train, test) in enumerate(cv.split(X, y)):
            model = LogisticRegression(C=strength).fit(X[train], y[train])
            said = search.oof_predictions_[position, test]
            np.testing.assert_allclose(said, model.predict_proba(X[test]))
            kept = search.fold_models_[position][fold]
            np.testing.assert_array_equal(kept.coef_, model.coef_)


def test_rows_in_no_test_fold_stay_nan_and_repeats_are_averaged():
    X, _, z = numbers(8)
    half, other = np.arange(4), np.arange(4, 8)
    folds = [(half, other[:2]), (half[:3], other[:2])]
    grid = {"alpha": [1.0]}
    search = FusionSearchCV(LoggedRegressor(os.devnull), grid, cv=folds).fit(X, z)
    said = search.oof_predictions_[0, :, 0]
    models = search.fold_models_[0]
    expected = (models[0].predict(X) + models[1].predict(X)) / 2
    np.testing.assert_allclose(said[4:6], expected[4:6])
    assert np.isnan(said[[0, 1, 2, 3, 6, 7]]).all()
    assert search.ensemble().predict(X).shape == (8,)


def test_folds_may_be_masks():
    X, y, _ = numbers()
    first = np.arange(60) < 30
    masks, given = [(first, ~first), (~first, first)], {"C": C}
    ours = FusionSearchCV(LogisticRegression(), given, cv=masks).fit(X, y)
    theirs = GridSearchCV(LogisticRegression(), given, cv=masks).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.splits_[0][1].tolist() == list(range(30, 60))


@pytest.mark.parametrize("frame", [False, True])
def test_a_column_of_labels_is_like_a_row_of_them(frame):
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=3).fit(X, y)
    column = pd.DataFrame({"label": y}) if frame else y[:, None]
    with pytest.warns(DataConversionWarning, match="column-vector y") as told:
        other = clone(search).fit(X, column)
    assert len(told) == 1
    np.testing.assert_array_equal(other.oof_predictions_, search.oof_predictions_)
    assert other.ensemble().classes_.tolist() == ["no", "yes"]


def test_a_regressor_refuses_labels():
    X, y, _ = numbers()
    with pytest.raises(ValueError, match="needs numbers as y, got strings"):
        FusionSearchCV(Ridge(), {"alpha": [1.0]}).fit(X, y)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
@pytest.mark.parametrize("cv", [3, StratifiedKFold(3)], ids=str)
def test_a_target_with_missing_values_is_refused(missing, cv):
    X, y, z = numbers()
    y = y.astype(object)
    y[[3, 5]] = missing
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=cv)
    for labels in (y, y.tolist(), pd.Series(y)):
        with pytest.raises(ValueError, match="NaN or None, first at position 3"):
            search.fit(X, labels)
    z[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        FusionSearchCV(Ridge(), {"alpha": [1.0]}).fit(X, z)


def test_groups_are_the_column_that_the_estimator_names(tmp_path):
    X, y = write_shop(tmp_path)
    clf = MultimodalClassifier(
        shop_features(tmp_path).set_params(image="drop"),
        EarlyFusionClassifier(),
        groups="author",
    )
    search = FusionSearchCV(clf, {"estimator__modalities": [["text"], None]}, cv=3)
    search.fit(X, y)
    for train, test in search.splits_:
        assert not set(X["author"][train]) & set(X["author"][test])
    search.set_params(cv=GroupKFold(3)).fit(X, y)
    for train, test in search.splits_:
        assert not set(X["author"][train]) & set(X["author"][test])
    assert set(search.leaderboard()["candidate"]) == {
        "modalities=['text']",
        "modalities=None",
    }


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_store_is_warmed_and_nothing_is_decoded_twice(tmp_path, n_jobs):
    root = tmp_path / "pictures"
    root.mkdir()
    X, y = write_shop(root, 40)
    features = shop_features(root, memory=tmp_path / "s", image=LoggingHOGExtractor())
    clf = MultimodalClassifier(features, EarlyFusionClassifier())
    search = FusionSearchCV(clf, fusion_grid(["early", "late"]), cv=2, n_jobs=n_jobs)
    search.fit(X, y)
    assert n_decoded(root) == 40
    assert search.n_found_ == 0
    again = clone(search).fit(X, y)
    assert n_decoded(root) == 0
    assert again.n_found_ == 4
    assert_same_results(again.cv_results_, search.cv_results_)
    for name in TIMES:
        assert again.cv_results_[name] == pytest.approx(search.cv_results_[name], abs=1)
    np.testing.assert_array_equal(again.oof_predictions_, search.oof_predictions_)
    # another picture behind the same path is another search
    (root / X["photo"][0]).write_bytes((root / X["photo"][1]).read_bytes())
    assert clone(search).fit(X, y).n_found_ == 0


class CountedTfidfExtractor(TfidfExtractor):
    """Counts its fits."""

    _store_id = "tests.CountedTfidfExtractor"
    n_fits = 0

    def fit_transform(self, X, y=None, **params):
        type(self).n_fits += 1
        return super().fit_transform(X, y, **params)


def test_a_branch_is_fitted_once_a_fold_and_for_the_refit(tmp_path, monkeypatch):
    monkeypatch.setattr(CountedTfidfExtractor, "n_fits", 0)
    X, y = write_shop(tmp_path, 60)
    features = shop_features(tmp_path, memory=tmp_path / "store").set_params(
        text=CountedTfidfExtractor(random_state=0), image="drop"
    )
    clf = MultimodalClassifier(features, EarlyFusionClassifier())
    grid = fusion_grid(["early", "late", "product"], modalities=["text", None])
    search = FusionSearchCV(clf, grid, cv=3, memory=None, error_score="raise")
    assert len(search.fit(X, y).cv_results_["params"]) == 4
    assert CountedTfidfExtractor.n_fits == 3 + 1
    search.fit(X, y)
    assert CountedTfidfExtractor.n_fits == 3 + 1


class Greedy(LogisticRegression):
    """Writes to what it reads."""

    _store_id = "tests.Greedy"

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        X *= 0
        return self


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_features_of_a_fold_are_shared_without_a_store_and_change_nothing(
    n_jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr(CountedTfidfExtractor, "n_fits", 0)
    X, y = write_shop(tmp_path, 60)
    features = shop_features(tmp_path).set_params(
        text=CountedTfidfExtractor(random_state=0), image="drop"
    )
    clf = MultimodalClassifier(features, LogisticRegression())
    heads = [Greedy(max_iter=1000), LogisticRegression(C=0.1), EarlyFusionClassifier()]
    given = {"cv": KFold(3), "scoring": ["accuracy", "neg_log_loss"], "refit": False}
    grid = {"estimator": heads, "features__text__lowercase": [True, False]}
    given["return_train_score"] = True
    ours = FusionSearchCV(clf, grid, n_jobs=n_jobs, **given).fit(X, y)
    if n_jobs == 1:  # the other processes count for themselves
        assert CountedTfidfExtractor.n_fits == 2 * 3
        held = [m.features_ for row in ours.fold_models_ for m in row]
        assert len(set(map(id, held))) == 2 * 3
    theirs = GridSearchCV(clf, grid, **given).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize(
    "grid",
    [
        {"features__text": [TfidfExtractor(n_components=2, random_state=None)] * 2},
        {"features__image__root": ["one", "two"]},
    ],
    ids=["no seed", "other files"],
)
def test_features_that_may_differ_are_not_shared(grid, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    X, y = write_shop(tmp_path / "one", 40)
    for path in (tmp_path / "one").iterdir():
        (tmp_path / "two" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "two" / X["photo"][0]).write_bytes(
        (tmp_path / "two" / X["photo"][1]).read_bytes()
    )
    if "features__image__root" in grid:
        roots = [tmp_path / name for name in grid["features__image__root"]]
        grid = {"features__image__root": roots}
    clf = MultimodalClassifier(shop_features(tmp_path / "one"), LogisticRegression())
    search = FusionSearchCV(clf, grid, cv=2, refit=False).fit(X, y)
    one, other = search.fold_models_
    for mine, yours in zip(one, other, strict=True):
        assert mine.features_ is not yours.features_
    same = np.array_equal(*search.oof_predictions_)
    assert same == ("features__text" in grid)  # the random one has drawn the same


class Asked(LogisticRegression):
    """Counts what it is asked."""

    n_asked = 0

    def predict_proba(self, X):
        type(self).n_asked += 1
        return super().predict_proba(X)


def own_loss(estimator, X, y):
    """Score by a function of the user's."""
    return -log_loss(y, estimator.predict_proba(X))


@pytest.mark.parametrize(
    ("scoring", "n_asked"),
    [
        (["neg_log_loss", "accuracy"], 1),
        ("accuracy", 1),
        (own_loss, 2),
        ({"own": own_loss, "theirs": "neg_log_loss"}, 3),
    ],
    ids=["several", "one", "own", "own and theirs"],
)
def test_a_model_is_asked_once_by_scorers_that_change_nothing(
    scoring, n_asked, monkeypatch
):
    monkeypatch.setattr(Asked, "n_asked", 0)
    X, y, _ = numbers()
    search = FusionSearchCV(Asked(), {"C": C}, cv=2, scoring=scoring, refit=False)
    search.fit(X, y)
    assert Asked.n_asked == n_asked * 3 * 2
    assert not any("predict_proba" in vars(m) for r in search.fold_models_ for m in r)


@pytest.mark.parametrize("kind", [LoggedClassifier, LoggedRegressor])
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("folder", [False, True])
def test_an_ensemble_fits_nothing(kind, n_jobs, folder, log, tmp_path):
    X, label, number = numbers()
    y = label if kind is LoggedClassifier else number
    name = "C" if kind is LoggedClassifier else "alpha"
    keep = tmp_path / "models" if folder else True
    search = FusionSearchCV(kind(log), {name: C}, cv=3, n_jobs=n_jobs, keep_models=keep)
    search.fit(X, y)
    assert n_fits(log) == 3 * 3 + 1
    search = pickle.loads(pickle.dumps(search))
    ensemble = search.ensemble(n_rounds=5)
    method = "predict_proba" if kind is LoggedClassifier else "predict"
    said = getattr(ensemble, method)(X)
    assert n_fits(log) == 0
    assert len(list(Path(keep).iterdir()) if folder else []) == (9 if folder else 0)
    weights = (
        dict(zip(ensemble.named, ensemble.weights_, strict=True))
        if False
        else (ensemble.weights_)
    )
    assert weights.sum() == pytest.approx(1)
    expected = 0.0
    for (_, chosen), weight in zip(ensemble.estimators, weights, strict=True):
        position = C.index(chosen.get_params()[name])
        models = search.fold_models_[position]
        if folder:
            models = [joblib.load(path) for path in models]
        expected += weight * np.mean(
            [getattr(model, method)(X) for model in models], axis=0
        )
    np.testing.assert_allclose(said, expected)
    refitted = clone(ensemble).fit(X, y)
    assert n_fits(log) == len(ensemble.estimators)
    assert [len(models) for models in refitted.estimators_] == [1] * len(weights)


def test_an_ensemble_may_be_best_at_any_metric_and_beats_its_members_there():
    X, y, _ = numbers(120)
    estimator = DecisionTreeClassifier(random_state=0)
    search = FusionSearchCV(estimator, {"max_depth": [1, 2, 3, 5, 8]}).fit(X, y)
    for metric in (None, "accuracy", "roc_auc"):
        ensemble = search.ensemble(metric=metric)
        assert set(ensemble.predict(X)) == {"yes", "no"}
    # what log-loss chooses is not worse out of fold than the best alone
    codes = (y == "yes").astype(int)
    said = search.oof_predictions_
    labels = [int(est.max_depth) for _, est in search.ensemble().estimators]
    weights = search.ensemble().weights_
    positions = [[1, 2, 3, 5, 8].index(depth) for depth in labels]
    fused = np.einsum("c,cnk->nk", weights, said[positions])

    def loss(proba):
        return -np.log(np.clip(proba[np.arange(120), codes], 1e-15, 1)).mean()

    assert loss(fused) <= min(map(loss, said)) + 1e-12


@pytest.mark.parametrize(
    "given", [{"n_rounds": 0}, {"n_init": -1}, {"n_bags": "x"}, {"bag_fraction": 7}]
)
def test_the_parameters_of_an_ensemble_are_checked(given):
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=2).fit(X, y)
    with pytest.raises(
        ValueError, match=f"The '{next(iter(given))}' parameter of ensemble"
    ):
        search.ensemble(**given)


def test_a_classifier_without_probabilities_is_sure():
    X, y, _ = numbers()
    search = FusionSearchCV(RidgeClassifier(), {"alpha": [1.0]}, cv=3).fit(X, y)
    assert set(np.unique(search.oof_predictions_)) == {0.0, 1.0}
    assert search.ensemble().predict(X).tolist().count("yes") > 5


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_models_that_are_gone_are_fitted_again_if_they_are_chosen(
    n_jobs, log, tmp_path
):
    X, y, _ = numbers()
    weights = np.random.default_rng(1).uniform(size=len(y))
    search = FusionSearchCV(
        LoggedClassifier(log), {"C": C}, memory=tmp_path / "store", n_jobs=n_jobs
    ).fit(X, y, sample_weight=weights)
    whole = search.ensemble(n_bags=1, n_init=1, n_rounds=2)
    assert 0 < len(whole.estimators) < 3
    again = clone(search).fit(X, y, sample_weight=weights)
    assert again.n_found_ == 15
    n_fits(log)
    with pytest.raises(ValueError, match=r"are not there.* Pass the table of fit"):
        again.ensemble(n_bags=1, n_init=1, n_rounds=2)
    assert n_fits(log) == 0
    fitted = again.ensemble(X, n_bags=1, n_init=1, n_rounds=2)
    assert n_fits(log) == 5 * len(whole.estimators)
    np.testing.assert_array_equal(fitted.predict_proba(X), whole.predict_proba(X))
    again.ensemble(n_bags=1, n_init=1, n_rounds=2)  # now they are there
    assert n_fits(log) == 0
    for other in (X[:-1], X + 1e-9):
        with pytest.raises(ValueError, match="is not the table that was searched"):
            clone(search).fit(X, y, sample_weight=weights).ensemble(other)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_equal_candidates_share_the_models_of_one(n_jobs, folder, tmp_path):
    X, y, _ = numbers()
    search = FusionSearchCV(
        LogisticRegression(), {"C": [1.0, 0.1, 1.0]}, cv=2, memory=tmp_path / "store",
        keep_models=tmp_path / "models" if folder else True, n_jobs=n_jobs,
    )  # fmt: skip
    ensemble = search.fit(X, y).ensemble(n_init=3)
    assert len(ensemble.estimators_) == 3
    first, _, last = (
        [each.predict_proba(X) for each in models] for models in ensemble.estimators_
    )
    np.testing.assert_array_equal(first, last)


def test_a_longer_random_search_goes_on_where_a_shorter_one_was(tmp_path):
    X, y, _ = numbers()
    search = FusionSearchCV(
        LogisticRegression(), {"C": loguniform(0.01, 10)}, n_iter=3, cv=KFold(2),
        memory=tmp_path,
    )  # fmt: skip
    search.fit(X, y)
    assert clone(search).set_params(n_iter=5).fit(X, y).n_found_ == 6
    assert clone(search).set_params(random_state=1).fit(X, y).n_found_ == 0


@pytest.mark.parametrize("form", ["csc", "coo", "csr"])
def test_models_are_fitted_again_on_any_sparse_format(form, tmp_path):
    X, y, _ = numbers()
    X = sp.coo_array(X).asformat(form)
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=2, memory=tmp_path)
    kept = search.fit(X, y).ensemble().predict_proba(X)
    again = clone(search).fit(X, y)
    assert again.n_found_ == 6
    np.testing.assert_allclose(again.ensemble(X).predict_proba(X), kept)


def test_models_are_not_fitted_again_on_other_pictures(tmp_path):
    X, y = write_shop(tmp_path, 40)
    features = shop_features(tmp_path, memory=tmp_path / "store")
    clf = MultimodalClassifier(features, EarlyFusionClassifier())
    search = FusionSearchCV(clf, fusion_grid(["early"]), cv=2).fit(X, y)
    again = clone(search).fit(X, y)
    assert again.n_found_ == 2
    said = again.ensemble(X).predict_proba(X)
    np.testing.assert_array_equal(said, search.ensemble().predict_proba(X))
    (tmp_path / X["photo"][0]).write_bytes((tmp_path / X["photo"][1]).read_bytes())
    again.fold_models_[0][0] = None
    with pytest.raises(ValueError, match="or files that it names have changed"):
        again.ensemble(X)


def test_models_without_a_key_do_not_pile_up(log, tmp_path):
    X, y, _ = numbers()
    folder = tmp_path / "models"
    search = FusionSearchCV(
        LoggedClassifier(log), {"C": C}, cv=KFold(3), keep_models=folder, refit=False
    ).fit(X, y)
    files = set(folder.iterdir())
    assert len(files) == 9
    said = search.ensemble().predict_proba(X)
    again = clone(search).fit(X, y)
    assert set(folder.iterdir()) == files
    np.testing.assert_array_equal(again.ensemble().predict_proba(X), said)
    # other candidates keep theirs; other folds too
    clone(search).set_params(cv=2, param_grid={"C": [2.0]}).fit(X, y)
    assert len(set(folder.iterdir()) - files) == 2
    again.ensemble()
    clone(search).fit(X, np.roll(y, 7))
    assert len(list(folder.iterdir())) == 9 + 2
    with pytest.raises(ValueError, match="another search of the same candidates"):
        again.ensemble()


@pytest.mark.parametrize("name", ["file", "file/models", "a\0b", "locked"])
def test_a_folder_that_cannot_be_written_is_an_error_at_once(
    name, log, tmp_path, monkeypatch
):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    X, y, _ = numbers()
    (tmp_path / "file").touch()
    if name == "locked":
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    folder = tmp_path / name
    search = FusionSearchCV(LoggedClassifier(log), {"C": C}, keep_models=folder)
    message = re.escape(f"keep_models={str(folder)!r} is no folder that can be made")
    with pytest.raises(ValueError, match=message):
        search.fit(X, y)
    assert n_fits(log) == 0


class Unwritten(LogisticRegression):
    """Cannot be pickled, of one strength."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        if self.C == 1.0:
            self.own_ = lambda: None
        return self


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_model_that_cannot_be_written_costs_no_score(n_jobs, tmp_path):
    X, y, _ = numbers()
    given = {"cv": KFold(3), "n_jobs": n_jobs}
    whole = FusionSearchCV(LogisticRegression(), {"C": C}, **given).fit(X, y)
    search = FusionSearchCV(Unwritten(), {"C": C}, keep_models=tmp_path, **given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    (warning,) = [each for each in caught if each.category is StoreWarning]
    assert warning.filename == __file__
    message = f"3 of 9 models could not be written to keep_models={str(tmp_path)!r} ("
    assert str(warning.message).startswith(message)
    assert_same_results(search.cv_results_, whole.cv_results_)
    np.testing.assert_array_equal(search.oof_predictions_, whole.oof_predictions_)
    assert search.fold_models_[1] == [None] * 3
    files = {path for models in search.fold_models_[::2] for path in models}
    assert files == set(map(str, tmp_path.iterdir()))


def test_a_disk_that_is_full_costs_no_score(tmp_path, monkeypatch):
    def dump(model, path):
        if len(list(tmp_path.glob("*.joblib"))) == 2:
            path.write_bytes(b"the begin of it")
            raise OSError(28, "No space left on device")
        return joblib_dump(model, path)

    joblib_dump = joblib.dump
    monkeypatch.setattr(joblib, "dump", dump)
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}, keep_models=tmp_path, cv=3)
    with pytest.warns(StoreWarning, match="7 of 9 models .*No space left on device"):
        search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert sum(each is None for row in search.fold_models_ for each in row) == 7
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("stored", [False, True])
def test_models_whose_files_are_gone_are_named_and_fitted_again(stored, log, tmp_path):
    X, y, _ = numbers()
    memory = tmp_path / "store" if stored else None
    search = FusionSearchCV(
        LoggedClassifier(log), {"C": [1.0]}, cv=3, memory=memory,
        keep_models=tmp_path / "models",
    ).fit(X, y)  # fmt: skip
    said = search.ensemble().predict_proba(X)
    for fold in (0, 2):
        Path(search.fold_models_[0][fold]).unlink()
    with pytest.raises(
        ValueError, match=r"2 models .* cv_results_: {0: \[0, 2\]}.* del"
    ):
        search.ensemble()
    with pytest.raises(ValueError, match="is not the table that was searched"):
        search.ensemble(X + 1e-9)
    n_fits(log)
    np.testing.assert_array_equal(search.ensemble(X).predict_proba(X), said)
    assert n_fits(log) == 2


def test_without_models_an_ensemble_says_what_to_do(log, tmp_path):
    X, y, _ = numbers()
    search = FusionSearchCV(LoggedClassifier(log), {"C": C}, keep_models=False)
    with pytest.raises(ValueError, match=r"not kept.* ensemble\(X\).*keep_models="):
        search.fit(X, y).ensemble()
    assert set(search.ensemble(X).predict(X)) == {"yes", "no"}
    search.set_params(keep_models=True, memory=tmp_path / "store").fit(X, y)
    again = clone(search)
    n_fits(log)
    # models that are wanted in a folder are fitted once more, then found there
    again.set_params(keep_models=tmp_path / "models", refit=False).fit(X, y)
    assert n_fits(log) == 15
    again = clone(again).fit(X, y)
    assert n_fits(log) == 0
    assert set(again.ensemble().predict(X)) == {"yes", "no"}


def test_killed_and_started_again_it_fits_the_rest(tmp_path):
    X, y = _killed_search.data()
    log, memory = str(tmp_path / "log"), str(tmp_path / "store")
    Path(f"{log}.deadly").write_text("5")
    run = [sys.executable, "-m", "tests.model_selection._killed_search", log, memory]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    Path(f"{log}.deadly").unlink()
    assert n_fits(f"{log}.all") == 5
    search = _killed_search.search(log, memory)
    search.fit(X, y)
    assert search.n_found_ == 5
    assert n_fits(f"{log}.all") == 12 - 5 + 1
    whole = _killed_search.search(log, None).fit(X, y)
    assert_same_results(search.cv_results_, whole.cv_results_)
    np.testing.assert_array_equal(search.oof_predictions_, whole.oof_predictions_)
    assert search.best_params_ == whole.best_params_


@pytest.mark.parametrize(
    "change",
    [
        {"scoring": "roc_auc"},
        {"cv": 4},
        {"random_state": 1},
        {"param_grid": {"C": [1.0 + 1e-9]}},
        {"X": 1},
        {"y": 1},
        {"weights": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_a_fit_is_in_its_key(change, log, tmp_path):
    X, y, _ = numbers()
    search = FusionSearchCV(
        LoggedClassifier(log), {"C": [1.0]}, cv=3, memory=tmp_path, scoring="accuracy"
    )
    search.fit(X, y)
    assert clone(search).fit(X, y).n_found_ == 3
    given = {}
    if "X" in change:
        X = X.copy()
        X[0, 0] += 1e-9
    elif "y" in change:
        y = np.roll(y, 1)
    elif "weights" in change:
        given = {"sample_weight": np.full(len(y), 2.0)}
    else:
        search.set_params(**change)
    assert clone(search).fit(X, y, **given).n_found_ == 0


def test_the_version_of_unicode_is_in_the_key(log, tmp_path, monkeypatch):
    X, y, _ = numbers()
    search = FusionSearchCV(LoggedClassifier(log), {"C": [1.0]}, cv=3, memory=tmp_path)
    search.fit(X, y)
    monkeypatch.setattr(
        _candidate_keys, "_versions", _candidate_keys._versions.__wrapped__
    )
    assert clone(search).fit(X, y).n_found_ == 3
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    assert clone(search).fit(X, y).n_found_ == 0


@pytest.mark.parametrize(
    "change", [{"cell_pooling": "max"}, {"on_error": "missing"}, {"bins": 3}], ids=str
)
def test_how_cells_become_rows_is_in_the_key(change):
    def key(**params):
        features = ModalityTransformer([("image", ColorExtractor(**params), ["image"])])
        return candidate_config(MultimodalClassifier(features, EarlyFusionClassifier()))

    assert key() == key()
    assert key(**change) != key()


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (DecisionTreeClassifier(), "no number as random_state"),
        (LogisticRegression(solver="saga"), "no number as random_state"),
        (LightGBMClassifier(subsample=0.5), "no number as random_state"),
        (LightGBMClassifier(colsample_bytree=0.5), "no number as random_state"),
        (LightGBMClassifier(params={"extra_trees": True}), "no number as"),
    ],
)
def test_what_cannot_be_told_apart_is_not_stored_and_said_once(
    estimator, reason, tmp_path
):
    X, y, _ = numbers()
    _said.clear()
    search = FusionSearchCV(
        estimator, {"class_weight": [None, "balanced"]}, cv=2, memory=tmp_path,
        keep_models=False,
    )  # fmt: skip
    with (
        pytest.warns(StoreWarning, match=reason),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="The max_iter was reached")
        search.fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The max_iter was reached")
        assert search.fit(X, y).n_found_ == 0


@pytest.mark.parametrize("scoring", [own_loss, make_scorer(lambda y, z: 1.0)], ids=type)
def test_a_scoring_that_cannot_be_told_apart_is_named(scoring, tmp_path):
    X, y, _ = numbers()
    _said.clear()
    search = FusionSearchCV(
        LogisticRegression(), {"C": C}, cv=2, memory=tmp_path, scoring=scoring
    )
    with pytest.warns(StoreWarning, match=r": scoring cannot .*'scoring' .*<function"):
        search.fit(X, y)
    assert search.fit(X, y).n_found_ == 0


def test_random_draws_of_seeded_parts_are_stored(tmp_path):
    X, y, _ = numbers()
    grid = {
        "estimator": [
            LogisticRegression(),
            LightGBMClassifier(n_estimators=3),
            DecisionTreeClassifier(random_state=0),
        ]
    }
    search = FusionSearchCV(
        EarlyFusionClassifier(), grid, cv=2, memory=tmp_path, refit=False
    )
    frame = pd.DataFrame(X, columns=["a__x", "b__x", "b__y"])
    search.fit(frame, y)
    assert clone(search).fit(frame, y).n_found_ == 6


def test_the_leaderboard_is_sorted_and_labels_tell_candidates_apart():
    X, y, _ = numbers()
    grid = [
        {"estimator": [EarlyFusionClassifier(LogisticRegression(C=1e-4))]},
        {"estimator": [LateFusionClassifier()], "estimator__combine": ["mean", "vote"]},
    ]
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    features = ModalityTransformer(
        [("left", TableExtractor(), ["a"]), ("right", TableExtractor(), ["b", "c"])]
    )
    search = FusionSearchCV(
        MultimodalClassifier(features, EarlyFusionClassifier()),
        grid,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
    ).fit(frame, y)
    board = search.leaderboard()
    assert board["rank"].is_monotonic_increasing
    assert board["mean_neg_log_loss"].is_monotonic_decreasing
    assert board.loc[2, "candidate"] == "LateFusionClassifier(), combine='vote'"
    assert board.loc[0, "candidate"] == (
        "EarlyFusionClassifier(estimator=LogisticRegression(C=0.0001))"
    )
    position = board.index[0]
    assert board["sd_accuracy"].iloc[0] == pytest.approx(
        np.std([search.cv_results_[f"split{i}_test_accuracy"][position]
                for i in range(5)])
    )  # fmt: skip


def test_a_leaderboard_without_pandas_names_the_extra(monkeypatch):
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}).fit(X, y)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"mmsk\[pandas\]"):
        search.leaderboard()


def test_progress_is_shown_on_stderr_if_asked_for(capsys):
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}, cv=2)
    search.fit(X, y)
    assert capsys.readouterr() == ("", "")
    search.set_params(verbose=1).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "6/6" in err


def test_it_is_copied_and_pickled_as_it_is():
    X, y, _ = numbers()
    search = FusionSearchCV(LogisticRegression(), {"C": C}).fit(X, y)
    for other in (copy.deepcopy(search), pickle.loads(pickle.dumps(search))):
        assert_same_results(other.cv_results_, search.cv_results_)
        proba = other.ensemble().predict_proba(X)
        np.testing.assert_array_equal(proba, search.ensemble().predict_proba(X))
    assert not hasattr(clone(search), "cv_results_")


def test_the_parameters_are_as_they_were_after_a_fit_that_raises():
    X, y, _ = numbers()
    estimator = LogisticRegression()
    search = FusionSearchCV(estimator, {"C": [-1]}, error_score="raise")
    with pytest.raises(ValueError, match="'C'"):
        search.fit(X, y)
    assert search.estimator is estimator
    assert search.scoring is None
    assert search.cv is None


def test_halving_and_the_others_work_on_multimodal_estimators(tmp_path):
    X, y = write_shop(tmp_path)
    features = shop_features(tmp_path).set_params(image="drop")
    clf = MultimodalClassifier(features, EarlyFusionClassifier())
    grid = fusion_grid(
        ["early", "late"], heads=[LogisticRegression(C=c, max_iter=1000) for c in C]
    )
    for search in (
        GridSearchCV(clf, grid, cv=2),
        RandomizedSearchCV(clf, grid, n_iter=2, cv=2, random_state=0),
        HalvingGridSearchCV(clf, grid, cv=2, random_state=0, min_resources=40),
    ):
        search.fit(X, y)
        assert search.best_score_ > 0.3
        assert set(search.predict(X)) <= {"none", "one", "two"}
