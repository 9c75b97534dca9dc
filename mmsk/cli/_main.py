"""Reading the command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import mmsk
from mmsk.cli._store import add_store


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m mmsk``.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments. ``None`` reads the command line.

    Returns
    -------
    status : int
        0 where all went well, 1 where the table, a picture or a store could not be
        used.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    # torch and lightgbm only when they are used
    from mmsk.cli._demo import run_demo
    from mmsk.cli._tables import chosen_table

    try:
        table = chosen_table(arguments)
    except (ImportError, OSError, ValueError) as error:
        arguments.parser.error(str(error))
    try:
        run_demo(
            table,
            quick=arguments.quick,
            n_jobs=arguments.jobs,
            memory=arguments.memory,
            output=arguments.output,
        )
    except (OSError, ValueError) as error:
        said = str(error)
        if arguments.csv is not None:  # it is an option of such tables
            said = said.replace('on_error="missing"', "--on-error missing")
        print(f"{arguments.parser.prog}: {said}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mmsk",
        description="scikit-learn estimators for text, pictures, sound and numbers",
    )
    parser.add_argument("--version", action="version", version=mmsk.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_demo(commands)
    add_store(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction) -> None:
    demo = commands.add_parser(
        "demo",
        help="search over fusions and ensembles, on a sample or on your own table",
        description=(
            "Holds a quarter of the rows out and runs one GridSearchCV over single "
            "modalities, fusions and ensembles: on 801 pieces of clip art that come "
            "with mmsk, on the audio-visual digits, or on a table of your own."
        ),
    )
    demo.set_defaults(run=_demo, parser=demo)
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
    which = demo.add_mutually_exclusive_group()
    which.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of the audio-visual digits: data.csv, pictures and clips",
    )
    which.add_argument(
        "--csv", type=Path, metavar="FILE", help="your own table; needs --target"
    )
    own = demo.add_argument_group("with --csv")
    own.add_argument("--target", metavar="COL", help="the column to predict")
    own.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="where paths of pictures and clips start (default: beside the file)",
    )
    own.add_argument(
        "--groups", metavar="COL", help="rows with the same value stay together"
    )
    own.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="COL=ROLE",
        help="what a column is, where it cannot be told or is told wrongly: text, "
        "image, audio, number, category, boolean, date; drop leaves it out",
    )
    own.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="by default told from the target",
    )
    own.add_argument(
        "--on-error",
        choices=["raise", "missing"],
        default="raise",
        help="what to do with pictures and clips that cannot be used",
    )
