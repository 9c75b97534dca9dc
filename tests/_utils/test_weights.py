import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk._utils._weights import positive_weights

X = np.zeros((3, 1))


def test_none():
    assert positive_weights(None, X) == (slice(None), None)


def test_a_number_is_a_weight_for_each():
    rows, weights = positive_weights(2, X)
    assert rows == slice(None)
    np.testing.assert_array_equal(weights, [2.0, 2.0, 2.0])


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series])
@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_rows_of_weight_zero_are_left_out(kind, table):
    rows, weights = positive_weights(kind([0.5, 0, 2]), table(X))
    np.testing.assert_array_equal(rows, [0, 2])
    np.testing.assert_array_equal(weights, [0.5, 2.0])
    assert weights.dtype == np.float64


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0, 0, 0], "all zero|non-zero"),
        ([1, -1, 1], "[Nn]egative"),
        ([1, np.nan, 1], "NaN"),
        ([1, np.inf, 1], "infinity"),
        ([1, 1], "shape"),
        ([[1], [1], [1]], "1D"),
    ],
)
def test_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        positive_weights(weights, X)
