import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_score

from mmsk.cli._candidates import candidates
from mmsk.compose import Block, Blocks
from mmsk.fusion import EarlyFusionRegressor, LateFusionRegressor
from mmsk.model_selection import fusion_grid

PAIR = Blocks([Block("picture", 0, 2000), Block("table", 2000, 2003)])
FOLDS = KFold(5, shuffle=True, random_state=0)


def beside_noise(n=200):
    """Return a wide block of correlated noise beside three good columns, and y."""
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(n, 150)) @ rng.normal(size=(150, 2000))
    table = rng.normal(size=(n, 3))
    y = table @ [1.0, -1.0, 0.5] + rng.normal(size=n)
    return np.column_stack([picture, table]), y


def score(model, X, y):
    return cross_val_score(model, X, y, cv=FOLDS, scoring="r2").mean()


def test_a_wide_block_is_not_learnt_by_heart():
    X, y = beside_noise()
    assert score(EarlyFusionRegressor(Ridge(), blocks=PAIR), X, y) < 0
    assert score(EarlyFusionRegressor(blocks=PAIR), X, y) > 0.6
    late = LateFusionRegressor(blocks=PAIR)
    assert score(late, X, y) > score(LateFusionRegressor(Ridge(), blocks=PAIR), X, y)
    assert score(late.set_params(combine="stack"), X, y) > 0.6


def test_a_plain_table_hardly_notices_it():
    X, y = load_diabetes(return_X_y=True)
    halves = Blocks([Block("one", 0, 5), Block("other", 5, 10)])
    plain = EarlyFusionRegressor(blocks=halves)
    assert score(plain, X, y) > score(LinearRegression(), X, y) - 0.005
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 10))
    y = X @ rng.normal(size=10)
    assert score(plain, X, y) > 0.8  # 80 rows for 10 strong columns


def test_predictions_do_not_depend_on_block_norm():
    X, y = beside_noise(40)
    said = {
        norm: EarlyFusionRegressor(block_norm=norm, blocks=PAIR).fit(X, y).predict(X)
        for norm in (0.5, 10.0)
    }
    np.testing.assert_allclose(said[0.5], said[10.0], rtol=1e-6)


@pytest.mark.parametrize("params", [{"scale": False}, {"block_norm": None}])
def test_rows_of_no_known_norm_have_the_penalty_of_ridge(params):
    X, y = beside_noise(40)
    fitted = EarlyFusionRegressor(**params, blocks=PAIR).fit(X, y)
    assert fitted.estimator_.alpha == Ridge().alpha


def test_what_is_called_linear_is_the_same_everywhere():
    X, y = beside_noise(40)
    early = EarlyFusionRegressor(blocks=PAIR).fit(X, y)
    late = LateFusionRegressor(blocks=PAIR).fit(X, y)
    (part,) = fusion_grid(["early"], heads=["linear"], task="regression")
    entrants = {each.name: each.estimator for each in candidates("ab", "regression")}
    alphas = [
        early.estimator_.alpha,
        *(member.estimator_.alpha for member in late.estimators_),
        part["estimator"][0].estimator.alpha,
        entrants["early, linear"].estimator.alpha,
        entrants["late, mean"].estimator.alpha,
    ]
    assert alphas == [300.0] * 6
    # predictions in the unit of y are no rows of blocks
    assert entrants["Stacking of fusions"].final_estimator.alpha == Ridge().alpha
