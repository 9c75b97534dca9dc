"""Groups as the user gives them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk._utils._groups import check_groups


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, pl.Series])
def test_every_kind_becomes_an_array(kind):
    assert check_groups(kind(["b", "a", "b"])).tolist() == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("author", "one value for each row, got 'author'"),
        (7, "one value for each row, got 7"),
        (np.zeros((3, 1)), r"got shape \(3, 1\)"),
        ([1.0, np.nan], "1 rows, first in row 1"),
        (["a", None, pd.NA, "b"], "2 rows, first in row 1"),
    ],
)
def test_refused(groups, words):
    with pytest.raises(ValueError, match=words):
        check_groups(groups)
