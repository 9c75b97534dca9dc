"""What candidates of a search are called."""

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
