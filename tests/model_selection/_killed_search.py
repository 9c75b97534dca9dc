"""A search that kills its own process: in the fit of a number, as kill -9 does."""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from mmsk.model_selection import FusionSearchCV
from tests.model_selection._logged import LoggedClassifier, write


class Deadly(LoggedClassifier):
    """Dies in its fit of a number that a file says; fits and logs otherwise."""

    _store_id = "tests.Deadly"

    def fit(self, X, y, sample_weight=None):
        """Fit, unless this is the last."""
        at = Path(f"{self.log}.deadly")
        if at.exists():
            left = int(at.read_text()) - 1
            at.write_text(str(left))
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        write(f"{self.log}.all")
        return super().fit(X, y, sample_weight)


def data():
    """Return a small table of numbers."""
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    return X, np.where(X[:, 0] + random.normal(size=60) > 0, "yes", "no")


def search(log, memory, **params):
    """Return four candidates on three folds."""
    given = {"C": [0.01, 0.1, 1.0, 10.0]}
    return FusionSearchCV(
        Deadly(log), given, cv=3, memory=memory, scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss", **params,
    )  # fmt: skip


if __name__ == "__main__":
    search(*sys.argv[1:]).fit(*data())
