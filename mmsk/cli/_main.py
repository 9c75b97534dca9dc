"""Reading the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import mmsk


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m mmsk``.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments. ``None`` reads the command line.

    Returns
    -------
    status : int
        0 where all went well.
    """
    arguments = _parser().parse_args(argv)
    from mmsk.cli._demo import run_demo  # torch and lightgbm only when they are used

    run_demo(
        quick=arguments.quick,
        n_jobs=arguments.jobs,
        memory=arguments.memory,
        output=arguments.output,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mmsk",
        description="scikit-learn estimators for text, pictures, sound and numbers",
    )
    parser.add_argument("--version", action="version", version=mmsk.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser(
        "demo",
        help="search over fusions and ensembles on the clip art that ships with mmsk",
        description=(
            "Loads 801 pieces of clip art (title, description, picture, numbers), "
            "holds a quarter of their authors out, and runs one GridSearchCV over "
            "single modalities, fusions and ensembles."
        ),
    )
    demo.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    demo.add_argument(
        "--memory",
        type=Path,
        metavar="DIR",
        help="keep the features there (default: a temporary folder)",
    )
    demo.add_argument(
        "--quick",
        action="store_true",
        help="2 folds and one candidate of each family",
    )
    demo.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="write the leaderboard as CSV and PNG",
    )
    return parser
