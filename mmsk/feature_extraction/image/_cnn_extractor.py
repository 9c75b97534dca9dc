"""Features of pictures from a convolutional net that is not trained here."""

import os
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.exceptions import StoreWarning
from mmsk.feature_extraction._cells import RowExtractor
from mmsk.feature_extraction.image._backbones import (
    BACKBONES,
    default_side,
    load_net,
    n_channels,
    weights_digest,
)
from mmsk.feature_extraction.image._image_extractor import ImageExtractor
from mmsk.feature_extraction.image._net_settings import NetSettings

if TYPE_CHECKING:
    import torch

    from mmsk.feature_extraction.image._frozen_net import FrozenNet

_SIDE = 224


class CNNExtractor(ImageExtractor):
    """Describe pictures by what a pretrained convolutional net sees in them.

    A picture is resized to a square (its aspect ratio is not kept) and goes through
    the net up to a layer, whose feature map is averaged over positions. Nothing is
    trained: see `mmsk.modules.EfficientNetLite` and `mmsk.modules.ResNet` for nets
    that are.

    Cells are those of HOGExtractor: paths, bytes, arrays, ``PIL.Image``, or lists
    of them. The last column of the output is 1 where a row has at least one
    picture, else 0.

    Parameters
    ----------
    backbone : str, Module or callable, default="efficientnet_lite0"
        ``"efficientnet_lite0"``, ``"efficientnet_lite1"``, ``"efficientnet_lite2"``
        (1280 features each; pictures of 224, 240 and 260 pixels, scaled as
        ``(v - 127) / 128``), ``"resnet18"`` or ``"resnet50"`` (512 and 2048
        features; 224 pixels, standardised by ImageNet's means and deviations).
        Or a torch module, or any callable, that takes RGB in [0, 1] of shape
        ``(n, 3, H, W)``, scales it itself, and returns ``(n, n_features)`` or a
        feature map; a module is copied and runs in evaluation mode.
    weights : "auto", str, os.PathLike or None, default="auto"
        ``"auto"``: those of the installed package (extra ``pretrained``); for a
        backbone of your own, its own. A path: a state dict in a ``.pth`` or
        ``.safetensors`` file under the published names. ``None``: drawn at random
        from `random_state`; on simple pictures such features may do as well.
    pooling : {"avg", "max", "avg_max"}, default="avg"
        How the positions of a feature map become one: their mean, their maximum,
        or both.
    layer : str, default=None
        Where to stop: ``"stem"``, ``"blocks.0"`` to the last block or ``"head"`` of
        an EfficientNet-Lite, ``"stem"``, ``"layer1"`` to ``"layer4"`` or a block of
        them (``"layer2.0"``) of a ResNet, the name of a submodule of your own.
        ``None``: the last feature map. Early layers see textures and colours.
    size : int, default=None
        Height and width in pixels to which pictures are resized. ``None``: the
        size that the net was trained on, 224 for one of your own. The time goes
        with its square.
    backend : {"torch", "onnxruntime"}, default="torch"
        What computes a built-in net. ``"onnxruntime"`` (extra ``onnx``) is faster
        on most processors, agrees to 1e-5 and knows the CPU alone.
    device : str, default="auto"
        Where the net computes: a name that torch knows, such as ``"cpu"`` or
        ``"cuda:1"``. ``"auto"`` takes cuda, mps or cpu, whichever is there first. A
        module of your own is copied there; a callable chooses for itself.
    batch_size : int, default=4
        Pictures that go through the net together. The last batch is filled up, so
        that a row depends on its picture alone, to the last bit; 1 answers soonest
        for a single row, 4 is a quarter faster for many.
    cell_pooling : {"mean", "max"}, default="mean"
        How the features of several pictures in one cell become one row.
    store_id : str, default=None
        Name under which rows of a backbone of your own are stored; change it when
        the backbone computes something else. The weights of a module count too.
        Without it they are not stored.
    random_state : int, default=0
        Seed of the weights where ``weights=None``.
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
        Where features are kept, so that a picture goes through the net once in all
        folds, candidates and processes. Their key holds a digest of the weights.
    n_jobs : int, default=None
        Number of threads, each with one torch thread, which is faster than two
        torch threads. ``None`` is 1 unless in a ``joblib.parallel_config`` context.

    Attributes
    ----------
    weights_digest_ : str
        SHA-256 of the weights, hexadecimal. They are not in a pickle: they are
        loaded again, and must still have this digest.
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
    ImportError
        If the package of the weights, or the backend, is not installed; says what
        to install.
    MediaError
        If a picture cannot be used and ``on_error="raise"``, or too many cannot.
    ValueError
        If there is no such layer, or the weights are another net's.

    See Also
    --------
    HOGExtractor : Edges and colours, without a net.
    ImageTensorizer : Pixels for an encoder that is trained.

    References
    ----------
    .. [1] M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for
           Convolutional Neural Networks", ICML, 2019.
    .. [2] K. He et al., "Deep Residual Learning for Image Recognition", CVPR,
           2016.
    .. [3] A. S. Razavian et al., "CNN Features off-the-shelf: an Astounding
           Baseline for Recognition", CVPR Workshops, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.image import CNNExtractor
    >>> X = np.empty((2, 1), dtype=object)
    >>> X[:, 0] = [np.zeros((8, 8)), np.ones((8, 8))]
    >>> extractor = CNNExtractor("resnet18", weights=None, size=32, layer="layer1")
    >>> extractor.fit_transform(X).shape
    (2, 65)
    """

    _store_id = "mmsk.CNNExtractor"
    _store_version = 3  # the order of sums in the torch backend
    _not_in_key = RowExtractor._not_in_key | {
        "backbone",
        "device",
        "random_state",
        "store_id",
        "weights",
    }

    _parameter_constraints: ClassVar[dict] = {
        **ImageExtractor._parameter_constraints,
        "backbone": [StrOptions(set(BACKBONES)), callable],
        "weights": [str, os.PathLike, None],
        "pooling": [StrOptions({"avg", "max", "avg_max"})],
        "layer": [str, None],
        "size": [Interval(Integral, 1, None, closed="left"), None],
        "backend": [StrOptions({"torch", "onnxruntime"})],
        "device": [str],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "store_id": [str, None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        backbone="efficientnet_lite0",
        *,
        weights="auto",
        pooling="avg",
        layer=None,
        size=None,
        backend="torch",
        device="auto",
        batch_size=4,
        cell_pooling="mean",
        store_id=None,
        random_state=0,
        root=None,
        max_pixels=50_000_000,
        max_bytes=64 * 2**20,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        memory=None,
        n_jobs=None,
    ):
        self.backbone = backbone
        self.weights = weights
        self.pooling = pooling
        self.layer = layer
        self.size = size
        self.backend = backend
        self.device = device
        self.batch_size = batch_size
        self.cell_pooling = cell_pooling
        self.store_id = store_id
        self.random_state = random_state
        self.root = root
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    def _fit(self, X, sample_weight):
        self._resolved(fitted=False)  # what is fitted works on, wherever it is loaded
        self.weights_digest_ = self._digest()
        return super()._fit(X, sample_weight)

    def _row_names(self) -> list[str]:
        width = self._users_net().width if self._is_users else self._built_in_width()
        return [f"cnn_{position}" for position in range(width)]

    def _extract(self, decoded: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return self._net()(np.stack(decoded))

    def _versions(self) -> Mapping[str, object]:
        backbone = {"users": self.store_id} if self._is_users else self.backbone
        prefix = "onnx-" if self.backend == "onnxruntime" else ""
        return {
            **super()._versions(),
            self.backend: version(self.backend),
            "backbone": backbone,
            "weights": self._known_digest(),
            "numbers": f"{prefix}fp32-{self._device.type}",
        }

    def _source(self):
        if self._is_users:
            self._make_users_net()  # parameters or the module may have changed
        self._net()  # before threads need it
        source = super()._source()
        if source.store is not None and not self._has_key:
            warnings.warn(
                "Features of a backbone of your own are not stored without store_id=.",
                StoreWarning,
                stacklevel=2,
            )
            source.store = None
        return source

    @property
    def _has_key(self) -> bool:
        return super()._has_key and (not self._is_users or self.store_id is not None)

    @property
    def _is_users(self) -> bool:
        return not isinstance(self.backbone, str)

    @property
    def _picture_size(self) -> tuple[int, int]:
        if self.size is not None:
            return self.size, self.size
        side = _SIDE if self._is_users else default_side(self.backbone)
        return side, side

    @property
    def _device(self) -> "torch.device":
        return self._resolved(fitted=hasattr(self, "weights_digest_"))

    def _resolved(self, *, fitted: bool) -> "torch.device":
        import torch

        from mmsk._utils._device import resolve_device

        if self.backend == "onnxruntime":
            if self.device not in ("auto", "cpu"):
                raise ValueError(
                    f"backend='onnxruntime' computes on the CPU, got device="
                    f"{self.device!r}: use backend='torch'."
                )
            return torch.device("cpu")
        return resolve_device(self.device, torch.float32, fitted=fitted)

    def _built_in_width(self) -> int:
        channels = n_channels(self.backbone, self.layer)
        return 2 * channels if self.pooling == "avg_max" else channels

    def _digest(self) -> str:
        if not self._is_users:
            return weights_digest(self.backbone, self.weights, self.random_state)
        if not (isinstance(self.weights, str) and self.weights == "auto"):
            raise ValueError(
                "weights= is for the built-in backbones; one of your own has its own."
            )
        if self.backend != "torch":
            raise ValueError(
                f"backend={self.backend!r} is for the built-in backbones; make one of "
                "your own run as you like."
            )
        from mmsk.feature_extraction.image._state_digest import state_digest

        return state_digest(self.backbone)

    def _net(self) -> "FrozenNet":
        if self._is_users:
            return self._users_net()
        settings = NetSettings(
            self.backbone,
            self.layer,
            self.pooling,
            self._picture_size[0],
            self.batch_size,
            self.backend,
            str(self._device),
        )
        return load_net(settings, self.weights, self.random_state, self._known_digest())

    def _known_digest(self) -> str:
        """Return the digest of the fit; a module of the user's may have changed."""
        if self._is_users or not hasattr(self, "weights_digest_"):
            return self._digest()
        return self.weights_digest_

    def _users_net(self) -> "FrozenNet":
        """Return the net of the user's backbone as it was when this call began."""
        if "_own_net" not in self.__dict__:
            self._make_users_net()
        return self._own_net

    def _make_users_net(self) -> None:
        from mmsk.feature_extraction.image._frozen_net import users_net

        self._digest()  # says what cannot be, before anything is computed
        self._own_net = users_net(
            self.backbone,
            self.layer,
            self.pooling,
            self._picture_size[0],
            self.batch_size,
            self._device,
        )

    def __getstate__(self):
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_own_net"}

    def __repr__(self, N_CHAR_MAX=700):
        text = super().__repr__(N_CHAR_MAX)
        if self._is_users or self.weights is not None:
            return text
        return f"{text} with random weights of seed {self.random_state}"
