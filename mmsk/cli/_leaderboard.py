"""The leaderboard of a search, as text, CSV and picture."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmsk.cli._candidates import Candidate

FAMILIES = ("single", "early", "late", "intermediate", "ensemble")


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard.

    Parameters
    ----------
    name, family : str
        Those of the candidate.
    means, sds : dict of str to float
        Of each score over the folds of the search; the last one decides.
    fit_seconds : float
        Mean wall time of a fit.
    """

    name: str
    family: str
    means: dict[str, float]
    sds: dict[str, float]
    fit_seconds: float


def leaderboard(
    search: Any, candidates: Sequence[Candidate], titles: Mapping[str, str]
) -> list[Entry]:
    """Return the candidates of a fitted search, the best by the last score first."""
    results = search.cv_results_
    entries = [
        Entry(
            candidate.name,
            candidate.family,
            {title: float(results[f"mean_test_{s}"][i]) for s, title in titles.items()},
            {title: float(results[f"std_test_{s}"][i]) for s, title in titles.items()},
            float(results["mean_fit_time"][i]),
        )
        for i, candidate in enumerate(candidates)
    ]
    decides = list(titles.values())[-1]
    return sorted(entries, key=lambda entry: -entry.means[decides])


def format_table(board: Sequence[Entry]) -> str:
    """Return the leaderboard as text."""
    width = max(len(entry.name) for entry in board)
    titles = "  ".join(f"{title:<16}" for title in board[0].means)
    lines = [f"{'candidate':<{width}}  {titles}fit s"]
    for entry in board:
        scores = "  ".join(
            f"{f'{mean:.3f} +- {sd:.3f}':<16}"
            for mean, sd in zip(entry.means.values(), entry.sds.values(), strict=True)
        )
        lines.append(f"{entry.name:<{width}}  {scores}{entry.fit_seconds:5.2f}")
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
        writer = csv.writer(file)
        titles = list(board[0].means)
        spread = [name for title in titles for name in (title, f"{title} sd")]
        writer.writerow(["name", "family", *spread, "fit seconds"])
        for each in board:
            scores = [value for t in titles for value in (each.means[t], each.sds[t])]
            writer.writerow([each.name, each.family, *scores, each.fit_seconds])
    figure = Figure(figsize=(8, 0.35 * len(board) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    worst_first = board[::-1]
    decides = list(board[0].means)[-1]
    axes.barh(
        [entry.name for entry in worst_first],
        [entry.means[decides] for entry in worst_first],
        xerr=[entry.sds[decides] for entry in worst_first],
        color=[f"C{FAMILIES.index(entry.family)}" for entry in worst_first],
    )
    axes.set_xlabel(f"{decides} over the folds (mean and sd)")
    picture = folder / "leaderboard.png"
    figure.savefig(picture, dpi=120)
    return [table, picture]
