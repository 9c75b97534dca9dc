"""What a feature store holds, and making room in it."""

import argparse
import sys
import warnings
from pathlib import Path

from mmsk.exceptions import StoreWarning
from mmsk.store import FeatureStore


def add_store(commands: argparse._SubParsersAction) -> None:
    """Add ``python -m mmsk store`` to the commands."""
    store = commands.add_parser(
        "store",
        help="say what a feature store holds, make room in it",
        description="Prints what a feature store holds and how often it was asked.",
    )
    store.set_defaults(run=_run, parser=store)
    store.add_argument("location", type=Path, metavar="DIR", help="where it is")
    action = store.add_mutually_exclusive_group()
    action.add_argument(
        "--prune",
        nargs="?",
        const="10GB",
        metavar="SIZE",
        help="delete what was not used for longest, down to a size such as 500MB "
        "(default: 10GB)",
    )
    action.add_argument("--clear", action="store_true", help="delete everything")


def _run(arguments: argparse.Namespace) -> int:
    if not FeatureStore.is_at(arguments.location):
        arguments.parser.error(f"there is no feature store in {arguments.location}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", StoreWarning)
            _act(arguments, FeatureStore(arguments.location))
    except StoreWarning as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _act(arguments: argparse.Namespace, store: FeatureStore) -> None:
    if arguments.prune is not None:
        try:
            count = store.prune(arguments.prune)
        except ValueError as error:
            arguments.parser.error(str(error))
        print(f"{count} entries deleted")
    if arguments.clear:
        store.clear()
    print(store.info())
