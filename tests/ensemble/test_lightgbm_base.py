"""Small data, weights, early stopping and blocks."""

import lightgbm
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier

from mmsk._utils._blocks import Block, Blocks
from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor, _lightgbm_base
from tests.ensemble._samples import BOTH, binary


def test_few_rows_are_learned_from():
    X = np.arange(10.0)[:, None]
    y = (X[:, 0] > 4).astype(int)
    for kind in (LightGBMClassifier, LightGBMRegressor):
        np.testing.assert_allclose(kind().fit(X, y).predict(X), y, atol=0.1)


@BOTH
def test_too_few_rows_for_min_child_samples_warn(kind):
    X, y = binary(39)
    with pytest.warns(UserWarning, match="39 rows are fewer than 40, twice"):
        trees = kind(min_child_samples=20).fit(X, y)
    assert len(np.unique(trees.predict(X))) == 1
    X, y = binary(40)
    kind(min_child_samples=20).fit(X, y)


@pytest.mark.parametrize("n, least", [(10, 1), (100, 5), (400, 20), (4000, 20)])
def test_auto_min_child_samples(n, least):
    X, y = binary(n)
    auto = LightGBMRegressor(n_estimators=3).fit(X, y)
    assert auto.booster_.params["min_data_in_leaf"] == least


def test_zero_weight_is_absence():
    X, y = binary()
    weights = np.random.default_rng(0).integers(0, 2, 200)
    params = {"n_estimators": 10, "early_stopping": True, "random_state": 0}
    kept = LightGBMClassifier(**params).fit(X[weights > 0], y[weights > 0])
    weighted = LightGBMClassifier(**params).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(weighted.predict_proba(X), kept.predict_proba(X))
    only = LightGBMClassifier().fit(X, y, sample_weight=(y == 1))
    assert only.classes_.tolist() == [1]


@pytest.mark.parametrize("scale", [1e-30, 1e308])
@BOTH
def test_scale_of_weights_does_not_matter(kind, scale):
    X, y = binary()
    plain = kind(n_estimators=10).fit(X, y)
    scaled = kind(n_estimators=10).fit(X, y, sample_weight=np.full(200, scale))
    np.testing.assert_allclose(scaled.predict(X), plain.predict(X), rtol=1e-6)


def test_weights_are_repetitions_where_no_leaf_is_small():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(400, 2))
    y = X[:, 0] * X[:, 1] + rng.normal(size=400)
    weights = rng.integers(1, 4, 400)
    rows = np.repeat(np.arange(400), weights)
    trees = LightGBMRegressor(n_estimators=10, min_child_samples=1)
    repeated = clone(trees).fit(X[rows], y[rows])
    weighted = clone(trees).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)
    assert not np.allclose(clone(trees).fit(X, y).predict(X), repeated.predict(X))


def test_balanced_classes_count_weights():
    X, y = binary()
    weights = np.where(y == 1, 4.0, 1.0)
    balanced = LightGBMClassifier(n_estimators=10, class_weight="balanced")
    weighted = clone(balanced).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        weighted.predict_proba(X), balanced.fit(X, y).predict_proba(X), rtol=1e-5
    )


@pytest.fixture
def splits(monkeypatch):
    """Record what the inner split was asked for and what it gave."""
    calls = []
    original = _lightgbm_base.holdout_split

    def spy(y, **kwargs):
        train, held_out = original(y, **kwargs)
        calls.append({"y": y, "train": train, "held_out": held_out, **kwargs})
        return train, held_out

    monkeypatch.setattr(_lightgbm_base, "holdout_split", spy)
    return calls


def test_no_inner_split_by_default(splits):
    trees = LightGBMClassifier(n_estimators=30).fit(*binary())
    assert not splits
    assert trees.n_iter_ == 30


def test_early_stopping_on_string_labels(splits):
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    labels = np.array(["no", "yes"])[y]
    trees = LightGBMClassifier(
        n_estimators=500, early_stopping=True, n_iter_no_change=5, random_state=0
    ).fit(X, labels)
    (split,) = splits
    np.testing.assert_array_equal(split["y"], y)
    assert len(split["held_out"]) == 30
    assert split["y"][split["held_out"]].mean() == pytest.approx(y.mean(), abs=0.02)
    # the loss on the held-out rows is smallest at the round that was kept
    held_out = split["held_out"]
    longer = lightgbm.Booster(model_str=trees.booster_.model_to_string())
    losses = []
    for n_rounds in range(1, trees.n_iter_ + 1):
        p = longer.predict(X[held_out], num_iteration=n_rounds)
        losses.append(-np.log(np.where(y[held_out] == 1, p, 1 - p)).mean())
    assert np.argmin(losses) == trees.n_iter_ - 1
    assert 1 < trees.n_iter_ < 490


def test_early_stopping_keeps_groups_together(splits):
    X, y = binary()
    groups = np.arange(200) // 8
    weights = np.ones(200)
    weights[:20] = 0
    trees = LightGBMClassifier(early_stopping=True, random_state=0)
    trees.fit(X, y, sample_weight=weights, groups=[f"g{g}" for g in groups])
    (split,) = splits
    kept = groups[20:]
    assert not set(kept[split["train"]]) & set(kept[split["held_out"]])


