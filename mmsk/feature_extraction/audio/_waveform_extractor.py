"""Clips described by a function of the user's."""

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.exceptions import MediaError, StoreWarning
from mmsk.feature_extraction._cells import RowExtractor
from mmsk.feature_extraction.audio._audio_extractor import AudioExtractor


class WaveformExtractor(AudioExtractor):
    """Describe clips by a function of their waveforms.

    The function is any callable, a pretrained net or an acoustic feature set for
    example: it takes a float32 array of shape (n, n_samples) at `sample_rate`, full
    scale 1, and returns one of shape (n, n_values).

    A cell is a path, the bytes of a file, ``(array, sample_rate)``, ``{"array": ...,
    "sampling_rate": ...}``, ``{"bytes": ..., "path": ...}``, or a list of these, whose
    features are pooled. None, NaN and NA are missing cells. The last column of the
    output is 1 where a row has at least one clip, else 0.

    Parameters
    ----------
    func : callable
        From waveforms of shape (n, n_samples) to finite numbers of shape
        (n, n_values). A row must depend on its own waveform alone, and on nothing
        random.
    store_id : str, default=None
        What the function is called in the store: name and version, such as
        ``"voice-net 1.2"``. A different function needs a different name. ``None``:
        what it computes is not stored.
    feature_names : sequence of str, default=None
        Names of the values. ``None``: ``"value_0"`` and so on, as many as the
        function returns for a second of silence.
    sample_rate : int, default=16000
        Rate in Hz to which clips are resampled.
    n_samples : int, default=None
        Length to which waveforms are cut, or filled up with zeros behind. ``None``:
        that of the clip.
    batch_size : int, default=1
        How many waveforms the function gets at once, always as many: an incomplete
        batch is filled up with repeats, so that a value never depends on what came
        with it. More than 1 needs `n_samples`.
    trim_db : float, default=None
        If given, a clip is cut before the first frame and behind the last whose
        power is less than so many decibels below the loudest, as by
        ``librosa.effects.trim(top_db=trim_db)``.
    cell_pooling : {"mean", "max"}, default="mean"
        How the values of several clips in one cell become one row.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave. One that is not there is an error whatever `on_error` says; where the
        files have moved, ``set_params(root=...)`` suits a fitted extractor too.
    max_seconds : float, default=600
        Longer clips are refused before they are decoded.
    max_values : int, default=64 * 2**20
        Clips of more samples times channels are refused.
    max_bytes : int, default=64 * 2**20
        Files of more bytes are refused.
    on_error : {"raise", "missing"}, default="raise"
        Whether a clip that cannot be used stops with a `MediaError` that names
        its column, row and path, or is treated as missing, with one warning.
    missing : {"auto", "zero", "nan"}, default="auto"
        What stands in the features of a missing cell: the mean over the training
        rows that have one, 0 or NaN. Without any such row the mean is 0.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable clips above which
        `fit` raises all the same.
    memory : str, os.PathLike or FeatureStore, default=None
        Where features are kept, so that a clip is decoded once in all folds,
        candidates and processes. ``None``: nowhere. Without `store_id` nothing is
        kept.
    n_jobs : int, default=None
        Number of threads that decode and call `func`, which must allow it. ``None``
        is 1 unless in a ``joblib.parallel_config`` context.

    Attributes
    ----------
    fill_ : float32 ndarray of shape (n_features_out - 1,)
        What stands in the features of missing cells.
    failures_ : list of (row, column, path, code)
        The clips that the last `fit` or `transform` treated as missing because
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
        If a clip cannot be used and ``on_error="raise"``, or too many cannot.
    ValueError
        If parameters contradict each other, or the function returns something else.

    See Also
    --------
    mmsk.media.decode_audio : What is decoded, and what is refused.
    mmsk.store.FeatureStore : Keeps features.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.audio import WaveformExtractor
    >>> def loudness(waveforms):
    ...     return np.sqrt((waveforms**2).mean(axis=1, keepdims=True))
    >>> X = np.empty((2, 1), dtype=object)
    >>> X[0, 0] = np.full(8000, 0.5), 16000
    >>> X[1, 0] = np.full(100, -0.25), 16000
    >>> WaveformExtractor(loudness, store_id="loudness 1").fit_transform(X)
    array([[0.5 , 1.  ],
           [0.25, 1.  ]], dtype=float32)
    """

    _store_id = "mmsk.WaveformExtractor"
    _not_in_key = AudioExtractor._not_in_key | {"func", "feature_names"}

    _parameter_constraints: ClassVar[dict] = {
        **AudioExtractor._parameter_constraints,
        "func": [callable],
        "store_id": [str, None],
        "feature_names": [list, tuple, np.ndarray, None],
        "n_samples": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        func: Callable[[NDArray[np.float32]], Any],
        *,
        store_id=None,
        feature_names=None,
        sample_rate=16000,
        n_samples=None,
        batch_size=1,
        trim_db=None,
        cell_pooling="mean",
        root=None,
        max_seconds=600,
        max_values=64 * 2**20,
        max_bytes=64 * 2**20,
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        memory=None,
        n_jobs=None,
    ):
        self.func = func
        self.store_id = store_id
        self.feature_names = feature_names
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.batch_size = batch_size
        self.trim_db = trim_db
        self.cell_pooling = cell_pooling
        self.root = root
        self.max_seconds = max_seconds
        self.max_values = max_values
        self.max_bytes = max_bytes
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    def _fit(self, X: Any, sample_weight: Any) -> NDArray[np.float32]:
        if self.batch_size > 1 and self.n_samples is None:
            raise ValueError(
                f"batch_size={self.batch_size} waveforms at once need one length: pass "
                "n_samples=, or batch_size=1."
            )
        self._n_values = self._count_values()
        return super()._fit(X, sample_weight)

    def _count_values(self) -> int:
        if self.feature_names is not None:
            return len(self.feature_names)
        silence = np.zeros(self.n_samples or self.sample_rate, dtype=np.float32)
        return self._call([silence]).shape[1]

    def _row_names(self) -> list[str]:
        if self.feature_names is not None:
            return [str(name) for name in self.feature_names]
        return [f"value_{position}" for position in range(self._n_values)]

    def _decode(self, content: bytes) -> NDArray[np.float32]:
        samples = super()._decode(content)
        if self.n_samples is None:
            return samples
        waveform = np.zeros(self.n_samples, dtype=np.float32)
        used = samples[: self.n_samples]
        waveform[: len(used)] = used
        return waveform

    def _compute(self, contents: list) -> list[NDArray[np.float32] | MediaError]:
        if self.n_samples is None:
            return super()._compute(contents)
        return RowExtractor._compute(self, contents)

    def _extract(self, decoded: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        rows = self._call(decoded)
        n_values = len(self._row_names())
        if rows.shape[1] != n_values:
            raise ValueError(
                f"func returned {rows.shape[1]} values a waveform where {n_values} "
                "were expected; it must be as many for each, and for each name in "
                "feature_names."
            )
        return rows

    def _call(self, waveforms: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        n = len(waveforms)
        repeats = [waveforms[-1]] * (self.batch_size - n)
        rows = np.asarray(self.func(np.stack([*waveforms, *repeats])))
        if (
            rows.ndim != 2
            or len(rows) != n + len(repeats)
            or rows.dtype.kind not in "biuf"
        ):
            raise ValueError(
                f"func must return numbers of shape (n, n_values), got {rows.dtype} of "
                f"shape {rows.shape} for {n + len(repeats)} waveforms."
            )
        rows = rows[:n].astype(np.float32)
        if not np.isfinite(rows).all():
            raise ValueError(
                "func returned NaN, infinity or what is beyond float32 for a clip of "
                f"{len(waveforms[0])} samples; return finite numbers for every clip."
            )
        return rows

    def _schedule(self) -> dict[str, int | None]:
        return {**super()._schedule(), "batch_size": self.batch_size}

    def _source(self):
        if not hasattr(self, "_n_values"):  # to be warmed, not fitted
            self._n_values = self._count_values()
        source = super()._source()
        if self.store_id is None and source.store is not None:
            warnings.warn(
                "What a function of your own computes is not stored without store_id=, "
                "a name and version that nothing else has.",
                StoreWarning,
                stacklevel=2,
            )
            source.store = None
        return source
