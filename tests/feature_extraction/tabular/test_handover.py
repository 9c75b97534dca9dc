"""The extractor in ModalityTransformer: codes for LightGBM, roles, one column."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from mmsk.compose import (
    BlockReducer,
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionRegressor
from mmsk.pipeline import infer_roles

FREE = {"min_data_per_group": 1, "cat_smooth": 1, "cat_l2": 0}
TREES = {"n_estimators": 10, "min_child_samples": 1, "params": FREE}


def zigzag(n=200):
    """Return a level whose sorted place says nothing, and a target made of it."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 20, n)
    frame = pd.DataFrame(
        {
            "title": rng.choice(["a red car", "an old cat", "the sea"], n),
            "size": rng.normal(size=n),
            "shop": [f"s{level:02d}" for level in levels],
        }
    )
    return frame, (levels % 2) * 2.0 + rng.normal(0, 0.01, n)


def ordinal(text=False, **params):
    branches = [
        ("table", TableExtractor(encoding="ordinal", **params), ["size", "shop"]),
    ]
    if text:
        branches.insert(0, ("text", TfidfExtractor(), ["title"]))
    return ModalityTransformer(branches)


def test_lightgbm_splits_the_codes_as_categories():
    frame, y = zigzag()
    model = MultimodalRegressor(ordinal(), LightGBMRegressor(**TREES)).fit(frame, y)
    assert model.estimator_.blocks["table"].categorical == (1,)
    table = TableExtractor(encoding="ordinal")
    X = table.fit_transform(frame[["size", "shop"]])
    oracle = LGBMRegressor(
        n_estimators=10,
        min_child_samples=1,
        min_data_in_bin=1,
        **FREE,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
        n_jobs=1,
    ).fit(X, y, categorical_feature=[1])
    np.testing.assert_allclose(model.predict(frame), oracle.predict(X))
    assert re.search("num_cat=[1-9]", model.estimator_.booster_.model_to_string())
    # one split parts odd from even levels, which codes as numbers would not allow
    stump = LightGBMRegressor(
        **TREES | {"n_estimators": 1}, num_leaves=2, learning_rate=1
    )
    one = MultimodalRegressor(ordinal(), stump).fit(frame, y)
    assert one.score(frame, y) > 0.99
    blind = clone(stump).fit(X, y)
    assert blind.score(X, y) < 0.5


def test_codes_beside_sparse_text():
    frame, y = zigzag()
    stump = LightGBMRegressor(
        **TREES | {"n_estimators": 1}, num_leaves=2, learning_rate=1
    )
    sparse = MultimodalRegressor(ordinal(text=True), stump).fit(frame, y)
    features = ordinal(text=True).set_params(sparse_output=False)
    dense = MultimodalRegressor(features, stump).fit(frame, y)
    assert sparse.score(frame, y) > 0.99
    np.testing.assert_allclose(sparse.predict(frame), dense.predict(frame))


def test_unseen_and_missing_levels_reach_lightgbm():
    frame, y = zigzag()
    frame.loc[:4, "shop"] = None
    model = MultimodalRegressor(ordinal(), LightGBMRegressor(**TREES)).fit(frame, y)
    new = frame[:3].assign(shop=["never seen", None, "s01"])
    assert np.isfinite(model.predict(new)).all()
    full = frame[10:]
    model.fit(full, y[10:])
    assert model.predict(new)[0] == model.predict(new.assign(shop="other"))[0]
    # levels of weight 0 have no code; their rows must not stop the trees
    weights = np.where(frame["shop"] == "s01", 0.0, 1.0)
    assert np.isfinite(model.fit(frame, y, sample_weight=weights).predict(frame)).all()


def test_classifier_and_fusion_hand_the_codes_on():
    frame, y = zigzag()
    label = np.where(y > 1, "odd", "even")
    stump = LightGBMClassifier(**TREES | {"n_estimators": 1}, num_leaves=2)
    model = MultimodalClassifier(ordinal(), stump).fit(frame, label)
    assert model.score(frame, label) == 1
    stump = LightGBMRegressor(
        **TREES | {"n_estimators": 1}, num_leaves=2, learning_rate=1
    )
    early = MultimodalRegressor(ordinal(text=True), EarlyFusionRegressor(stump))
    assert early.fit(frame, y).score(frame, y) > 0.99


def test_block_steps_leave_codes_alone():
    frame, _ = zigzag()
    features = ordinal()
    X = features.fit_transform(frame)
    scaled = BlockScaler(blocks=features.blocks_).fit_transform(X)
    np.testing.assert_array_equal(scaled[:, 1], X[:, 1])
    assert not np.array_equal(scaled[:, 0], X[:, 0])
    reduced = BlockReducer(1, blocks=features.blocks_).fit_transform(X)
    np.testing.assert_array_equal(reduced, X)


def test_target_encoding_in_a_search():
    frame, y = zigzag()
    features = ModalityTransformer(
        [("table", TableExtractor({"size": "drop"}), ["size", "shop"])]
    )
    model = MultimodalRegressor(features, Ridge())
    grid = {
        "features__table__encoding": ["target", "ordinal"],
        "features__table__smooth": [0.0, 1e6],
    }
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(frame, y)
    assert search.best_params_ == {
        "features__table__encoding": "target",
        "features__table__smooth": 0.0,
    }
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("frame_of", [pd.DataFrame, pl.DataFrame])
def test_one_column_alone_is_a_table_of_one(frame_of):
    frame = frame_of({"price": [1.0, 2.0, 6.0], "name": ["a", "b", "a"]})
    for key in ("price", "name"):
        alone = ModalityTransformer([("table", TableExtractor(), key)])
        listed = ModalityTransformer([("table", TableExtractor(), [key])])
        np.testing.assert_array_equal(
            alone.fit_transform(frame), listed.fit_transform(frame)
        )
        np.testing.assert_array_equal(alone.transform(frame), listed.transform(frame))
        names = alone.get_feature_names_out().tolist()
        assert names == listed.get_feature_names_out().tolist()
    series = frame["price"]
    table = TableExtractor().fit(series)
    np.testing.assert_array_equal(
        table.transform(series), table.transform(frame[["price"]])
    )
    assert table.roles_ == {"price": "number"}


def test_one_position_of_an_array_says_what_to_write():
    alone = ModalityTransformer([("table", TableExtractor(), 0)])
    with pytest.raises(ValueError, match=r"column as a list, \[0\] instead of 0"):
        alone.fit(np.eye(3))
    with pytest.raises(ValueError, match="Reshape your data"):
        TableExtractor().fit(np.arange(3.0))


def test_inferred_roles_are_kept_in_folds():
    """What is decided on the whole table is not decided again."""
    n = 600
    frame = pd.DataFrame(
        {
            "name": [f"{i % 300} shop" for i in range(n)],
            "user": [f"u{i}" for i in range(n)],
            "size": np.arange(n) / 7,
        }
    )
    y = np.arange(float(n))
    roles = infer_roles(frame, roles={"name": "category"})
    assert roles == {"name": "category", "user": "identifier", "size": "number"}
    features = ModalityTransformer(
        [("table", TableExtractor(), ["name", "user", "size"])], roles=roles
    )
    model = MultimodalRegressor(features, Ridge())
    scores = cross_val_score(model, frame, y, cv=4, error_score="raise")
    assert len(scores) == 4
    fitted = model.fit(frame, y).features_.named_transformers_["table"]
    assert fitted.roles_ == roles
    features.set_params(roles=None)
    with pytest.raises(ValueError, match=r"Column 'user' .*identifier or a text"):
        model.fit(frame, y)
