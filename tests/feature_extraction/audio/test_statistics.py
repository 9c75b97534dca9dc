import numpy as np
import pytest
from scipy.stats import skew

from mmsk.feature_extraction.audio._statistics import (
    STATISTICS,
    statistic_names,
    summarize,
)


def by_name(series, statistics=STATISTICS):
    values = summarize(series, statistics)
    names = statistic_names(statistics)
    return dict(zip(names, values.reshape(len(names), -1), strict=True))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 31, 400])
def test_statistics(n_frames):
    series = np.random.default_rng(0).gamma(2, 3, size=(5, n_frames))
    got = by_name(series)
    np.testing.assert_allclose(got["mean"], series.mean(axis=1))
    np.testing.assert_allclose(got["std"], series.std(axis=1), atol=1e-12)
    for name, share in {
        "min": 0,
        "q25": 25,
        "median": 50,
        "q75": 75,
        "max": 100,
    }.items():
        np.testing.assert_allclose(got[name], np.percentile(series, share, axis=1))
    if n_frames > 2:
        np.testing.assert_allclose(got["skew"], skew(series, axis=1), rtol=1e-3)


def test_quarters():
    series = np.arange(8.0)[None].repeat(2, axis=0)
    got = by_name(series, ["quarters"])
    assert [got[f"quarter_{i}"].tolist() for i in (1, 2, 3, 4)] == [
        [0.5, 0.5],
        [2.5, 2.5],
        [4.5, 4.5],
        [6.5, 6.5],
    ]


@pytest.mark.parametrize(
    ("n_frames", "expected"),
    [
        (1, [0, 0, 0, 0]),
        (2, [0, 0, 1, 1]),
        (3, [0, 0, 1, 2]),
        (5, [0, 1, 2, 3.5]),
        (6, [0, 1.5, 3, 4.5]),
    ],
)
def test_quarters_of_few_frames(n_frames, expected):
    values = summarize(np.arange(float(n_frames))[None], ["quarters"])
    np.testing.assert_array_equal(values, expected)


def test_what_is_constant_has_no_skewness():
    rng = np.random.default_rng(0)
    series = 500 + rng.exponential(1e-4, size=(3, 40))
    assert abs(by_name(series)["skew"]).max() < 1e-3
    assert not by_name(np.full((3, 40), -57.0))["skew"].any()


def test_order_is_that_of_the_names():
    series = np.random.default_rng(0).normal(size=(2, 30))
    forth = by_name(series, ["max", "quarters", "mean"])
    assert list(forth) == ["max", *[f"quarter_{i}" for i in (1, 2, 3, 4)], "mean"]
    back = by_name(series, ["mean", "max", "quarters"])
    for name, values in forth.items():
        np.testing.assert_array_equal(values, back[name])
