"""Pictures as small as a few pixels."""

from collections.abc import Mapping
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.feature_extraction.image._image_extractor import ImageExtractor

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601


class PixelExtractor(ImageExtractor):
    """Describe pictures by the pixels of a small copy.

    Enough for pictures that are aligned, such as digits, and for what is told by
    layout and colour.

    Cells are those of HOGExtractor: paths, bytes, arrays, ``PIL.Image``, or lists
    of them. The last column of the output is 1 where a row has at least one
    picture, else 0.

    Parameters
    ----------
    size : int, default=16
        Height and width in pixels of the copy, averaged over what it merges.
    grey : bool, default=False
        Whether to keep brightness alone (ITU-R 601), a third of the features.
    cell_pooling : {"mean", "max"}, default="mean"
        How the features of several pictures in one cell become one row.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave. One that is not there is an error whatever `on_error` says; where the
        files have moved, ``set_params(root=...)`` suits a fitted extractor too.
    max_pixels : int, default=50_000_000
        Pictures of more pixels are refused before they are decoded.
    max_bytes : int, default=64 * 2**20
        Files of more bytes are refused.
    on_error : {"raise", "missing"}, default="raise"
        Whether a picture that cannot be used stops with a `MediaError` that names
        its column, row and path, or is treated as missing, with one warning.
    missing : {"auto", "zero", "nan"}, default="auto"
        What stands in the features of a missing cell: the mean over the training
        rows that have one, 0 or NaN.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable pictures above which
        `fit` raises all the same.
    memory : str, os.PathLike or FeatureStore, default=None
        Where features are kept, so that a picture is decoded once in all folds,
        candidates and processes.
    n_jobs : int, default=None
        Number of threads. ``None`` is 1 unless in a ``joblib.parallel_config``
        context.

    Attributes
    ----------
    fill_ : float32 ndarray of shape (n_features_out - 1,)
        What stands in the features of missing cells.
    failures_ : list of (row, column, path, code)
        The pictures that the last `fit` or `transform` treated as missing because
        they could not be used.
    block_ : Block
        Where the features stand.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame with string names.

    Raises
    ------
    MediaError
        If a picture cannot be used and ``on_error="raise"``, or too many cannot.

    See Also
    --------
    ImageTensorizer : Pixels for an encoder that is trained.

    References
    ----------
    .. [1] A. Torralba, R. Fergus and W. T. Freeman, "80 Million Tiny Images", IEEE
           TPAMI 30, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import PixelExtractor
    >>> picture = np.array([[0.0, 0.2], [0.4, 1.0]])
    >>> X = np.empty((1, 1), dtype=object)
    >>> X[0, 0] = picture
    >>> PixelExtractor(size=2, grey=True).fit_transform(X)
    array([[0. , 0.2, 0.4, 1. , 1. ]], dtype=float32)
    """

    _store_id = "mmsk.PixelExtractor"

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "size": [Interval(Integral, 1, None, closed="left")],
        "grey": ["boolean"],
    }

    def __init__(
        self,
        *,
        size=16,
        grey=False,
        cell_pooling="mean",
        root=None,
        max_pixels=50_000_000,
        max_bytes=64 * 2**20,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        memory=None,
        n_jobs=None,
    ):
        self.size = size
        self.grey = grey
        self.cell_pooling = cell_pooling
        self.root = root
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    def _row_names(self) -> list[str]:
        side = range(self.size)
        colors = [""] if self.grey else ["_red", "_green", "_blue"]
        return [
            f"pixel_r{r}c{c}{color}" for r in side for c in side for color in colors
        ]

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = np.stack(decoded) / 255
        if self.grey:
            # not @: a product of matrices may add in another order in a larger batch
            pictures = (pictures * _LUMA).sum(axis=-1)
        return pictures.reshape(len(decoded), -1).astype(np.float32)

    def _versions(self) -> Mapping[str, object]:
        return {**super()._versions(), "numbers": "fp64-cpu"}
