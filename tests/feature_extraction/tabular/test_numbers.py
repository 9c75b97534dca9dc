"""Numbers and booleans against scikit-learn, NumPy and closed forms."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.tabular._numbers import weighted_median


@pytest.mark.parametrize("impute", ["mean", "median"])
@pytest.mark.parametrize("scale", ["standard", None])
def test_agrees_with_scikit_learn(impute, scale):
    rng = np.random.default_rng(1)
    X = rng.normal(3, 50, size=(40, 6))
    X[rng.random(X.shape) < 0.2] = np.nan
    steps = [SimpleImputer(strategy=impute)]
    if scale:
        steps.append(StandardScaler())
    wanted = make_pipeline(*steps).fit_transform(X)
    got = TableExtractor(impute=impute, scale=scale).fit_transform(X)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 7, 10])
def test_median_of_equal_weights(n):
    X = np.random.default_rng(n).integers(0, 5, size=(n, 4)).astype(float)
    X[0, 1] = np.nan if n > 1 else X[0, 1]
    for weight in (1.0, 0.1, 3e7):
        got = weighted_median(X, np.full(n, weight))
        np.testing.assert_array_equal(got, np.nanmedian(X, axis=0))


def test_median_of_weights():
    X = np.array([[1.0, 4.0], [2.0, np.nan], [3.0, 6.0], [9.0, 8.0]])
    weights = np.array([1, 5, 2, 2])
    repeated = np.repeat(X, weights, axis=0)
    got = weighted_median(X, weights.astype(float))
    np.testing.assert_array_equal(got, np.nanmedian(repeated, axis=0))
    assert weighted_median(np.full((2, 1), np.nan), np.ones(2)).tolist() == [0]


def test_numbers_beyond_float32_are_clipped():
    X = pd.DataFrame({"big": [1e300, -1e300, 0.0], "n": [1, 2, 3]})
    with pytest.warns(UserWarning, match="Column 'big': 2 values lie beyond"):
        out = TableExtractor(scale=None).fit_transform(X)
    limit = np.finfo(np.float32).max
    np.testing.assert_array_equal(out[:, 0], [limit, -limit, 0])
    with pytest.warns(UserWarning, match="Column 'big'"):
        scaled = TableExtractor().fit_transform(X)
    np.testing.assert_allclose(scaled[:, 0], np.array([1, -1, 0]) * 1.5**0.5, rtol=1e-6)


def test_python_integers_beyond_float64_are_clipped():
    X = np.array([[10**400], [-(10**400)], [1]], dtype=object)
    with pytest.warns(UserWarning, match="Column 0: 2 values"):
        out = TableExtractor(scale=None).fit_transform(X)
    assert out[0, 0] == -out[1, 0] == np.finfo(np.float32).max


def test_scaling_never_overflows_or_underflows():
    tiny = np.array([[1e-200], [3e-200]])
    table = TableExtractor().fit(tiny)
    np.testing.assert_allclose(table.transform(tiny), [[-1], [1]], rtol=1e-6)
    with pytest.warns(UserWarning, match="1 scaled values lie beyond"):
        out = table.transform([[1.0]])
    assert out[0, 0] == np.finfo(np.float32).max


def test_large_offsets_keep_their_digits():
    X = 1e9 + np.array([[0.0], [1.0], [2.0]])
    wanted = np.array([[-1], [0], [1]]) * 1.5**0.5
    np.testing.assert_allclose(TableExtractor().fit_transform(X), wanted, rtol=1e-6)


def test_missing_booleans_get_the_share_of_ones():
    X = pd.DataFrame({"b": pd.array([True, False, None, True], dtype="boolean")})
    out = TableExtractor().fit_transform(X)
    np.testing.assert_allclose(out[:, 0], [1, 0, 2 / 3, 1], rtol=1e-6)
    weighted = TableExtractor().fit(X, sample_weight=[1, 3, 1, 0])
    np.testing.assert_allclose(weighted.transform(X)[:, 0], [1, 0, 0.25, 1])


def test_booleans_may_come_back_as_numbers():
    table = TableExtractor().fit(np.array([[True], [False]]))
    np.testing.assert_array_equal(table.transform([[1.0], [0.0]]), [[1], [0]])
    with pytest.raises(ValueError, match="Column 0, row 1: expected False, True"):
        table.transform([[1.0], [0.5]])
