"""The leaderboard of a search, and what its candidates are called."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

_LONGEST = 160


def candidate_labels(candidates: Sequence[dict[str, Any]]) -> list[str]:
    """Return a short, unique name of each candidate.

    Estimators stand for themselves, other values behind the last part of their
    parameter's name. What all candidates share is left out.

    Parameters
    ----------
    candidates : sequence of dict
        Parameters, such as ``cv_results_["params"]``.
    """
    shown = [{name: _shown(v) for name, v in params.items()} for params in candidates]
    counts = Counter(item for params in shown for item in params.items())
    alone = len(shown) == 1
    labels = []
    for params, given in zip(shown, candidates, strict=True):
        words = []
        for name, text in sorted(params.items(), key=lambda item: item[0].count("__")):
            if counts[name, text] == len(shown) and not alone:
                continue
            last = name.rpartition("__")[2]
            own = hasattr(given[name], "get_params") and last == "estimator"
            words.append(text if own else f"{last}={text}")
        labels.append(", ".join(words) or "as given")
    seen: Counter = Counter()
    total = Counter(labels)
    for position, label in enumerate(labels):
        if total[label] > 1:
            seen[label] += 1
            labels[position] = f"{label} ({seen[label]})"
    return labels


def _shown(value: Any) -> str:
    text = re.sub(r"\s*\n\s*", " ", repr(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def leaderboard_of(results: dict, refit: Any) -> Any:
    """Return the candidates of a search as a frame, the best first.

    Parameters
    ----------
    results : dict of ndarray
        ``cv_results_``.
    refit : str or other
        The score that decides, where it names one; else the first.

    Returns
    -------
    board : pandas.DataFrame

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            'A leaderboard is a pandas frame: pip install "mmsk[pandas]".'
        ) from error
    names = [
        name.removeprefix("mean_test_")
        for name in results
        if name.startswith("mean_test_")
    ]
    decides = refit if refit in names else names[0]
    board = pd.DataFrame(
        {
            "rank": results[f"rank_test_{decides}"],
            "candidate": candidate_labels(results["params"]),
        }
    )
    for name in names:
        board[f"mean_{name}"] = results[f"mean_test_{name}"]
        board[f"sd_{name}"] = results[f"std_test_{name}"]
    board["fit_seconds"] = results["mean_fit_time"]
    return board.sort_values("rank", kind="stable")
