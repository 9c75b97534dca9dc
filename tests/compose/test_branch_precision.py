"""Columns that float32 cannot hold are told of, and no others."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mmsk.compose import ModalityTransformer
from mmsk.feature_extraction.tabular import TableExtractor

SECONDS = 1_700_000_000 + np.arange(200)  # they are rounded to 3 multiples of 128


def fitted(values, transformer="passthrough", columns=("time",)):
    X = pd.DataFrame({"time": values, "other": np.arange(len(values)) / 7})
    features = ModalityTransformer([("when", transformer, list(columns))])
    return features.fit_transform(X)


@pytest.mark.parametrize("kind", ["int64", "uint32", "float64", "object"])
def test_seconds_since_1970(kind):
    message = (
        "Branch 'when' (columns ['other', 'time']): features are float32, which "
        "cannot tell all values apart of column 'time' (near 1.7e+09: 200 values "
        "become 3). Scale"
    )
    with pytest.warns(DataConversionWarning, match=re.escape(message)) as caught:
        fitted(SECONDS.astype(kind), columns=["other", "time"])
    assert len(caught) == 1


def test_columns_without_names_and_many_of_them():
    X = SECONDS[:, np.newaxis] + np.zeros((1, 5))
    features = ModalityTransformer([("when", FunctionTransformer(), slice(0, 5))])
    with pytest.warns(DataConversionWarning, match="column 2 .* and 2 more[.] Scale"):
        features.fit(X)


@pytest.mark.parametrize("missing", [np.nan, None])
def test_missing_values_are_no_values(missing):
    values = pd.Series(SECONDS, dtype=object)
    values[::3] = missing
    with pytest.warns(DataConversionWarning, match="133 values become 3"):
        fitted(values)


@pytest.mark.parametrize(
    "values",
    [
        SECONDS - SECONDS[0],
        1.7e9 + 1e5 * np.arange(200),
        np.full(200, 0.1),
        np.where(np.arange(200) % 2, 0.1 + 0.2, 0.3),  # by rounding alone
        np.where(np.arange(200) % 2, 2.0**40, 2.0**40 + 2.0**18),  # both of them held
        np.linspace(1e-30, 2e-30, 200),
        np.arange(200, dtype=np.uint8),
        np.arange(200) * 2**54,
        np.array([-(2**63), 2**63 - 1]),
        np.where(np.arange(200) % 2, np.inf, 1.0),
        np.full(200, np.nan),
        np.where(np.arange(200) % 2, 0.0, 1e9),
    ],
)
def test_what_float32_holds(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataConversionWarning)
        fitted(values)


@pytest.mark.parametrize("scale", [StandardScaler(), TableExtractor()])
def test_scaled_first(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataConversionWarning)
        matrix = fitted(SECONDS, scale)
    assert len(np.unique(matrix[:, 0])) == 200


def test_columns_in_another_order_are_not_named():
    transformer = ColumnTransformer(
        [("scaled", StandardScaler(), ["other"])], remainder="passthrough"
    )
    with pytest.warns(DataConversionWarning, match="column 1 .near 1.7e.09: 200"):
        fitted(SECONDS, transformer, ["time", "other"])


@pytest.mark.parametrize("start", [2**52, 2**62, -(2**62), 2**63 - 200])
def test_whole_numbers_vary_by_no_rounding(start):
    n_left = len(np.unique((start + np.arange(200)).astype(np.float32)))
    with pytest.warns(DataConversionWarning, match=f"200 values become {n_left}[)]"):
        fitted(start + np.arange(200))


def test_the_warning_points_to_the_caller():
    features = ModalityTransformer([("when", "passthrough", [0])])
    with pytest.warns(DataConversionWarning) as caught:
        features.fit(SECONDS[:, np.newaxis])
    assert [Path(each.filename).name for each in caught] == [Path(__file__).name]


def test_sparse_columns_are_left_alone():
    to_sparse = FunctionTransformer(sp.csr_array)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataConversionWarning)
        fitted(SECONDS, to_sparse)
