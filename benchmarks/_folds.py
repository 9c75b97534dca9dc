"""What the tables of ensembles share: the sets' folds, once extracted."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold
from table_fusion import DATA, Task, fold_matrices, tasks

from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor

REVIEWS = "review_prediction"
N_REVIEWS = 4000


def read_set(name: str, data: Path) -> tuple[Task, pd.DataFrame] | None:
    """Return the task and the table of a set, None if it is not there."""
    file = data / name / ("train.csv" if name == REVIEWS else "data.csv")
    if not file.exists():
        print(f"skipped: no {name} in {data}; pass --data DIR")
        return None
    table = pd.read_csv(file, dtype={"id": str})
    if name != REVIEWS:
        return tasks(data)[name], table
    # a part of it, and folds that keep the reviews of a piece of clothing together
    table = table.sample(N_REVIEWS, random_state=0).reset_index(drop=True)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for fold, (_, test) in enumerate(
        folds.split(table, table["label"], table["clothing_id"])
    ):
        table.loc[test, "fold"] = fold
    text = TfidfExtractor(n_components=100, random_state=0)
    told = ["age", "rating", "positive_feedback_count"]
    told += ["division_name", "department_name", "class_name"]
    branches = [
        ("text", text, ["title", "review_text"]),
        ("table", TableExtractor(), told),
    ]
    return Task(branches, "fold", "clothing_id"), table


def add_arguments(parser, sets):
    """Add what says where the sets are and which of them are wanted."""
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--sets", nargs="+", default=sets, choices=[*tasks(DATA), REVIEWS]
    )
    parser.add_argument("--store", help="folder of a feature store to keep")


def each_set(arguments) -> Iterator[tuple[str, list]]:
    """Yield name and folds, of `fold_matrices`, of each set that is there."""
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            found = read_set(name, arguments.data)
            if found is None:
                continue
            task, table = found
            folds = list(fold_matrices(task, table, arguments.store or folder))
            print(
                f"{name}: {len(table)} rows, {len(folds)} folds by {task.group}, "
                f"{folds[0][-1]!r}, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            yield name, folds
