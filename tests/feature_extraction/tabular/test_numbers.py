"""Numbers and booleans against scikit-learn, NumPy and closed forms."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.feature_extraction.tabular import TableExtractor


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


@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_rounding_of_the_mean_makes_no_constant_vary(scale):
    X = np.array([[0.1], [0.1], [0.1], [np.nan]])
    assert np.nanmean(X) > 0.1
    table = TableExtractor(impute="mean", scale=scale)
    for weights in (None, np.linspace(0.1, 0.7, 4)):
        assert not table.fit(X, sample_weight=weights).transform(X).any()


def test_large_offsets_keep_their_digits():
    X = 1e9 + np.array([[0.0], [1.0], [2.0]])
    wanted = np.array([[-1], [0], [1]]) * 1.5**0.5
    np.testing.assert_allclose(TableExtractor().fit_transform(X), wanted, rtol=1e-6)


def test_indicators_mark_what_was_missing():
    X = pd.DataFrame(
        {
            "n": [1.0, np.nan, 3.0],
            "full": [1.0, 2.0, 3.0],
            "none": [np.nan] * 3,
            "b": pd.array([True, None, False], dtype="boolean"),
            "d": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
            "c": ["x", None, "y"],
        }
    )
    plain = TableExtractor().fit(X)
    table = TableExtractor(add_indicator=True).fit(X)
    names = table.get_feature_names_out().tolist()
    assert names[:5] == ["n", "n_missing", "full", "none", "b"]
    marks = [names.index(f"{name}_missing") for name in "nbd"]
    assert len(names) == len(plain.get_feature_names_out()) + 3
    out = table.transform(X)
    np.testing.assert_array_equal(out[:, marks], np.repeat([[0], [1], [0]], 3, axis=1))
    np.testing.assert_array_equal(np.delete(out, marks, axis=1), plain.transform(X))
    assert [stop - start for _, start, stop in table.block_.parts[:5]] == [
        2,
        1,
        1,
        2,
        9,
    ]
    # rows of weight 0 do not count
    weighted = TableExtractor(add_indicator=True).fit(X, sample_weight=[1, 0, 1])
    assert "n_missing" not in weighted.get_feature_names_out()


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
