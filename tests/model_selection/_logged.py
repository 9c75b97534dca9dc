"""Estimators that append a line to a file for each fit, whatever process it is in."""

from pathlib import Path

from sklearn.linear_model import LogisticRegression, Ridge


class LoggedClassifier(LogisticRegression):
    """Writes what it was fitted with."""

    _store_id = "tests.LoggedClassifier"

    def __init__(self, log=None, C=1.0):
        super().__init__(C=C)
        self.log = log

    def fit(self, X, y, sample_weight=None):
        write(self.log)
        return super().fit(X, y, sample_weight)


class LoggedRegressor(Ridge):
    """Writes what it was fitted with."""

    _store_id = "tests.LoggedRegressor"

    def __init__(self, log=None, alpha=1.0):
        super().__init__(alpha=alpha)
        self.log = log

    def fit(self, X, y, sample_weight=None):
        write(self.log)
        return super().fit(X, y, sample_weight)


def write(log):
    """Append a line to a file beside that of this name, which is never made."""
    with Path(f"{log}.txt").open("a") as file:
        file.write("fit\n")


def n_fits(log):
    """Return how many fits there were, by all processes, and forget them."""
    path = Path(f"{log}.txt")
    count = len(path.read_text().splitlines()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count
