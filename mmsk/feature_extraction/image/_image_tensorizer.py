"""Pictures as tensors for encoders that are trained."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Block
from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.feature_extraction._cells import FailureLog
from mmsk.feature_extraction.image._image_extractor import ImageExtractor


class ImageTensorizer(ImageExtractor):
    """Hand pictures to an encoder that is trained, as a raw block.

    A row is a picture of shape ``(3, height, width)``, RGB in [0, 1], and the
    presence column. Pictures of several columns stand below each other, ``(3,
    n_columns * height, width)``. Only encoders read a raw block:
    `mmsk.modules.ImageCNN`, `EfficientNetLite`, `ResNet`, in
    IntermediateFusionClassifier for one. Random changes of the pictures in training
    are theirs (`mmsk.modules.ImageAugmenter`), not made here.

    Cells are those of HOGExtractor: paths, bytes, arrays, ``PIL.Image``, or lists
    of them. The last column of the output is 1 where a row has at least one
    picture, else 0.

    Parameters
    ----------
    size : int or (int, int), default=64
        Height and width in pixels to which pictures are resized; the aspect ratio
        is not kept. A row takes ``12 * height * width`` bytes a column: 48 KiB at
        64 pixels, 588 KiB at 224.
    cell_pooling : {"first", "mean"}, default="first"
        Which picture stands for several in one cell: the first that can be used,
        or their mean, pixel by pixel.
    max_block_bytes : int, default=2**30
        A larger result is refused before it is made.
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
        If the result would be larger than `max_block_bytes`.

    See Also
    --------
    PixelExtractor : Pixels as features for any estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import ImageTensorizer
    >>> X = np.empty((2, 1), dtype=object)
    >>> X[0, 0] = np.ones((40, 30))
    >>> tensorizer = ImageTensorizer(size=8)
    >>> tensorizer.fit_transform(X).shape
    (2, 193)
    >>> tensorizer.block_
    Block('', 0:192, indicator=192, image (3, 8, 8))
    """

    _store_id = "mmsk.ImageTensorizer"
    _not_in_key = ImageExtractor._not_in_key | {"max_block_bytes"}

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "size": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "cell_pooling": [StrOptions({"first", "mean"})],
        "missing": [StrOptions({"auto", "zero"})],
        "max_block_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        size=64,
        cell_pooling="first",
        max_block_bytes=2**30,
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
        self.cell_pooling = cell_pooling
        self.max_block_bytes = max_block_bytes
        self.root = root
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    @property
    def _picture_size(self) -> tuple[int, int]:
        size = self.size
        if isinstance(size, Integral):
            return size, size
        if len(size) != 2 or not all(isinstance(s, Integral) and s > 0 for s in size):
            raise ValueError(
                "size must be an int or (height, width), at least 1 each, got "
                f"{size!r}."
            )
        return tuple(size)

    @property
    def block_(self) -> Block:
        """Where the pixels stand, a nameless raw block."""
        check_is_fitted(self)
        height, width = self._picture_size
        n_columns = self.n_features_in_
        stop = 3 * n_columns * height * width
        block = Block("", 0, stop, indicator=stop)
        return replace(block, kind="image", shape=(3, n_columns * height, width))

    def _row_names(self) -> list[str]:
        height, width = self._picture_size
        return [
            f"{color}_r{row}c{column}"
            for color in ("red", "green", "blue")
            for row in range(height)
            for column in range(width)
        ]

    def _feature_lists(self) -> list[list[str]]:
        n_columns = self.n_features_in_
        if n_columns == 1:
            return [self._row_names()]
        height, width = self._picture_size
        return [
            [
                f"{color}_r{row}c{column}"
                for color in ("red", "green", "blue")
                for row in range(n_columns * height)
                for column in range(width)
            ]
        ]

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = np.stack(decoded).transpose(0, 3, 1, 2)
        scaled = pictures.astype(np.float32) / np.float32(255)
        return scaled.reshape(len(decoded), -1)

    def _pool(self, values: list[NDArray[np.float32]]) -> NDArray:
        if self.cell_pooling == "first":
            return values[0]
        return np.mean(values, axis=0, dtype=np.float64)

    def _output(
        self, cells: NDArray[np.object_], log: FailureLog
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        height, width = self._picture_size
        n_bytes = 4 * len(cells) * (3 * cells.shape[1] * height * width + 1)
        if n_bytes > self.max_block_bytes:
            raise ValueError(
                f"{len(cells)} rows of {cells.shape[1]} pictures of {height} x {width} "
                f"pixels take {n_bytes} bytes, more than max_block_bytes="
                f"{self.max_block_bytes}. Make size smaller, take fewer rows, or raise "
                "max_block_bytes."
            )
        return super()._output(cells, log)

    def _learn_fill(
        self,
        output: NDArray[np.float32],
        present: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        fill = super()._learn_fill(output, present, weights)
        # one value a channel: the mean picture would be seen as a picture
        channels = fill.reshape(present.shape[1], 3, -1)
        means = channels.mean(axis=2, dtype=np.float64, keepdims=True)
        return np.broadcast_to(means, channels.shape).astype(np.float32).ravel()

    def _filled(
        self, output: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        output = super()._filled(output, present)
        n_columns = present.shape[1]
        if n_columns == 1:
            return output
        # (n, columns, 3, pixels) to (n, 3, columns, pixels), a few rows at a time
        for start in range(0, len(output), 64):
            rows = output[start : start + 64, :-1]
            apart = rows.reshape(len(rows), n_columns, 3, -1)
            rows[:] = apart.swapaxes(1, 2).reshape(len(rows), -1)
        return output

    def _versions(self) -> Mapping[str, object]:
        return {**super()._versions(), "numbers": "fp32-cpu"}
