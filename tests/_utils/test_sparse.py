"""Dense columns as a CSR array."""

import numpy as np
import pytest
import scipy.sparse as sp

from mmsk._utils._sparse import as_csr

FULL = np.arange(1.0, 13).reshape(3, 4)
MATRICES = {
    "full": FULL,
    "gaps": FULL * (FULL % 3 > 0),
    "NaN": np.where(FULL > 6, np.nan, 0),
    "zeros": np.zeros((2, 3)),
    "minus zero": np.array([[-0.0, 1.0]]),
    "no columns": np.zeros((3, 0)),
    "no rows": np.zeros((0, 3)),
    "columns in order": np.asfortranarray(FULL),
    "a part": np.arange(48.0).reshape(6, 8)[::2, 1::2],
}


@pytest.mark.parametrize("dtype", [None, np.float32])
@pytest.mark.parametrize(
    "kind", [np.asarray, sp.csr_array, sp.csr_matrix, sp.coo_array]
)
@pytest.mark.parametrize("X", MATRICES.values(), ids=MATRICES)
def test_it_is_scipys(X, kind, dtype):
    made, expected = as_csr(kind(X), dtype), sp.csr_array(X, dtype=dtype)
    assert type(made) is sp.csr_array
    assert made.shape == expected.shape
    for part in ("data", "indices", "indptr"):
        ours, theirs = getattr(made, part), getattr(expected, part)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_nothing_is_shared_with_the_matrix():
    X = FULL.copy()
    as_csr(X).data[:] = 0
    np.testing.assert_array_equal(X, FULL)
