"""LightGBM behind containers that draw, choose or add columns of the joined matrix.

Without category codes it reads nothing but the columns, and answers what the same
container answers for its matrix; with them, a lost layout is refused.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
)
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SelectKBest,
    SequentialFeatureSelector,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from mmsk.compose import (
    Block,
    Blocks,
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.compose._hand_down import hand_down
from mmsk.ensemble import LightGBMClassifier, LightGBMRegressor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import EarlyFusionClassifier
from tests._blocks import BLOCKS, RAW

TREES = LightGBMClassifier(4, num_leaves=4, random_state=0)
CODED = Blocks([Block("a", 0, 3, categorical=(1,)), Block("b", 3, 4)])

# containers that show LightGBM other columns than those of the matrix
LOSING = {
    "Bagging of columns": lambda c: BaggingClassifier(
        c, 3, max_features=0.5, random_state=0
    ),
    "Bagging with drawn columns": lambda c: BaggingClassifier(
        c, 3, bootstrap_features=True, random_state=0
    ),
    "RFE": lambda c: RFE(c, n_features_to_select=2),
    "RFECV": lambda c: RFECV(c, cv=2),
    "SequentialFeatureSelector": lambda c: make_pipeline(
        SequentialFeatureSelector(c, n_features_to_select=1, cv=2), clone(c)
    ),
    "SelectKBest": lambda c: make_pipeline(SelectKBest(k=3), c),
    "SelectFromModel": lambda c: make_pipeline(SelectFromModel(clone(c)), c),
    "Stacking with passthrough": lambda c: StackingClassifier(
        [("linear", LogisticRegression())], c, cv=2, passthrough=True
    ),
}
# those that show it the matrix
KEEPING = {
    "Bagging": lambda c: BaggingClassifier(c, 3, random_state=0),
    "AdaBoost": lambda c: AdaBoostClassifier(c, n_estimators=3, random_state=0),
    "Stacking": lambda c: StackingClassifier([("trees", c)], cv=2),
    "Calibrated": lambda c: CalibratedClassifierCV(c, cv=2),
}


def _named(containers):
    return pytest.mark.parametrize(
        "build", [pytest.param(each, id=name) for name, each in containers.items()]
    )


def _table(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["u", "v"])
    X["words"] = np.where(rng.random(n) < 0.5, "good soup", "bad bread")
    y = (X["u"] + (X["words"] == "good soup") > 0.5).to_numpy()
    X.loc[:4, "words"] = None
    return X, np.where(y, "yes", "no")


def _features(*, sparse):
    return ModalityTransformer(
        [("table", TableExtractor(), ["u", "v"]), ("text", TfidfExtractor(), "words")],
        sparse_output=sparse,
    )


@pytest.mark.parametrize("sparse", [True, False])
@_named(LOSING | KEEPING)
def test_it_answers_as_on_the_matrix(build, sparse):
    X, y = _table()
    features = _features(sparse=sparse)
    matrix = features.fit_transform(X)
    model = MultimodalClassifier(features, build(TREES)).fit(X, y)
    by_hand = build(TREES).fit(matrix, y)
    np.testing.assert_array_equal(model.predict_proba(X), by_hand.predict_proba(matrix))
    assert model.score(X, y) > 0.7


def test_numbers_too():
    X, y = _table()
    target = X["u"] * 3 + (y == "yes")
    bags = BaggingRegressor(
        LightGBMRegressor(4, num_leaves=4), 3, max_features=2, random_state=0
    )
    features = _features(sparse=False)
    matrix = features.fit_transform(X)
    model = MultimodalRegressor(features, bags).fit(X, target)
    expected = clone(bags).fit(matrix, target).predict(matrix)
    np.testing.assert_array_equal(model.predict(X), expected)


@_named(LOSING)
def test_with_category_codes_it_is_refused(build):
    with pytest.raises(ValueError, match=r"\(LightGBMClassifier\) reads bl") as error:
        hand_down(build(clone(TREES)), CODED)
    assert "category codes of ['a']" in str(error.value)
    assert "TableExtractor(encoding='onehot')" in str(error.value)


@_named(KEEPING)
def test_category_codes_are_handed_on(build):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(300, 3)), rng.random(300)])
    X[:, 1] = rng.integers(8, size=300)
    y = np.isin(X[:, 1], (1, 4, 6)).astype(int)
    told, untold, by_hand = (
        build(LightGBMClassifier(3, num_leaves=2, blocks=blocks))
        for blocks in (None, None, CODED)
    )
    said = hand_down(told, CODED).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(said, by_hand.fit(X, y).predict_proba(X))
    assert np.abs(said - untold.fit(X, y).predict_proba(X)).max() > 0.01


@_named({name: each for name, each in LOSING.items() if name != "SelectFromModel"})
def test_raw_blocks_are_refused(build):
    with pytest.raises(ValueError, match="cannot read the raw blocks"):
        hand_down(build(clone(TREES)), RAW)


def test_a_selector_may_leave_the_category_codes_out():
    bags = make_pipeline(
        BlockSelector("b"), BaggingClassifier(clone(TREES), max_features=0.5)
    )
    hand_down(bags, CODED)
    assert bags[-1].estimator.blocks is None


@pytest.mark.parametrize(
    "params",
    [
        {"monotone_constraints": {"b": 1}},
        {"monotone_constraints": [1, 0, 0, 0]},
        {"params": {"interaction_constraints": [[0, 1]]}},
        {"params": {"feature_penalty": [1, 1, 0.5, 1]}},
    ],
)
def test_parameters_that_name_places_are_refused(params):
    bags = BaggingClassifier(clone(TREES).set_params(**params), max_features=0.5)
    with pytest.raises(ValueError, match=r"name columns by their place or modality"):
        hand_down(bags, BLOCKS)


def test_a_head_around_it_is_still_refused():
    bags = BaggingClassifier(EarlyFusionClassifier(clone(TREES)), max_features=0.5)
    with pytest.raises(ValueError, match=r"\(EarlyFusionClassifier\) reads blocks"):
        hand_down(bags, BLOCKS)
    inside = EarlyFusionClassifier(BaggingClassifier(clone(TREES), max_features=0.5))
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 4)), np.arange(40) % 2
    X[:, 2] = 1
    fitted = hand_down(inside, BLOCKS).fit(X, y).estimator_
    assert {trees.n_features_in_ for trees in fitted.estimators_} == {2}


def test_importances_by_modality_where_the_layout_holds():
    X, y = _table()
    model = MultimodalClassifier(_features(sparse=True), TREES).fit(X, y)
    assert list(model.estimator_.modality_importances_) == ["table", "text"]
    whole = BaggingClassifier(clone(TREES), max_features=1.0)
    assert hand_down(whole, BLOCKS).estimator.blocks is BLOCKS


class TestSearches:
    BAGS = BaggingClassifier(TREES, 2, random_state=0)

    @pytest.mark.parametrize("shares", [[1.0, 0.5], [0.5, 1.0], np.array([0.5, 1.0])])
    def test_over_the_share_of_columns(self, shares):
        X, y = _table()
        search = GridSearchCV(
            self.BAGS, {"max_features": shares}, cv=2, error_score="raise"
        )
        features = _features(sparse=False)
        matrix = features.fit_transform(X)
        model = MultimodalClassifier(features, search).fit(X, y)
        by_hand = clone(search).fit(matrix, y)
        found = model.estimator_.cv_results_["mean_test_score"]
        np.testing.assert_array_equal(found, by_hand.cv_results_["mean_test_score"])
        np.testing.assert_array_equal(model.predict(X), by_hand.predict(matrix))

    def test_over_a_distribution_of_shares(self):
        X, y = _table()
        search = RandomizedSearchCV(
            self.BAGS,
            {"max_features": uniform(0.3, 0.7)},
            n_iter=3,
            cv=2,
            random_state=0,
            error_score="raise",
        )
        model = MultimodalClassifier(_features(sparse=False), search).fit(X, y)
        assert model.score(X, y) > 0.7

    @pytest.mark.parametrize("order", [1, -1])
    def test_one_object_in_candidates_of_both_kinds(self, order):
        trees = clone(TREES)
        grid = {
            "estimator": [trees],
            "bootstrap_features": [False, True][::order],
        }
        hand_down(GridSearchCV(BaggingClassifier(), grid), BLOCKS)
        assert trees.blocks is None

    def test_candidates_that_all_keep_the_columns_are_told(self):
        trees = clone(TREES)
        grid = {"estimator": [trees], "max_features": [1.0, 4]}
        hand_down(GridSearchCV(BaggingClassifier(), grid), BLOCKS)
        assert trees.blocks is BLOCKS

    def test_codes_are_refused_if_any_candidate_draws_columns(self):
        grid = {"max_features": [1.0, 0.5]}
        with pytest.raises(ValueError, match=r"draws columns \(max_features=0.5"):
            hand_down(GridSearchCV(BaggingClassifier(clone(TREES)), grid), CODED)