def test_refit_uses_all_rows_with_the_best_number():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    params = {"n_iter_no_change": 5, "random_state": 0}
    stopped = LightGBMClassifier(early_stopping=True, **params).fit(X, y)
    again = LightGBMClassifier(early_stopping=True, refit=True, **params).fit(X, y)
    wanted = LightGBMClassifier(stopped.n_iter_, **params).fit(X, y)
    assert again.n_iter_ == stopped.n_iter_
    np.testing.assert_array_equal(again.predict_proba(X), wanted.predict_proba(X))


def test_early_stopping_of_a_regressor_with_a_class_too_rare_to_stratify(splits):
    X, y = binary(60)
    LightGBMRegressor(early_stopping=True, random_state=0).fit(X, y)
    y[y.argmin()] = 2
    trees = LightGBMClassifier(early_stopping=True, random_state=0).fit(X, y)
    assert trees.predict_proba(X).shape == (60, 3)
    assert [split["classifier"] for split in splits] == [False, True]


def test_early_stopping_needs_something_to_hold_out():
    X, y = binary(40)
    trees = LightGBMClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="at least two groups, got 1"):
        trees.fit(X, y, groups=np.zeros(40))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        trees.fit(X, y, groups=np.zeros(39))
    with pytest.raises(ValueError, match="no early stopping for boosting='dart'"):
        trees.set_params(params={"boost": "dart"}).fit(X, y)


@BOTH
def test_groups_are_needed_for_early_stopping_only(kind):
    assert not kind()._needs_groups()
    assert kind(early_stopping=True)._needs_groups()


def _categories(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 12, n).astype(float)
    X = np.column_stack([rng.normal(size=n), codes, np.ones(n)])
    return X, (codes % 2).astype(int)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_categorical_columns_of_blocks(sparse, early_stopping):
    X, y = _categories()
    blocks = Blocks([Block("table", 0, 2, indicator=2, categorical=(1,))])
    X_ = sp.csr_array(X) if sparse else X
    trees = LightGBMClassifier(
        1, blocks=blocks, early_stopping=early_stopping, random_state=0
    ).fit(X_, y)
    # even codes against odd ones: one split of a category, eleven of a number
    assert trees.score(X_, y) == 1.0
    root = trees.booster_.dump_model()["tree_info"][0]["tree_structure"]
    assert (root["decision_type"], root["split_feature"]) == ("==", 1)
    numbers = LightGBMClassifier(1, num_leaves=3).fit(X_, y)
    assert numbers.score(X_, y) < 0.8


def test_few_rows_suffice_for_categories():
    codes = np.arange(200.0) % 5
    X, y = codes[:, None], np.isin(codes, [1, 3])
    blocks = Blocks([Block("table", 0, 1, categorical=(0,))])
    trees = LightGBMClassifier(20, blocks=blocks).fit(X, y)
    assert trees.score(X, y) == 1.0
    # LightGBM's own least number of rows in a group of categories
    trees.set_params(params={"min_data_per_group": 100}).fit(X, y)
    assert trees.feature_importances_.sum() == 0


def test_codes_must_be_whole_numbers():
    X, y = _categories()
    blocks = Blocks([Block("table", 0, 2, indicator=2, categorical=(1,))])
    trees = LightGBMClassifier(1, blocks=blocks).fit(X, y)
    X[3, 1] = np.nan
    trees.predict(X)
    X[3, 1] = 2.5
    with pytest.raises(ValueError, match="Column 1 holds category codes"):
        trees.predict(X)
    with pytest.raises(ValueError, match="Column 1 holds category codes"):
        clone(trees).fit(X, y)
    X[3, 1] = 2.0**31
    with pytest.raises(ValueError, match="Column 1 holds category codes"):
        clone(trees).fit(X, y)


@BOTH
def test_blocks_must_describe_x(kind):
    X, y = _categories()
    with pytest.raises(ValueError, match="blocks describe 4 columns, X has 3"):
        kind(blocks=Blocks([Block("table", 0, 4)])).fit(X, y)
    with pytest.raises(ValueError, match=r"presence column 0 .* must be 0 or 1"):
        kind(blocks=Blocks([Block("table", 1, 3, indicator=0)])).fit(X, y)
    raw = Block("image", 0, 3, kind="image", shape=(1, 1, 3))
    with pytest.raises(ValueError, match=r"\['image'\] are raw"):
        kind(blocks=Blocks([raw])).fit(X, y)


def test_bagging_drops_the_rows_left_out():
    X, y = binary(60)
    bag = BaggingClassifier(
        LightGBMClassifier(n_estimators=2), n_estimators=2, random_state=0
    ).fit(X, y)
    for trees, rows in zip(bag.estimators_, bag.estimators_samples_, strict=True):
        model = trees.booster_.dump_model()["tree_info"][0]["tree_structure"]
        assert model["internal_count"] == len(np.unique(rows)) < 60


def test_classes_without_weight():
    X, y = binary()
    with pytest.raises(ValueError, match="class_weight leaves every row"):
        LightGBMClassifier(class_weight={0: 0, 1: 0}).fit(X, y)
