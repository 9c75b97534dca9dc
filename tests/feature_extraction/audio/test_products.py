import numpy as np
import pytest

from mmsk.feature_extraction.audio._products import product


@pytest.mark.parametrize("n", [1, 7, 8, 9, 500])
@pytest.mark.parametrize(("k", "m"), [(3, 2), (700, 16), (600, 600)])
def test_a_product_in_slices_is_the_product(n, k, m):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(n, k)), rng.normal(size=(k, m))
    np.testing.assert_allclose(product(left, right), left @ right, rtol=1e-9, atol=1e-9)
