"""The tables that the demo searches over."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmsk._utils._frames import column_kind
from mmsk.cli._tasks import CLASSIFICATION, TASKS, Task
from mmsk.compose import ModalityTransformer
from mmsk.datasets import load_av_digits, load_clipart
from mmsk.datasets._frames import import_pandas
from mmsk.feature_extraction.audio import MFCCExtractor
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.pipeline._make import group_column, make_features

MOST_CLASSES = 20  # of whole numbers; with more of them the user says what they are


@dataclass(frozen=True)
class Table:
    """A table and what there is to know about it.

    Parameters
    ----------
    title : str
        What it is called.
    sample : str
        What a row is, in the plural.
    X : DataFrame
    y : Series
    features : callable
        ``features(store)`` gives the ModalityTransformer, not fitted.
    media : list of str
        Columns of pictures and clips, paths relative to `root`.
    root : str
    task : Task
    groups : str or None
        The column of groups.
    """

    title: str
    sample: str
    X: Any
    y: Any
    features: Callable[[Any], ModalityTransformer]
    media: list[str]
    root: str
    task: Task
    groups: str | None


def chosen_table(arguments: Namespace) -> Table:
    """Return the table that the command line asks for.

    Raises
    ------
    ImportError, OSError, ValueError
        As `av_digits` and `csv_table`, and if options don't go together.
    """
    own = ("target", "root", "groups", "role", "task")
    if arguments.csv is None:
        alone = [name for name in own if getattr(arguments, name)]
        if arguments.on_error != "raise":
            alone.append("on-error")
        if alone:
            raise ValueError(f"--{alone[0]} goes with --csv.")
        return clipart() if arguments.data is None else av_digits(arguments.data)
    if arguments.target is None:
        raise ValueError("--csv needs --target, the column to predict.")
    roles = {}
    for each in arguments.role:
        column, equals, role = each.rpartition("=")
        if not equals:
            raise ValueError(f"--role is written COLUMN=ROLE, got {each!r}.")
        roles[column] = role
    return csv_table(
        arguments.csv,
        arguments.target,
        root=arguments.root,
        groups=arguments.groups,
        roles=roles,
        task=arguments.task,
        on_error=arguments.on_error,
    )


def clipart() -> Table:
    """Return the clip art that comes with mmsk: TF-IDF, HOG and numbers."""
    data = load_clipart()
    numbers = ["width", "height", "aspect", "png_bytes", "mode"]

    def features(store: Any) -> ModalityTransformer:
        return ModalityTransformer(
            [
                ("text", TfidfExtractor(), ["title", "description"]),
                ("image", HOGExtractor(root=data.image_root), ["image"]),
                ("table", TableExtractor(), numbers),
            ],
            memory=store,
        )

    return Table(
        "Open Clip Art",
        "pictures",
        data.data,
        data.target,
        features,
        ["image"],
        data.image_root,
        CLASSIFICATION,
        "author",
    )


def av_digits(folder: Any) -> Table:
    """Return the audio-visual digits: HOG, and MFCC of 32 ms frames for speech."""
    data = load_av_digits(folder)
    speech = {"sample_rate": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 40}

    def features(store: Any) -> ModalityTransformer:
        return ModalityTransformer(
            [
                ("image", HOGExtractor(root=data.media_root), ["image"]),
                ("audio", MFCCExtractor(root=data.media_root, **speech), ["audio"]),
            ],
            memory=store,
        )

    return Table(
        "Audio-visual digits",
        "samples",
        data.data,
        data.target,
        features,
        ["image", "audio"],
        data.media_root,
        CLASSIFICATION,
        "speaker",
    )


def csv_table(
    path: Any,
    target: str,
    *,
    root: Any = None,
    groups: str | None = None,
    roles: Mapping[str, str] | None = None,
    task: str | None = None,
    on_error: str = "raise",
) -> Table:
    """Return a user's own table; roles of columns are inferred.

    Parameters
    ----------
    path : str or os.PathLike
        A CSV file with a line of names.
    target : str
        The column to predict.
    root : str or os.PathLike, default=None
        Folder that paths of pictures and clips start from. ``None``: that of the
        file.
    groups : str, default=None
        The column that says which rows belong together.
    roles : dict of str to str, default=None
        Roles by column that are taken as they are.
    task : {"classification", "regression"}, default=None
        ``None``: by the target, where it can be told.
    on_error : {"raise", "missing"}, default="raise"
        What is done with pictures and clips that cannot be used.

    Raises
    ------
    ImportError
        If pandas is not installed.
    OSError
        If there is no such file.
    ValueError
        If the target is not a column or has empty cells, or what the target or a
        column is cannot be told.
    """
    pd = import_pandas("Reading a CSV file", instead="")
    frame = pd.read_csv(path)
    if target not in frame.columns:
        raise ValueError(f"{str(path)!r} has no column {target!r}: {list(frame)}.")
    groups = group_column(roles, groups)
    if groups == target:
        raise ValueError(f"--groups and --target are the same column, {target!r}.")
    if groups is not None and groups not in frame.columns:
        raise ValueError(f"{str(path)!r} has no column {groups!r}: {list(frame)}.")
    y = frame[target]
    if y.isna().any():
        row = int(np.flatnonzero(y.isna())[0])
        raise ValueError(
            f"The target {target!r} is empty in {y.isna().sum()} of {len(y)} rows, "
            f"the first is row {row}: leave them out of the file."
        )
    X = frame.drop(columns=target)
    root = str(Path(path).parent if root is None else root)
    decided = make_features(X, roles=roles, root=root, memory=None, groups=groups).roles

    def features(store: Any) -> ModalityTransformer:
        made = make_features(X, roles=decided, root=root, memory=store, groups=groups)
        for name, extractor, _ in made.transformers:
            if name in ("image", "audio"):
                extractor.set_params(on_error=on_error)
        return made

    media = [name for name, role in decided.items() if role in ("image", "audio")]
    return Table(
        Path(path).name,
        "rows",
        X,
        y,
        features,
        media,
        root,
        TASKS[task] if task else _task_of(y, target),
        groups,
    )


def _task_of(y: Any, target: str) -> Task:
    kind = column_kind(y)
    if kind != "number":
        return TASKS["classification"]
    whole = all(float(value).is_integer() for value in y)
    if not whole:
        return TASKS["regression"]
    n_values = y.nunique()
    if n_values > MOST_CLASSES:
        raise ValueError(
            f"The target {target!r} has {n_values} different whole numbers: classes or "
            "numbers? Say it with --task classification or --task regression."
        )
    return TASKS["classification"]
