"""The same shop in every kind of table: picture files, and pictures in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tests._shop import write_shop

KINDS = ("paths", "bytes", "arrays", "pictures", "polars")


def make_shops(root: Path, n_samples: int) -> tuple[dict, np.ndarray]:
    """Write a shop into a folder; return a table of each kind, and the labels.

    The pictures are the same in all of them, to the last bit.
    """
    paths, y = write_shop(root, n_samples)
    return {kind: as_kind(paths, root, kind) for kind in KINDS}, y


def as_kind(paths: pd.DataFrame, root: Path, kind: str):
    """Return a shop whose photos are of one of the KINDS."""
    if kind == "paths":
        return paths
    if kind == "polars":
        import polars

        return polars.DataFrame({name: paths[name].to_list() for name in paths.columns})
    read = {
        "bytes": Path.read_bytes,
        "arrays": lambda path: np.asarray(_picture(path)),
        "pictures": _picture,
    }[kind]
    photos = np.empty(len(paths), dtype=object)
    photos[:] = [read(root / name) for name in paths["photo"]]
    return paths.assign(photo=pd.Series(photos, index=paths.index, dtype=object))


def _picture(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture
