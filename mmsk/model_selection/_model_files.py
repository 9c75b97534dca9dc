"""The files of a search's models."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np


def model_folder(keep_models: bool | str | os.PathLike) -> Path | None:
    """Return the folder that models are to be kept in, and make it.

    Parameters
    ----------
    keep_models : bool, str or path-like

    Returns
    -------
    folder : Path or None
        None where `keep_models` names none.

    Raises
    ------
    ValueError
        If it cannot be made or written.
    """
    if isinstance(keep_models, bool | np.bool_):
        return None
    folder = Path(keep_models).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise ValueError(
            f"keep_models={str(folder)!r} is no folder that can be made and written "
            f"({error}). Pass another one, or True to keep the models with the search."
        ) from error
    return folder


def write_model(model: Any, path: Path) -> str:
    """Write a model aside and put it in its place, so that no file is ever torn.

    Returns
    -------
    digest : str
        Fingerprint of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{secrets.token_hex(8)}")
    try:
        joblib.dump(model, aside)
        digest = _digest(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return digest


def read_model(model: Any, digest: str | None) -> Any:
    """Return a model that may be in a file.

    Parameters
    ----------
    model : fitted estimator or str
    digest : str or None
        Fingerprint of the file; None if any content will do.

    Raises
    ------
    ValueError
        If the file holds another model by now.
    """
    if not isinstance(model, str):
        return model
    if digest is not None and _digest(Path(model)) != digest:
        raise ValueError(
            f"The model in {model!r} is not the one that this search has written: "
            "another search of the same candidates, whose fits cannot be told from "
            "those of this one, has replaced it. Give each search a folder of its own."
        )
    return joblib.load(model)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
