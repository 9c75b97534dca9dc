import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope="session")
def classification():
    X, y = make_classification(
        300, 10, n_informative=6, n_classes=3, class_sep=1.5, random_state=0
    )
    return StandardScaler().fit_transform(X), np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="session")
def regression():
    X, y = make_regression(300, 8, noise=5.0, random_state=0)
    return X, y + 1000.0
