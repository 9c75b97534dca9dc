"""Quantile scaling against scikit-learn's and the normal distribution."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from mmsk.feature_extraction.tabular import TableExtractor

quantile = TableExtractor(scale="quantile")


def test_body_agrees_with_quantile_transformer():
    X = np.random.default_rng(0).lognormal(size=(20_000, 1))
    oracle = QuantileTransformer(output_distribution="normal", subsample=None)
    wanted = oracle.fit_transform(X)
    got = quantile.fit_transform(X)
    body = np.abs(wanted) < 2.5
    assert body.mean() > 0.98
    np.testing.assert_allclose(got[body], wanted[body], atol=0.02)


def test_few_values_are_at_the_middle_of_their_rows():
    X = np.array([[5.0], [1.0], [5.0], [9.0]])
    wanted = norm.ppf([[1 / 2], [1 / 8], [1 / 2], [7 / 8]])
    np.testing.assert_allclose(quantile.fit_transform(X), wanted, rtol=1e-6)


def test_between_and_beyond_the_values_of_fit():
    table = quantile.fit([[0.0], [1.0]])
    low, high = norm.ppf([0.25, 0.75])
    out = table.transform([[-1e9], [0.5], [0.25], [1e9]])[:, 0]
    np.testing.assert_allclose(out, [low, 0, low / 2, high], atol=1e-6)


def test_a_monotone_change_changes_nothing():
    X = np.random.default_rng(0).normal(size=(50, 1))
    np.testing.assert_array_equal(
        quantile.fit_transform(X), quantile.fit_transform(np.exp(X))
    )


def test_weights_are_repetitions():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 2)).round(2)
    X[rng.random(X.shape) < 0.1] = np.nan
    weights = rng.integers(0, 3, size=3000)
    weighted = quantile.fit(X, sample_weight=weights).transform(X)
    repeated = quantile.fit(np.repeat(X, weights, axis=0)).transform(X)
    np.testing.assert_array_equal(weighted, repeated)
    assert not np.array_equal(weighted, quantile.fit(X).transform(X))


def test_dates_are_scaled_too():
    X = pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2021-05-03", "2029-02-09"])})
    out = pd.DataFrame(
        quantile.fit_transform(X), columns=quantile.fit(X).get_feature_names_out()
    )
    wanted = norm.ppf([1 / 6, 1 / 2, 5 / 6])
    np.testing.assert_allclose(out["d_elapsed_days"], wanted, atol=1e-6)


@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_huge_numbers_stay_finite(scale):
    X = np.array([[-3e38], [0.0], [3e38]])
    out = TableExtractor(scale=scale).fit_transform(X)
    assert np.isfinite(out).all()
    assert out[0, 0] == -out[2, 0] < 0
