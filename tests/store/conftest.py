import os
import sys

import numpy as np
import pytest

from mmsk.store import FeatureStore


@pytest.fixture
def environment():
    """Variables for another Python that finds the same packages."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def make_rows():
    def make(n, width=10, seed=0):
        rng = np.random.default_rng(seed)
        keys = [rng.bytes(32) for _ in range(n)]
        return keys, rng.standard_normal((n, width)).astype(np.float32)

    return make
