"""Embeddings of numbers by hand, as in Gorishniy et al. 2022."""

import numpy as np
import pytest
from scipy.stats import norm

from mmsk.feature_extraction.tabular import TableExtractor


def test_piecewise_is_the_papers_encoding():
    """Equation 1 of the paper, written with its cases."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(101, 1))
    table = TableExtractor(embedding="piecewise", embedding_size=4, scale=None).fit(X)
    edges = np.quantile(X[:, 0], [0, 0.25, 0.5, 0.75, 1], method="inverted_cdf")
    new = np.array([edges[0] - 1, *rng.normal(size=20), edges[-1] + 2])
    wanted = np.empty((len(new), 4))
    for row, x in enumerate(new):
        for t in range(1, 5):
            left, right = edges[t - 1], edges[t]
            if x < left and t > 1:
                wanted[row, t - 1] = 0
            elif x >= right and t < 4:
                wanted[row, t - 1] = 1
            else:
                wanted[row, t - 1] = (x - left) / (right - left)
    np.testing.assert_allclose(
        table.transform(new[:, None]), wanted, rtol=1e-5, atol=1e-6
    )
    assert table.get_feature_names_out().tolist() == [f"x0_bin{i}" for i in range(4)]
    assert table.block_.parts == (("0", 0, 4),)


def test_scaling_does_not_change_piecewise_features():
    X = np.random.default_rng(0).normal(50, 20, size=(60, 2))
    outs = [
        TableExtractor(embedding="piecewise", scale=scale).fit_transform(X)
        for scale in (None, "standard")
    ]
    np.testing.assert_allclose(*outs, atol=1e-5)


def test_bins_without_width_are_left_out():
    X = np.array([[0.0]] * 30 + [[1.0], [2.0], [3.0]])
    table = TableExtractor(embedding="piecewise", scale=None).fit(X)
    np.testing.assert_allclose(
        table.transform([[0.0], [1.5], [3.0]])[:, 0], [0, 0.5, 1]
    )
    assert table.block_.width == 1


def test_periodic_features():
    X = np.random.default_rng(0).normal(3, 4, size=(40, 1))
    table = TableExtractor(embedding="periodic", embedding_size=3, sigma=0.7).fit(X)
    x = (X[:, 0] - X.mean()) / X.std()
    f = np.abs(0.7 * norm.ppf([1 / 2 + 1 / 12, 1 / 2 + 3 / 12, 1 / 2 + 5 / 12]))
    angles = 2 * np.pi * np.outer(x, f)
    wanted = np.column_stack([x, np.sin(angles), np.cos(angles)])
    np.testing.assert_allclose(table.transform(X), wanted, rtol=1e-4, atol=1e-5)
    waves = [f"x0_{end}{i}" for end in ("sin", "cos") for i in range(3)]
    assert table.get_feature_names_out().tolist() == ["x0", *waves]


@pytest.mark.parametrize("embedding", ["piecewise", "periodic"])
@pytest.mark.parametrize("cell", [np.nan, 5.0])
def test_constant_columns_are_zero(embedding, cell):
    X = np.full((5, 1), cell)
    table = TableExtractor(embedding=embedding).fit(X)
    assert not table.transform(np.array([[cell], [7.0], [np.nan]])).any()


@pytest.mark.parametrize("embedding", ["piecewise", "periodic"])
def test_missing_weighted_and_huge(embedding):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 1))
    X[:5] = np.nan
    weights = rng.integers(0, 3, size=40)
    table = TableExtractor(embedding=embedding)
    weighted = table.fit(X, sample_weight=weights).transform(X)
    repeated = table.fit(np.repeat(X, weights, axis=0)).transform(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4, atol=1e-5)
    median = np.median(
        np.repeat(X, weights, axis=0)[np.repeat(X[:, 0] == X[:, 0], weights)]
    )
    np.testing.assert_array_equal(weighted[0], table.transform([[median]])[0])
    with pytest.warns(UserWarning, match="beyond the range of float32"):
        assert np.isfinite(table.transform([[1e300], [-1e300]])).all()


def test_only_numbers_are_embedded():
    X = np.array([[True, 1.0], [False, 2.0], [True, 4.0]], dtype=object)
    table = TableExtractor(embedding="periodic", embedding_size=1).fit(X)
    assert table.get_feature_names_out().tolist() == ["x0", "x1", "x1_sin0", "x1_cos0"]
