import pytest

from tests.feature_extraction._samples import MeanColor


@pytest.fixture(autouse=True)
def counters():
    MeanColor.read, MeanColor.extracted = [], []
