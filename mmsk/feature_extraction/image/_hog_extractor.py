"""Edges and colours of pictures."""

from collections.abc import Mapping
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.feature_extraction.image._color import color_histogram
from mmsk.feature_extraction.image._hog import hog
from mmsk.feature_extraction.image._image_extractor import ImageExtractor


class HOGExtractor(ImageExtractor):
    r"""Describe pictures by their edges and colours, without pretrained weights.

    A picture is resized to a square and cut into cells. In each cell the
    directions of the grey level's differences are counted, weighted by their
    size: a histogram of oriented gradients (HOG) [1]_. Overlapping blocks
    :math:`v` of cells are normalised twice, to
    :math:`\min(v / \|v\|_2, 0.2)` and to unit length again (L2-Hys). At each pixel
    the colour channel with the steepest difference counts. Behind them stands the
    share of pixels in each box of the RGB cube.

    A cell is a path, the bytes of a file, a ``PIL.Image``, an array of shape
    (H, W), (H, W, 3) or (H, W, 4), ``{"bytes": ..., "path": ...}``, or a list of
    these, whose features are pooled. None, NaN and NA are missing cells. The last
    column of the output is 1 where a row has at least one picture, else 0.

    Parameters
    ----------
    size : int, default=96
        Height and width in pixels to which pictures are resized.
    orientations : int, default=9
        Number of bins of the edges' direction, from 0 to 180 degrees.
    pixels_per_cell : int, default=16
        Side of a cell in pixels.
    cells_per_block : int, default=2
        Side of a block in cells; neighbouring blocks share all but one row.
    color_bins : int, default=4
        Bins of each colour channel; ``color_bins ** 3`` features. 0: no colours.
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
        rows that have one, 0 or NaN. Without any such row the mean is 0.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable pictures above which
        `fit` raises all the same.
    memory : str, os.PathLike or FeatureStore, default=None
        Where features are kept, so that a picture is decoded once in all folds,
        candidates and processes. ``None``: nowhere. The features of a derived
        class are kept only if it has a ``_store_id`` of its own.
    n_jobs : int, default=None
        Number of threads that decode. ``None`` is 1 unless in a
        ``joblib.parallel_config`` context.

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
        If `size` is smaller than one block.

    See Also
    --------
    mmsk.media.decode_image : What is decoded, and what is refused.
    mmsk.store.FeatureStore : Keeps features.

    References
    ----------
    .. [1] N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human
           Detection", CVPR, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import HOGExtractor
    >>> stripes = np.zeros((32, 32), dtype=np.uint8)
    >>> stripes[:, ::8] = 255
    >>> X = np.empty((3, 1), dtype=object)
    >>> X[:2, 0] = [stripes, stripes.T]
    >>> extractor = HOGExtractor(size=32, color_bins=0)
    >>> extractor.fit_transform(X).shape
    (3, 37)
    >>> extractor.transform(X)[:, -1]
    array([1., 1., 0.], dtype=float32)
    """

    _store_id = "mmsk.HOGExtractor"

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "size": [Interval(Integral, 1, None, closed="left")],
        "orientations": [Interval(Integral, 1, None, closed="left")],
        "pixels_per_cell": [Interval(Integral, 1, None, closed="left")],
        "cells_per_block": [Interval(Integral, 1, None, closed="left")],
        "color_bins": [Interval(Integral, 0, 256, closed="both")],
    }

    def __init__(
        self,
        *,
        size=96,
        orientations=9,
        pixels_per_cell=16,
        cells_per_block=2,
        color_bins=4,
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
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.color_bins = color_bins
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
        blocks = self.size // self.pixels_per_cell - self.cells_per_block + 1
        if blocks < 1:
            raise ValueError(
                f"size={self.size} is smaller than one block of "
                f"{self.cells_per_block} cells of {self.pixels_per_cell} pixels. Make "
                "it at least their product."
            )
        count = blocks**2 * self.cells_per_block**2 * self.orientations
        bins = range(self.color_bins)
        colors = [f"color_r{r}g{g}b{b}" for r in bins for g in bins for b in bins]
        return [f"hog_{position}" for position in range(count)] + colors

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = np.stack(decoded)
        parts = [
            hog(
                pictures,
                self.orientations,
                self.pixels_per_cell,
                self.cells_per_block,
            )
        ]
        if self.color_bins:
            parts.append(color_histogram(pictures, self.color_bins))
        return np.hstack(parts)

    def _versions(self) -> Mapping[str, object]:
        return {**super()._versions(), "numbers": "fp64-cpu"}
