import numpy as np
import pytest

from mmsk.feature_extraction.audio._products import product


@pytest.mark.parametrize("n", [1, 7, 8, 9, 500])
@pytest.mark.parametrize(("k", "m"), [(3, 2), (700, 16), (600, 600)])
def test_a_product_in_slices_is_the_product(n, k, m):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(n, k)), rng.normal(size=(k, m))
    np.testing.assert_allclose(product(left, right), left @ right, rtol=1e-9, atol=1e-9)


def test_goes_where_it_is_told_and_nowhere_else():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(50, 90)).astype(np.float32)
    right = rng.normal(size=(40, 4)).astype(np.float32)
    whole = np.full((50, 12), 7, dtype=np.float32)
    product(left[:, 10:50], right, out=whole[:, 3:7])
    np.testing.assert_allclose(whole[:, 3:7], left[:, 10:50] @ right, rtol=1e-4)
    assert (whole[:, :3] == 7).all()
    assert (whole[:, 7:] == 7).all()
