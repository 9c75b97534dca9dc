"""The tables of table_fusion.py as Markdown."""

import numpy as np
import pandas as pd

CHOSEN = {
    "single": "best single",
    "early": "best early",
    "late": "best late",
    "intermediate": "best mechanism",
}
PAGE = """# Which fusion?

Every fusion on sets of their own folds, which keep authors, products or speakers
together. All read the same matrices: TF-IDF, oriented gradients, MFCC, tables.

- "... alone", "early linear" and "late ...": logistic regression, on one modality, on
  all of them side by side, or one a modality and a rule.
- "early net": a net of 64 units on all modalities side by side.
- "intermediate ...": 64 units a modality, fused by the mechanism, trained together.
- "best ...": chosen of its kind on inner folds of the training rows.

A difference is the mean over the folds of the paired differences; the number behind ±
is its standard error. What is not at least two standard errors from 0 may be chance.
{sets}
All numbers come from `{command}` ({seconds:.0f} s of CPU).
"""


def paired(one, other):
    """Return mean and standard error of a difference over folds."""
    difference = one - other
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def verdict(met):
    """Return how a target ended."""
    return "met" if met else "MISSED"


def section(folds):
    """Return the table of a set.

    Parameters
    ----------
    folds : list of dict
        What `table_fusion.score_fold` returns.
    """
    means = pd.DataFrame([fold["scores"] for fold in folds])
    seconds = pd.DataFrame([fold["seconds"] for fold in folds]).mean()
    chosen = pd.DataFrame([fold["chosen"] for fold in folds])
    for family, title in CHOSEN.items():
        means[title] = [fold["scores"][fold["chosen"][family]] for fold in folds]
    bases = [CHOSEN[family] for family in ("single", "early", "late")]
    lines = [
        "| fusion | accuracy | sd | " + " | ".join(f"- {b}" for b in bases) + " | s |",
        "|---" * 7 + "|",
    ]
    for name in means:
        values = means[name]
        gains = [
            "{:+.4f} ± {:.4f}".format(*paired(values, means[base])) for base in bases
        ]
        spent = f"{seconds[name]:.2f}" if name in seconds else ""
        lines.append(
            f"| {name} | {values.mean():.4f} | {values.std(ddof=1):.4f} | "
            f"{' | '.join(gains)} | {spent} |"
        )
    lines.append("")
    for family, title in CHOSEN.items():
        counts = chosen[family].value_counts()
        names = ", ".join(f"{name} ({count})" for name, count in counts.items())
        lines.append(f"- {title}: {names}")
    gain, error = paired(means["best mechanism"], means["best early"])
    lines.append(
        f"- best mechanism - best early: {gain:+.4f}, standard error {error:.4f} "
        f"(target at least -1 standard error: {verdict(gain >= -error)})"
    )
    return "\n" + "\n".join(lines) + "\n"


def absent_section(folds):
    """Return the table of a set whose test rows lack modalities.

    Parameters
    ----------
    folds : list of dict
        What `table_fusion.score_absent` returns.
    """
    names = list(folds[0]["scores"])
    by_name = {
        name: pd.DataFrame([fold["scores"][name] for fold in folds]) for name in names
    }
    columns = list(by_name[names[-1]])
    lines = [
        "| fusion | " + " | ".join(columns) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    verdicts = [""]
    for name, scores in by_name.items():
        cells = [f"{scores[c].mean():.4f}" if c in scores else "" for c in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        if "separate" not in scores:
            continue
        full, full_error = paired(scores["full, dropout"], scores["full"])
        absent, error = paired(scores["absent, dropout"], scores["separate"])
        verdicts.append(
            f"- {name}: full rows {full:+.4f} ± {full_error:.4f} (target -.01: "
            f"{verdict(full >= -0.01)}), absent - separate {absent:+.4f} ± "
            f"{error:.4f} (target -.02: {verdict(absent >= -0.02)})"
        )
    return "\n" + "\n".join(lines + verdicts) + "\n"


def absent_means(sets):
    """Return the means over sets of what modality dropout costs and brings.

    Parameters
    ----------
    sets : list of list of dict
        The folds of each set, as for `absent_section`.
    """
    lines = ["", "## Means over the sets, modality dropout .3", ""]
    for name in sets[0][0]["scores"]:
        scores = pd.DataFrame(
            pd.DataFrame([fold["scores"][name] for fold in folds]).mean()
            for folds in sets
        )
        if "separate" not in scores:
            continue
        full = (scores["full, dropout"] - scores["full"]).mean()
        absent = (scores["absent, dropout"] - scores["separate"]).mean()
        lines.append(
            f"- {name}: full rows {full:+.4f} (target -.01: {verdict(full >= -0.01)}), "
            f"absent - separate {absent:+.4f} (target -.02: {verdict(absent >= -0.02)})"
        )
    return "\n".join(lines) + "\n"
