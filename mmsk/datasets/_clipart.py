"""The clip art data set."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from mmsk._utils._param_validation import validate_params
from mmsk.datasets._frames import import_pandas

_ROOT = Path(__file__).parent / "data" / "clipart"
_FEATURES = {  # name -> how its text is read
    "title": str,
    "description": lambda text: text or None,
    "width": int,
    "height": int,
    "aspect": float,
    "png_bytes": int,
    "mode": str,
    "image": str,
}
_GROUP = "author"


@validate_params(
    {"return_X_y": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_clipart(
    *, return_X_y: bool = False, as_frame: bool = True
) -> Bunch | tuple[Any, Any]:
    """Load and return the clip art data set (classification).

    801 public-domain pictures by 219 authors, each with a title, sometimes a
    description, and four measures and the pixel layout of the original file. The
    task is to name the subject. The data are part of the package: nothing is
    downloaded.

    =================   ======================
    Classes                                 11
    Samples per class                32 to 142
    Samples total                          801
    Features            text, picture, numbers
    =================   ======================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=True
        If True, the data are pandas objects; numbers are integers or floats, the
        pixel layout is categorical. If False, `data` is an object array with the
        same columns and the others are NumPy arrays, and pandas is not needed.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {DataFrame, ndarray} of shape (801, 9)
            The features, `title`, `description` (missing in 544 rows), `width`
            and `height` (pixels), `aspect` (width / height), `png_bytes`, `mode`
            (pixel layout) and `image` (path relative to `image_root`), and then
            `author`, which is a group key and not a feature.
        target : {Series, ndarray} of shape (801,)
            Subject of each picture, a string.
        frame : DataFrame of shape (801, 10) or None
            `data` and the target as column `label`, if ``as_frame=True``.
        groups : {Series, ndarray} of shape (801,)
            Author of each picture.
        folds : {Series, ndarray} of shape (801,)
            Part of each sample, 0 to 4; an author's work is in one part. Meant
            for :class:`~sklearn.model_selection.PredefinedSplit`.
        feature_names : list of str
            Names of the first eight columns of `data`.
        target_names : ndarray of shape (11,)
            The subjects in alphabetical order.
        image_root : str
            Folder that the paths in `image` are relative to.
        DESCR : str
            Description of the data set.

    (data, target) : tuple if ``return_X_y`` is True
        The first two of these attributes.

    Raises
    ------
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    Examples
    --------
    >>> from mmsk.datasets import load_clipart
    >>> clipart = load_clipart()
    >>> clipart.data.loc[[1, 9], ["title", "width", "image"]]
        title  width             image
    1  9 ball    750  images/c0001.png
    9    park    640  images/c0018.png
    >>> clipart.target[[1, 9]].tolist()
    ['recreation', 'recreation']
    """
    with (_ROOT / "data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [read(r[name]) for r in rows] for name, read in _FEATURES.items()}
    columns[_GROUP] = [row[_GROUP] for row in rows]
    target = np.array([row["label"] for row in rows])
    groups = np.array(columns[_GROUP])
    folds = np.array([int(row["fold_author"]) for row in rows])
    target_names = np.unique(target)

    if as_frame:
        pd = import_pandas(
            "load_clipart(as_frame=True)", instead=", or pass as_frame=False"
        )
        data = pd.DataFrame(columns).astype({"mode": "category"})
        target = pd.Series(target.tolist(), name="label")
        groups = data[_GROUP]
        folds = pd.Series(folds, name="fold")
        frame = data.assign(label=target)
    else:
        data = np.array(list(columns.values()), dtype=object).T
        frame = None

    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        groups=groups,
        folds=folds,
        feature_names=list(_FEATURES),
        target_names=target_names,
        image_root=str(_ROOT),
        DESCR=(_ROOT / "DESCR.md").read_text(encoding="utf-8"),
    )
