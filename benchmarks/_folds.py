"""What the tables of ensembles share: the sets' folds, once extracted."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from table_fusion import DATA, fold_matrices, tasks


def add_arguments(parser, sets):
    """Add what says where the sets are and which of them are wanted."""
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=sets, choices=list(tasks(DATA)))
    parser.add_argument("--store", help="folder of a feature store to keep")


def each_set(arguments) -> Iterator[tuple[str, list]]:
    """Yield name and folds, of `fold_matrices`, of each set that is there."""
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            file = arguments.data / name / "data.csv"
            if not file.exists():
                print(f"skipped: no {name} in {arguments.data}; pass --data DIR")
                continue
            task = tasks(arguments.data)[name]
            table = pd.read_csv(file, dtype={"id": str})
            folds = list(fold_matrices(task, table, arguments.store or folder))
            print(
                f"{name}: {len(table)} rows, {len(folds)} folds by {task.group}, "
                f"{folds[0][-1]!r}, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            yield name, folds
