"""The leaderboard of a search, as text, CSV and picture."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmsk.cli._candidates import Candidate

FAMILIES = ("single", "early", "late", "intermediate", "ensemble")


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard; scores are over the folds of the search."""

    name: str
    family: str
    accuracy: float
    accuracy_sd: float
    f1_macro: float
    f1_macro_sd: float
    fit_seconds: float


def leaderboard(search: Any, candidates: Sequence[Candidate]) -> list[Entry]:
    """Return the candidates of a fitted search, the best macro-F1 first."""
    results = search.cv_results_
    entries = [
        Entry(
            candidate.name,
            candidate.family,
            float(results["mean_test_accuracy"][i]),
            float(results["std_test_accuracy"][i]),
            float(results["mean_test_f1_macro"][i]),
            float(results["std_test_f1_macro"][i]),
            float(results["mean_fit_time"][i]),
        )
        for i, candidate in enumerate(candidates)
    ]
    return sorted(entries, key=lambda entry: -entry.f1_macro)


def format_table(board: Sequence[Entry]) -> str:
    """Return the leaderboard as text."""
    width = max(len(entry.name) for entry in board)
    lines = [f"{'candidate':<{width}}  accuracy        macro-F1        fit s"]
    lines += [
        f"{entry.name:<{width}}  "
        f"{entry.accuracy:.3f} +- {entry.accuracy_sd:.3f}  "
        f"{entry.f1_macro:.3f} +- {entry.f1_macro_sd:.3f}  "
        f"{entry.fit_seconds:5.2f}"
        for entry in board
    ]
    return "\n".join(lines)


def check_matplotlib() -> None:
    """Refuse to go on without matplotlib.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ImportError(
            'The picture of the leaderboard needs matplotlib: pip install "mmsk[plot]".'
        )


def write_leaderboard(board: Sequence[Entry], folder: Path) -> list[Path]:
    """Write ``leaderboard.csv`` and ``leaderboard.png`` into a folder.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "leaderboard.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Entry)])
        writer.writeheader()
        writer.writerows(map(asdict, board))
    figure = Figure(figsize=(8, 0.35 * len(board) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    worst_first = board[::-1]
    axes.barh(
        [entry.name for entry in worst_first],
        [entry.f1_macro for entry in worst_first],
        xerr=[entry.f1_macro_sd for entry in worst_first],
        color=[f"C{FAMILIES.index(entry.family)}" for entry in worst_first],
    )
    axes.set_xlabel("macro-F1 over the folds (mean and sd)")
    picture = folder / "leaderboard.png"
    figure.savefig(picture, dpi=120)
    return [table, picture]
