import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR
from sklearn.utils import get_tags

from mmsk.compose import Block, Blocks, MultimodalRegressor
from mmsk.exceptions import MissingModalityWarning
from mmsk.fusion import EarlyFusionRegressor, LateFusionRegressor
from mmsk.fusion._combine import mean_rule
from tests._blocks import mixed_features, mixed_table

RULES = ["mean", "median", "weighted", "stack"]
THREE = Blocks([Block("a", 0, 2, 2), Block("b", 3, 4, 4), Block("c", 5, 6, 6)])


def late(estimator=None, estimators=None, **params):
    return LateFusionRegressor(estimator, estimators, **({"blocks": THREE} | params))


def numbers(n=120, *, absent=0.25, seed=0, n_targets=None):
    """Return X for THREE, its blocks absent at random, and y."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 7))
    slopes = [[1.0, 1.0, 0.3], [-0.5, 2.0, 0.0]]
    y = X[:, [0, 3, 5]] @ np.transpose(slopes) + [20.0, -3.0]
    present = rng.random((n, 3)) >= absent
    present[~present.any(axis=1), 0] = True
    for block, has in zip(THREE, present.T, strict=True):
        X[:, block.indicator] = has
        X[~has, block.start : block.stop] = 0
    return X, y[:, 0] if n_targets is None else y[:, :n_targets]


def members(X, y, *, new=None, estimator=None):
    """Fit a regressor on each block alone; return what they say, ``(M, n, k)``."""
    new = X if new is None else new
    has, present = THREE.present(X), THREE.present(new)
    said = np.full((3, len(new), *y.shape[1:]), np.nan)
    for m, name in enumerate(THREE.names):
        alone = EarlyFusionRegressor(estimator, modalities=[name], blocks=THREE)
        alone.fit(X[has[:, m]], y[has[:, m]])
        said[m, present[:, m]] = alone.predict(new[present[:, m]])
    return said


def out_of_fold(X, y, cv):
    said = np.full((3, len(X)), np.nan)
    for train, test in cv.split(X, y):
        said[:, test] = members(X[train], y[train], new=X[test])
    return said


class TestRules:
    @pytest.mark.parametrize("n_targets", [None, 1, 2])
    def test_combine_members_fitted_on_the_rows_that_have_them(self, n_targets):
        X, y = numbers(n_targets=n_targets)
        said = members(X, y)
        for rule, expected in [
            ("mean", np.nanmean(said, axis=0)),
            ("median", np.nanmedian(said, axis=0)),
        ]:
            predicted = late(combine=rule).fit(X, y).predict(X)
            assert predicted.shape == y.shape
            np.testing.assert_allclose(predicted, expected)

    def test_weights_are_those_of_the_smallest_squared_error_out_of_fold(self):
        X, y = numbers(absent=0.0)
        cv = KFold(4)
        model = late(combine="weighted", cv=cv, modalities=["a", "b"]).fit(X, y)
        one, other, _ = out_of_fold(X, y, cv)
        # (y - w one - (1 - w) other)^2 is smallest at
        w = (y - other) @ (one - other) / ((one - other) @ (one - other))
        assert 0.1 < w < 0.9
        np.testing.assert_allclose(model.weights_, [w, 1 - w], atol=1e-4)
        said = members(X, y)
        expected = model.weights_ @ said[:2]
        np.testing.assert_allclose(model.predict(X), expected)

    def test_weights_are_renormalised_over_the_present(self):
        X, y = numbers()
        model = late(combine="weighted").fit(X, y)
        said, present = members(X, y), THREE.present(X)
        expected = mean_rule(np.nan_to_num(said)[:, :, None], present, model.weights_)
        np.testing.assert_allclose(model.predict(X), expected[:, 0])
        assert (~present.all(axis=1)).any()
        np.testing.assert_allclose(model.weights_.sum(), 1)

    def test_stack_is_a_ridge_on_standardised_out_of_fold_predictions(self):
        X, y = numbers()
        cv = KFold(3)
        model = late(combine="stack", cv=cv).fit(X, y)
        present = THREE.present(X)

        def features(said):
            return np.column_stack(
                [*np.nan_to_num((said - y.mean()) / y.std()), present]
            )

        final = Ridge().fit(features(out_of_fold(X, y, cv)), (y - y.mean()) / y.std())
        expected = final.predict(features(members(X, y))) * y.std() + y.mean()
        np.testing.assert_allclose(model.predict(X), expected)
        assert model.weights_ is None

    def test_final_estimator(self):
        X, y = numbers()
        model = late(combine="stack", final_estimator=KNeighborsRegressor()).fit(X, y)
        assert model.final_estimator_.n_features_in_ == 6
        assert late().fit(X, y).final_estimator_ is None

    def test_a_modality_of_noise_gets_no_say(self):
        X, y = numbers(300, absent=0.0)
        X[:, :2] = np.random.default_rng(5).normal(size=(300, 2))
        tree = HistGradientBoostingRegressor(max_iter=20)  # fits noise
        model = late(tree, combine="weighted", modalities=["a", "b"]).fit(X, y)
        assert model.weights_[0] < 0.1

    @pytest.mark.parametrize("rule", RULES)
    def test_the_unit_of_y_does_not_matter(self, rule):
        X, y = numbers()
        model = late(combine=rule).fit(X, y)
        other = clone(model).fit(X, 1e5 * y - 7e6)
        np.testing.assert_allclose(
            other.predict(X), 1e5 * model.predict(X) - 7e6, rtol=1e-4
        )
        assert model.y_mean_ == pytest.approx(y.mean())
        assert model.y_scale_ == pytest.approx(y.std())

    @pytest.mark.parametrize("rule", RULES)
    def test_beats_every_single_modality(self, rule):
        X, y = numbers(300, absent=0.0)
        new, truth = numbers(300, absent=0.0, seed=1)
        chosen = {"modalities": ["a", "b"]}
        score = late(combine=rule, **chosen).fit(X, y).score(new, truth)
        alone = [late(modalities=[name]).fit(X, y).score(new, truth) for name in "ab"]
        assert score > max(alone) + 0.1


class TestSeveralTargets:
    @pytest.mark.parametrize("rule", ["mean", "median"])
    def test_are_predicted_as_one_by_one(self, rule):
        X, y = numbers(absent=0.0, n_targets=2)
        both = late(combine=rule, modalities=["b"]).fit(X, y).predict(X)
        for target in range(2):
            one = late(combine=rule, modalities=["b"]).fit(X, y[:, target])
            np.testing.assert_allclose(both[:, target], one.predict(X))

    def test_count_alike_in_the_weights(self):
        X, y = numbers(n_targets=2)
        model = late(combine="weighted").fit(X, y)
        other = clone(model).fit(X, y * [1e4, 1.0])
        np.testing.assert_allclose(other.weights_, model.weights_, atol=1e-5)
        alone = clone(model).fit(X, y[:, 0])
        assert np.abs(alone.weights_ - model.weights_).max() > 0.05

    def test_a_regressor_of_one_target_says_so(self):
        X, y = numbers(n_targets=2)
        assert get_tags(late()).target_tags.multi_output
        stacked = late(combine="stack", final_estimator=SVR())
        for model in (late(None, [("b", SVR())]), stacked):
            assert not get_tags(model).target_tags.multi_output
        for model in (late(SVR()), EarlyFusionRegressor(SVR(), blocks=THREE)):
            assert not get_tags(model).target_tags.multi_output
            with pytest.raises(ValueError, match="y should be a 1d array"):
                model.fit(X, y)
            with pytest.warns(DataConversionWarning):
                column = clone(model).fit(X, y[:, :1]).predict(X)
            assert column.shape == (120,)

    def test_early(self):
        X, y = numbers(n_targets=2)
        model = EarlyFusionRegressor(blocks=THREE).fit(X, y)
        assert model.y_mean_.shape == (2,)
        one = EarlyFusionRegressor(blocks=THREE).fit(X, y[:, 1])
        np.testing.assert_allclose(model.predict(X)[:, 1], one.predict(X))


class TestAbsent:
    @pytest.mark.parametrize("rule", RULES)
    def test_what_stands_in_for_it_changes_nothing(self, rule):
        X, y = numbers()
        model = late(combine=rule).fit(X, y)
        other = X.copy()
        for block in THREE:
            other[X[:, block.indicator] == 0, block.start : block.stop] = 1e6
        np.testing.assert_array_equal(model.predict(other), model.predict(X))
        again = clone(model).fit(other, y)
        np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-12)

    @pytest.mark.parametrize("n_targets", [None, 2])
    @pytest.mark.parametrize("rule", RULES)
    def test_a_row_without_any_gets_the_weighted_mean(self, rule, n_targets):
        X, y = numbers(n_targets=n_targets)
        weights = np.arange(1.0, 121)
        model = late(combine=rule).fit(X, y, sample_weight=weights)
        new = X.copy()
        new[[3, 8]] = 0.0
        match = r"2 of 120 .*rows \[3, 8\]\): they get the training mean"
        with pytest.warns(MissingModalityWarning, match=match):
            predicted = model.predict(new)
        mean = np.average(y, axis=0, weights=weights)
        np.testing.assert_allclose(predicted[[3, 8]], [mean, mean])
        rest = np.setdiff1d(np.arange(120), [3, 8])
        np.testing.assert_allclose(predicted[rest], model.predict(X)[rest])

    @pytest.mark.parametrize("rule", RULES)
    def test_a_modality_that_no_training_row_has(self, rule):
        X, y = numbers()
        X[:, [0, 1, 2]] = 0.0
        X[~THREE.present(X).any(axis=1), 4] = 1.0
        with pytest.warns(MissingModalityWarning, match=r"No training .* \['a'\]"):
            model = late(combine=rule).fit(X, y)
        only = np.array([[1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
        assert model.predict(only) == pytest.approx(y.mean())

    @pytest.mark.parametrize("rule", ["weighted", "stack"])
    def test_folds_that_lack_a_modality(self, rule):
        X, y = numbers(40)
        X[4:, :3] = 0.0
        X[~THREE.present(X).any(axis=1), 4] = 1.0
        cv = [(np.arange(4, 40), np.arange(4)), (np.arange(36), np.arange(36, 40))]
        assert np.isfinite(late(combine=rule, cv=cv).fit(X, y).predict(X)).all()


class TestMembers:
    def test_of_their_own(self):
        X, y = numbers()
        svr = SVR(C=10)
        model = late(LinearRegression(), [("a", svr), ("c", "drop")]).fit(X, y)
        assert model.modalities_ == ["a", "b"]
        assert model.named_estimators_["a"].estimator_.C == 10
        assert isinstance(model.named_estimators_["b"].estimator_, LinearRegression)
        assert not hasattr(svr, "support_")

    def test_names_are_those_of_a_voting_regressor(self):
        own = [("a", Ridge(alpha=3.0)), ("b", "drop")]
        model, voting = late(None, own), VotingRegressor(own)
        names = {name for name in voting.get_params() if name[:1] in "ab"}
        assert names <= set(model.get_params())
        assert model.get_params()["a__alpha"] == 3.0
        model.set_params(a__alpha=5.0, b=Ridge())
        assert model.estimators[0][1].alpha == 5.0
        assert isinstance(dict(model.estimators)["b"], Ridge)

    def test_a_search_reaches_them(self):
        X, y = numbers()
        grid = {"combine": ["mean", "stack"], "a__alpha": [0.1, 1e5]}
        model = late(None, [("a", Ridge())])
        search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y)
        scores = search.cv_results_["mean_test_score"]
        assert len(set(scores)) == 4
        assert search.best_params_["a__alpha"] == 0.1

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"combine": "product"}, "The 'combine' parameter of LateFusionRegressor"),
            ({"estimators": [("z", Ridge())]}, r"the modalities \['z'\]; there are"),
            ({"modalities": ["z"]}, r"Unknown modalities \['z'\]"),
        ],
    )
    def test_refused(self, params, message):
        with pytest.raises(ValueError, match=message):
            late(**params).fit(*numbers())

    def test_words_as_a_target(self):
        X, y = numbers()
        with pytest.raises(ValueError, match="needs numbers as y, got strings"):
            late().fit(X, y.astype(str) + "?")


class TestFolds:
    @pytest.mark.parametrize("rule", ["weighted", "stack"])
    def test_groups_stand_on_one_side(self, rule):
        class Recorder(KNeighborsRegressor):
            seen: list = []

            def fit(self, X, y):
                type(self).seen.append(set(np.round(y).astype(int)))
                return super().fit(X, y)

        X, _ = numbers(60, absent=0.0)
        groups = np.arange(60) % 6
        y = groups + np.random.default_rng(0).uniform(-0.3, 0.3, 60)
        late(Recorder(), combine=rule, cv=3).fit(X, y, groups=groups)
        inner = Recorder.seen[3:]  # the first are fitted on everything
        assert len(inner) == 9
        assert {len(groups) for groups in inner} == {4}

    def test_groups_reach_a_splitter_of_the_users(self):
        X, y = numbers()
        groups = np.arange(120) // 30
        cv = GroupKFold(4)
        model = late(combine="weighted", cv=cv).fit(X, y, groups=groups)
        given = list(cv.split(X, y, groups))
        expected = late(combine="weighted", cv=given).fit(X, y)
        np.testing.assert_array_equal(model.weights_, expected.weights_)

    @pytest.mark.parametrize("rule", RULES)
    def test_one_row_and_a_constant_target(self, rule):
        X, y = numbers(absent=0.0)
        one = late(combine=rule).fit(X[:1], y[:1])
        np.testing.assert_allclose(one.predict(X), y[0])
        same = late(combine=rule).fit(X, np.full(120, 0.1))
        np.testing.assert_allclose(same.predict(X), 0.1)


class TestContract:
    @pytest.mark.parametrize("rule", ["mean", "median"])
    def test_weight_2_is_a_row_twice_and_0_is_none(self, rule):
        X, y = numbers(60)
        weights = np.random.default_rng(0).integers(3, size=60)
        weighted = late(combine=rule).fit(X, y, sample_weight=weights)
        repeated = np.arange(60).repeat(weights)
        expected = late(combine=rule).fit(X[repeated], y[repeated])
        np.testing.assert_allclose(weighted.predict(X), expected.predict(X))
        assert weighted.y_scale_ == pytest.approx(expected.y_scale_)

    @pytest.mark.parametrize("rule", RULES)
    def test_tables_of_every_kind(self, rule):
        X, y = numbers()
        names = ["a__0", "a__1", "a__modality_present", "b__0"]
        names += ["b__modality_present", "c__0", "c__modality_present"]
        model = late(combine=rule, blocks=None)
        frame = pd.DataFrame(X, columns=names)
        expected = late(combine=rule).fit(X, y).predict(X)
        for table in (frame, pl.from_pandas(frame)):
            predicted = clone(model).fit(table, y).predict(table)
            np.testing.assert_allclose(predicted, expected)
        sparse = late(combine=rule).fit(sp.csr_array(X), y)
        assert np.abs(sparse.predict(sp.csr_array(X)) - expected).max() < 0.3

    @pytest.mark.parametrize("rule", RULES)
    def test_clone_pickle_and_jobs(self, rule):
        X, y = numbers()
        model = late(combine=rule).fit(X, y)
        expected = model.predict(X)
        with parallel_config("threading"):
            parallel = clone(model).set_params(n_jobs=2).fit(X, y)
        loaded = pickle.loads(pickle.dumps(model))
        for other in (loaded, clone(model).fit(X, y), parallel):
            np.testing.assert_array_equal(other.predict(X), expected)

    def test_inside_a_multimodal_regressor(self):
        X, label = mixed_table()
        y = np.select([label == "both", label == "one"], [2.0, 1.0])
        model = MultimodalRegressor(
            mixed_features(), late(combine="stack", blocks=None), groups="author"
        )
        model.fit(X, y)
        assert model.estimator_.modalities_ == ["text", "table"]
        assert model.score(X, y) > 0.9

    def test_several_targets_inside_a_multimodal_regressor(self):
        X, label = mixed_table()
        y = np.column_stack([label == "both", label == "none"]).astype(float)
        model = MultimodalRegressor(mixed_features(), late(blocks=None)).fit(X, y)
        assert model.predict(X).shape == y.shape
