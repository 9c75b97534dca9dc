"""What is in pictures: detected objects as features."""

import os
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mmsk._utils._param_validation import Interval
from mmsk.exceptions import StoreWarning
from mmsk.feature_extraction.image._detector import FolderDetector, detector_digest
from mmsk.feature_extraction.image._image_extractor import ImageExtractor
from mmsk.feature_extraction.image._regions import Regions, as_regions, describe
from mmsk.media import decode_image, resize_image

_OF_A_CLASS = ("count", "area", "score")
_OF_ALL = ("regions_count", "regions_area", "regions_score")


class RegionExtractor(ImageExtractor):
    """Describe pictures by the objects that a detector finds in them.

    For each class the number of regions, the share of the picture that they cover
    together (by their masks where there are some, else by their boxes), and the
    best score; the same over all classes; and, with an `embedder`, the mean of its
    features over the regions, cut out of the picture.

    Cells are those of HOGExtractor: paths, bytes, arrays, ``PIL.Image``, or lists
    of them. The last column of the output is 1 where a row has at least one
    picture, else 0.

    Parameters
    ----------
    detector : callable, str or os.PathLike
        A callable takes one picture, uint8 of shape (H, W, 3), and returns a
        mapping with ``"boxes"`` of shape (k, 4), left, top, right and bottom in
        pixels; ``"labels"``, k of them; and if there are any ``"scores"`` of shape
        (k,) in [0, 1] (else 1) and ``"masks"`` of shape (k, H, W), true inside.
        Arrays, tensors or lists. Or a folder with a detection model of
        ``transformers`` (extra ``pretrained``), saved by ``save_pretrained``.
    classes : list of str or int, default=None
        The labels to describe, others count among all. ``None``: those of the
        folder's model; a callable needs them.
    score_threshold : float, default=0.5
        Regions below are not used.
    embedder : image extractor, default=None
        For example a CNNExtractor; its own cell parameters are not used.
    max_side_px : int, default=640
        Larger pictures are shrunk to this longer side before detection.
    store_id : str, default=None
        Name under which rows of a callable are stored; change it when the callable
        finds something else. Without it they are not stored.
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
        If the detector returns something else, or classes are not given.
    ImportError
        If the folder's library is not installed.

    References
    ----------
    .. [1] N. Carion et al., "End-to-End Object Detection with Transformers", ECCV,
           2020.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import RegionExtractor
    >>> def find_light(picture):
    ...     rows, columns = np.nonzero(picture.max(axis=2) > 200)
    ...     box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    ...     return {"boxes": [box], "labels": ["light"]}
    >>> X = np.empty((1, 1), dtype=object)
    >>> X[0, 0] = np.pad(np.ones((4, 4)), 2)
    >>> extractor = RegionExtractor(find_light, classes=["light"])
    >>> extractor.fit_transform(X)
    array([[1.  , 0.25, 1.  , 1.  , 0.25, 1.  , 1.  ]], dtype=float32)
    >>> extractor.get_feature_names_out()[:3]
    array(['x0_light_count', 'x0_light_area', 'x0_light_score'], dtype=object)
    """

    _store_id = "mmsk.RegionExtractor"
    _not_in_key = ImageExtractor._not_in_key | {"detector", "embedder", "store_id"}

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "detector": [callable, str, os.PathLike],
        "classes": [list, tuple, None],
        "score_threshold": [Interval(Real, 0, 1, closed="both")],
        "embedder": [ImageExtractor, None],
        "max_side_px": [Interval(Integral, 1, None, closed="left")],
        "store_id": [str, None],
    }

    def __init__(
        self,
        detector,
        *,
        classes=None,
        score_threshold=0.5,
        embedder=None,
        max_side_px=640,
        store_id=None,
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
        self.detector = detector
        self.classes = classes
        self.score_threshold = score_threshold
        self.embedder = embedder
        self.max_side_px = max_side_px
        self.store_id = store_id
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
        names = [f"{label}_{what}" for label in self._labels() for what in _OF_A_CLASS]
        names += _OF_ALL
        if self.embedder is not None:
            embedder = self._embedder()
            names += [f"regions_{name}" for name in embedder._row_names()]
        return names

    def _decode(self, content: bytes | NDArray) -> NDArray[np.uint8]:
        picture = decode_image(
            content,
            target_size=self.max_side_px,
            max_pixels=self.max_pixels,
            max_bytes=self.max_bytes,
        )
        height, width = picture.shape[:2]
        shrink = self.max_side_px / max(height, width)
        if shrink >= 1:
            return picture
        return resize_image(
            picture, [max(1, round(side * shrink)) for side in (height, width)]
        )

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        detect, embedder = self._detector(), self._embedder()
        rows = []
        for picture in decoded:
            regions = as_regions(detect(picture), picture.shape[:2])
            regions = regions.above(self.score_threshold)
            row = describe(regions, self._labels())
            if embedder is not None:
                row = np.concatenate([row, _embedded(embedder, picture, regions)])
            rows.append(row)
        return np.stack(rows).astype(np.float32)

    def _versions(self) -> Mapping[str, object]:
        embedder = self._embedder()
        libraries = () if callable(self.detector) else ("torch", "transformers")
        return {
            **super()._versions(),
            **{name: version(name) for name in libraries},
            "detector": detector_digest(self.detector, self.store_id),
            "embedder": embedder and embedder._config(type(embedder)._store_id),
            "numbers": "fp32-cpu",
        }

    @property
    def _has_key(self) -> bool:
        named = self.store_id is not None or not callable(self.detector)
        embedded = self.embedder is None or self.embedder._has_key
        return super()._has_key and named and embedded

    def _source(self):
        # before threads need them, and parameters may have changed
        self.__dict__.pop("_made_embedder", None)
        self._embedder()
        self._detector()
        source = super()._source()
        if source.store is not None and not self._has_key:
            warnings.warn(
                "Features of a detector of your own are not stored without store_id=, "
                "nor those of an embedder without a key.",
                StoreWarning,
                stacklevel=2,
            )
            source.store = None
        return source

    def _labels(self) -> list:
        if self.classes is not None:
            labels = list(self.classes)
        elif callable(self.detector):
            raise ValueError("classes= must name the labels that the detector returns.")
        else:
            labels = self._detector().labels
        if len(set(labels)) < len(labels):
            raise ValueError(f"classes must differ, got {labels}.")
        return labels

    def _detector(self) -> Any:
        """Return the callable; a folder's model is loaded when its content changes."""
        if callable(self.detector):
            return self.detector
        digest = detector_digest(self.detector, None)
        if self.__dict__.get("_made_detector", (None,))[0] != digest:
            self._made_detector = digest, FolderDetector(self.detector)
        return self._made_detector[1]

    def _embedder(self) -> ImageExtractor | None:
        """Return a fitted copy of the embedder."""
        if self.embedder is None:
            return None
        if "_made_embedder" not in self.__dict__:
            blank = np.empty((1, 1), dtype=object)
            blank[0, 0] = np.zeros((8, 8, 3), dtype=np.uint8)
            self._made_embedder = (
                clone(self.embedder).set_params(memory=None).fit(blank)
            )
        return self._made_embedder

    def __getstate__(self):
        state = super().__getstate__()
        made = ("_made_detector", "_made_embedder")
        return {name: value for name, value in state.items() if name not in made}


def _embedded(
    embedder: Any, picture: NDArray[np.uint8], regions: Regions
) -> NDArray[np.float64]:
    """Return the mean features of the regions of one picture, zeros without any."""
    cut = [
        resize_image(picture[rows, columns], embedder._picture_size)
        for rows, columns in regions.windows()
    ]
    if not cut:
        return np.zeros(len(embedder._row_names()))
    # one by one: a region's features must not depend on how many there are
    return np.mean([embedder._extract([each])[0] for each in cut], 0, dtype=np.float64)
