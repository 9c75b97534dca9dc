"""The audio-visual digits."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from mmsk.datasets._frames import import_pandas

_FEATURES = ["image", "audio"]
_GROUP = "speaker"
_TARGET = "label"


def load_av_digits(folder: Any) -> Bunch:
    r"""Load spoken digits, each paired with a handwritten one (classification).

    Reads a folder that is on this machine already: nothing is downloaded, and the
    data are not part of the package. The usual set of this kind pairs the
    recordings of the Free Spoken Digit Dataset [1]_ with MNIST digits of the same
    class [2]_, as AV-MNIST does [3]_.

    Parameters
    ----------
    folder : str or os.PathLike
        Holds ``data.csv`` with the columns `image` and `audio` (paths relative to
        the folder), `label` (the digit) and `speaker`, and optionally `fold`.
        Other columns are not read.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : DataFrame of shape (n_samples, 3)
            `image`, `audio`, and `speaker`, which is a group key and not a feature.
        target : Series of shape (n_samples,)
            The digit.
        groups : Series of shape (n_samples,)
            The speaker.
        folds : Series of shape (n_samples,) or None
            The column `fold`, where there is one.
        feature_names : list of str
            ``["image", "audio"]``.
        target_names : ndarray of shape (n_classes,)
            The digits.
        media_root : str
            Folder that the paths are relative to.

    Raises
    ------
    FileNotFoundError
        If there is no ``data.csv`` in the folder.
    ImportError
        If pandas is not installed.
    ValueError
        If a column is missing from it, or a cell of the four is empty.

    References
    ----------
    .. [1] Z. Jackson et al., "Free Spoken Digit Dataset", 2018,
           https://github.com/Jakobovski/free-spoken-digit-dataset.
    .. [2] Y. LeCun et al., "Gradient-based learning applied to document
           recognition", Proceedings of the IEEE 86(11), 1998.
    .. [3] V. Vielzeuf et al., "CentralNet: a multilayer approach for multimodal
           fusion", ECCV Workshops, 2018.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mmsk.datasets import load_av_digits
    >>> rows = "image,audio,label,speaker\n7.png,7.wav,7,theo\n2.png,2.wav,2,lucas\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "data.csv").write_text(rows)
    ...     digits = load_av_digits(folder)
    >>> digits.data
       image  audio speaker
    0  7.png  7.wav    theo
    1  2.png  2.wav   lucas
    >>> digits.target.to_list()
    [7, 2]
    """
    pd = import_pandas("load_av_digits", instead="")
    root = Path(folder)
    path = root / "data.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no 'data.csv' in {str(root)!r}: give the folder of the data set."
        )
    frame = pd.read_csv(path)
    needed = [*_FEATURES, _GROUP, _TARGET]
    lost = [name for name in needed if name not in frame.columns]
    if lost:
        raise ValueError(
            f"{str(path)!r} lacks the columns {lost}; it has {list(frame.columns)}."
        )
    empty = [name for name in needed if frame[name].isna().any()]
    if empty:
        raise ValueError(f"{str(path)!r} has empty cells in the columns {empty}.")
    return Bunch(
        data=frame[[*_FEATURES, _GROUP]],
        target=frame[_TARGET],
        groups=frame[_GROUP],
        folds=frame["fold"] if "fold" in frame.columns else None,
        feature_names=list(_FEATURES),
        target_names=np.unique(frame[_TARGET]),
        media_root=str(root),
    )
