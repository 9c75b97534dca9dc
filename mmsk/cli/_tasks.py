"""What the demo does differently for classes and for numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

HELD_OUT = 0.25


@dataclass(frozen=True)
class Task:
    """How candidates are compared.

    Parameters
    ----------
    name : {"classification", "regression"}
    titles : dict of str to str
        The search's scorers and what the leaderboard calls them; the candidate
        with the best mean of the last one wins.
    scores : callable
        ``scores(y, predicted)`` gives named numbers for held-out rows.
    """

    name: str
    titles: dict[str, str]
    scores: Callable[[Any, Any], dict[str, float]]

    @property
    def refit(self) -> str:
        """The scorer that decides."""
        return list(self.titles)[-1]

    def split(self, X: Any, y: Any, groups: Any, seed: int) -> tuple:
        """Hold a quarter of the rows out, whole groups; return both parts' rows."""
        if groups is not None:
            kind = GroupShuffleSplit
        elif self.name == "classification":
            kind = StratifiedShuffleSplit
        else:
            kind = ShuffleSplit
        splitter = kind(1, test_size=HELD_OUT, random_state=seed)
        return next(splitter.split(X, y, groups))

    def folds(self, n_folds: int, groups: Any, seed: int) -> Any:
        """Return the splitter of the search, of as many folds as there are groups."""
        classes = self.name == "classification"
        if groups is None:
            kind = StratifiedKFold if classes else KFold
        else:
            kind = StratifiedGroupKFold if classes else GroupKFold
            n_folds = min(n_folds, len(np.unique(groups)))
        return kind(n_folds, shuffle=True, random_state=seed)


def _class_scores(y: Any, predicted: Any) -> dict[str, float]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, predicted, labels=np.unique(y), average="macro", zero_division=0
    )
    return {
        "accuracy": accuracy_score(y, predicted),
        "precision": precision,
        "recall": recall,
        "F1": f1,
    }


def _number_scores(y: Any, predicted: Any) -> dict[str, float]:
    return {
        "R2": r2_score(y, predicted),
        "RMSE": root_mean_squared_error(y, predicted),
        "MAE": mean_absolute_error(y, predicted),
    }


CLASSIFICATION = Task(
    "classification", {"accuracy": "accuracy", "f1_macro": "macro-F1"}, _class_scores
)
REGRESSION = Task(
    "regression",
    {"neg_root_mean_squared_error": "-RMSE", "r2": "R2"},
    _number_scores,
)
TASKS = {task.name: task for task in (CLASSIFICATION, REGRESSION)}
