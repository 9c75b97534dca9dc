import pytest

from tests._blocks import Folds


@pytest.fixture
def asked():
    """Return the groups that `Folds` is asked for in a test."""
    Folds.asked = []
    return Folds.asked
