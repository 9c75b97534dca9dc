import os
import subprocess
import sys

import numpy as np
import pytest

from mmsk.store import FeatureStore


@pytest.fixture
def environment():
    """Variables for another Python that finds the same packages."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture
def run_python(environment):
    """Run another Python, which has to end well and say nothing on stderr."""

    def run(*arguments, timeout=60):
        result = subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    return run


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
