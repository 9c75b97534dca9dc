"""Colours of pictures and where they are."""

from collections.abc import Mapping
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.feature_extraction.image._color import (
    color_histogram,
    color_moments,
    rgb_to_hsv,
)
from mmsk.feature_extraction.image._image_extractor import ImageExtractor

_MOMENTS = ("mean", "sd", "skew")


class ColorExtractor(ImageExtractor):
    r"""Describe pictures by their colours and where they are.

    First the share of pixels in each box of the colour cube. Then, for each cell of
    a grid and each of red, green and blue, the moments [1]_ in units of [0, 1]

    .. math:: \mu = \overline{v}, \qquad \sigma = \overline{(v - \mu)^2}^{1/2},
              \qquad s = \overline{(v - \mu)^3}^{1/3}.

    Cells are those of HOGExtractor: paths, bytes, arrays, ``PIL.Image``, or lists
    of them. The last column of the output is 1 where a row has at least one
    picture, else 0.

    Parameters
    ----------
    size : int, default=96
        Height and width in pixels to which pictures are resized.
    color_space : {"rgb", "hsv"}, default="hsv"
        Axes of the cube. Hue, saturation and value keep a colour in its box when
        the light changes.
    bins : int, default=4
        Bins of each axis; ``bins ** 3`` features. 0: no histogram.
    grid : int, default=2
        Cells along each side for the moments; ``9 * grid ** 2`` features. 0: no
        moments.
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
    ValueError
        If neither histogram nor moments are asked for, or the grid is finer than
        the picture.

    See Also
    --------
    HOGExtractor : Edges, and an RGB histogram.

    References
    ----------
    .. [1] M. Stricker and M. Orengo, "Similarity of Color Images", SPIE Storage and
           Retrieval for Image and Video Databases III, 1995.
    .. [2] M. J. Swain and D. H. Ballard, "Color Indexing", IJCV 7, 1991.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import ColorExtractor
    >>> X = np.empty((1, 1), dtype=object)
    >>> X[0, 0] = np.full((4, 4, 3), (255, 0, 0), dtype=np.uint8)
    >>> row = ColorExtractor(size=4, bins=0, grid=1).fit_transform(X)
    >>> row[0, [0, 3, 6]]
    array([1., 0., 0.], dtype=float32)
    """

    _store_id = "mmsk.ColorExtractor"

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "size": [Interval(Integral, 1, None, closed="left")],
        "color_space": [StrOptions({"rgb", "hsv"})],
        "bins": [Interval(Integral, 0, 256, closed="both")],
        "grid": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        size=96,
        color_space="hsv",
        bins=4,
        grid=2,
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
        self.color_space = color_space
        self.bins = bins
        self.grid = grid
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
        if not self.bins and not self.grid:
            raise ValueError("bins=0 and grid=0 leave no feature: raise one of them.")
        if self.grid > self.size:
            raise ValueError(
                f"grid={self.grid} is finer than a picture of size={self.size}."
            )
        bins, cells = range(self.bins), range(self.grid)
        a, b, c = self.color_space
        return [
            f"color_{a}{i}{b}{j}{c}{k}" for i in bins for j in bins for k in bins
        ] + [
            f"{moment}_{color}_cell_r{row}c{column}"
            for row in cells
            for column in cells
            for color in ("red", "green", "blue")
            for moment in _MOMENTS
        ]

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = np.stack(decoded)
        parts = []
        if self.bins:
            cube = rgb_to_hsv(pictures) if self.color_space == "hsv" else pictures
            parts.append(color_histogram(cube, self.bins))
        if self.grid:
            parts.append(color_moments(pictures, self.grid))
        return np.hstack(parts)

    def _versions(self) -> Mapping[str, object]:
        return {**super()._versions(), "numbers": "fp64-cpu"}
