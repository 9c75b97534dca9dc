"""Statistics of weighted rows: a weight is a repetition."""

import numpy as np
import pytest
from scipy.stats import rankdata

from mmsk.feature_extraction.tabular._statistics import (
    middle_ranks,
    weighted_mean,
    weighted_median,
    weighted_quantiles,
)

SHARES = np.linspace(0, 1, 9)


@pytest.mark.parametrize("n", [1, 2, 7, 10])
@pytest.mark.parametrize("weight", [None, 1.0, 0.1, 3e7])
def test_equal_weights(n, weight):
    values = np.random.default_rng(n).integers(0, 5, size=n).astype(float)
    weights = None if weight is None else np.full(n, weight)
    assert weighted_mean(values, weights) == pytest.approx(values.mean())
    assert weighted_median(values, weights) == np.median(values)
    wanted = np.quantile(values, SHARES[1::2], method="inverted_cdf")
    got = weighted_quantiles(values, weights, SHARES[1::2])
    np.testing.assert_array_equal(got, wanted)


def test_weights_are_repetitions():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 12, size=40).astype(float)
    weights = rng.integers(1, 4, size=40)
    repeated = np.repeat(values, weights)
    weights = weights.astype(float)
    assert weighted_mean(values, weights) == pytest.approx(repeated.mean())
    assert weighted_median(values, weights) == np.median(repeated)
    np.testing.assert_array_equal(
        weighted_quantiles(values, weights, SHARES),
        weighted_quantiles(repeated, None, SHARES),
    )
    for got, wanted in zip(
        middle_ranks(values, weights), middle_ranks(repeated, None), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


def test_median_between_two_weights():
    assert weighted_median(np.array([1.0, 4.0]), np.array([2.0, 2.0])) == 2.5
    assert weighted_median(np.array([1.0, 4.0]), np.array([2.0, 2.1])) == 4.0


def test_nothing_is_zero():
    assert weighted_mean(np.empty(0), None) == weighted_median(np.empty(0), None) == 0


def test_middle_ranks_are_those_of_scipy():
    values = np.random.default_rng(3).integers(0, 7, size=50).astype(float)
    different, ranks = middle_ranks(values, None)
    wanted = dict(zip(values, (rankdata(values) - 0.5) / 50, strict=True))
    assert different.tolist() == sorted(wanted)
    np.testing.assert_allclose(ranks, [wanted[value] for value in different])
