"""What clips sound like, by measures of their spectrum, loudness and pitch."""

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.feature_extraction.audio._frame_extractor import FrameExtractor
from mmsk.feature_extraction.audio._spectral import (
    SPECTRAL,
    spectral_series,
    zero_crossing_rate,
)
from mmsk.feature_extraction.audio._spectrum import FrameConfig
from mmsk.feature_extraction.audio._trim import mean_power
from mmsk.feature_extraction.audio._yin import yin

_PITCH = ("f0", "aperiodicity")
FEATURES = (*SPECTRAL, "zero_crossing_rate", "rms", *_PITCH)


class SpectralExtractor(FrameExtractor):
    """Describe clips by measures of their spectrum, loudness and pitch.

    A clip is mixed to one channel, resampled and cut into overlapping frames. Each
    has

    - ``centroid``, ``bandwidth``: the mean and the standard deviation of frequency,
      by the magnitudes of the spectrum, in Hz;
    - ``rolloff``: below it lies the share `roll_percent` of the magnitudes, in Hz;
    - ``flatness``: the geometric over the arithmetic mean of the powers, 1 for white
      noise;
    - ``zero_crossing_rate``: crossings a sample; ``rms``: the root of the mean square;
    - ``f0``: the fundamental frequency by YIN [1]_, in Hz, and ``aperiodicity``: what
      speaks against it, 0 for what repeats itself exactly, about 1 for noise.

    What remains of the frames is a fixed number of statistics of each;
    ``output="sequence"`` keeps the frames themselves, for encoders that are trained.

    The words and definitions are librosa's. Frames without a pitch have an f0 too, as
    there: the median suits it better than the mean. Silence has the f0
    `fmax`, so that clips with much of it are better trimmed (`trim_db`).

    A cell is a path, the bytes of a file, ``(array, sample_rate)``, ``{"array": ...,
    "sampling_rate": ...}``, ``{"bytes": ..., "path": ...}``, or a list of these, whose
    features are pooled. None, NaN and NA are missing cells. The last column of the
    output is 1 where a row has at least one clip, else 0.

    Parameters
    ----------
    sample_rate : int, default=16000
        Rate in Hz to which clips are resampled.
    n_fft : int, default=2048
        Length of a frame in samples.
    hop_length : int, default=512
        Step from frame to frame in samples.
    win_length : int, default=None
        Length of the window in samples, in the middle of the frame; at most `n_fft`,
        which ``None`` stands for.
    window : str or tuple, default="hann"
        A window of `scipy.signal.get_window`.
    center : bool, default=True
        Whether frames are centred on multiples of `hop_length`, with zeros around the
        clip, or start there. Short clips are padded to one frame in any case.
    features : sequence of str, default=all of the above
        Which measures are taken, in this order.
    frame_length : int, default=2048
        Length in samples of the frames of zero crossings, rms and YIN, which needs
        some periods of `fmin`. Their step is `hop_length` as well.
    roll_percent : float, default=0.85
        The share below the roll-off, between 0 and 1.
    fmin, fmax : float, default=65.0, 2093.0
        Lowest and highest fundamental frequency that is looked for, in Hz: C2 to C7.
    trough_threshold : float, default=0.1
        The shortest period whose aperiodicity is below this is that of the pitch;
        without any, the one of least aperiodicity.
    deltas : {0, 1, 2}, default=0
        Up to which derivative over time the measures are followed by theirs.
    output : {"statistics", "sequence"}, default="statistics"
        What a row is: statistics over the frames, or a raw block of the first
        `n_frames` frames of shape ``(n_frames, n_features + 1)``, whose last channel
        is 1 for a frame and 0 for the zeros behind the last one.
    statistics : sequence of str, \
            default=("mean", "std", "median", "q25", "q75")
        Which statistics are taken: some of "mean", "std", "skew", "min", "q25",
        "median", "q75", "max" and "quarters". The last are the means of the clip's
        four quarters, not of derivatives.
    n_frames : int, default=128
        Number of frames of a sequence.
    trim_db : float, default=None
        If given, a clip is cut before the first frame and behind the last whose
        power is less than so many decibels below the loudest, as by
        ``librosa.effects.trim(top_db=trim_db)``.
    cell_pooling : {"mean", "max"}, default="mean"
        How the statistics of several clips in one cell become one row. Their
        sequences follow one another instead.
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
        rows that have one, 0 or NaN. Without any such row the mean is 0. A missing
        sequence is all padding.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable clips above which
        `fit` raises all the same.
    memory : str, os.PathLike or FeatureStore, default=None
        Where features are kept, so that a clip is decoded once in all folds,
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
        If parameters contradict each other.

    See Also
    --------
    MFCCExtractor : The shape of the spectrum.
    mmsk.media.decode_audio : What is decoded, and what is refused.
    mmsk.store.FeatureStore : Keeps features.

    References
    ----------
    .. [1] A. de Cheveigne and H. Kawahara, "YIN, a fundamental frequency estimator for
           speech and music", Journal of the Acoustical Society of America 111(4), 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.audio import SpectralExtractor
    >>> time = np.arange(8000) / 16000
    >>> X = np.empty((2, 1), dtype=object)
    >>> X[0, 0] = np.sin(2 * np.pi * 440 * time), 16000
    >>> X[1, 0] = np.random.default_rng(0).normal(0, 0.1, 8000), 16000
    >>> extractor = SpectralExtractor(
    ...     features=["f0", "flatness"], statistics=["median"]
    ... )
    >>> extractor.fit_transform(X)[0].round(1)
    array([440.3,   0. ,   1. ], dtype=float32)
    >>> extractor.get_feature_names_out().tolist()
    ['x0_f0_median', 'x0_flatness_median', 'modality_present']
    """

    _store_id = "mmsk.SpectralExtractor"
    _store_version = 1

    _parameter_constraints: ClassVar[dict] = {
        **FrameExtractor._parameter_constraints,
        "features": [list, tuple],
        "frame_length": [Interval(Integral, 4, None, closed="left")],
        "roll_percent": [Interval(Real, 0, 1, closed="neither")],
        "fmin": [Interval(Real, 0, None, closed="neither")],
        "fmax": [Interval(Real, 0, None, closed="neither")],
        "trough_threshold": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        sample_rate=16000,
        n_fft=2048,
        hop_length=512,
        win_length=None,
        window="hann",
        center=True,
        features=FEATURES,
        frame_length=2048,
        roll_percent=0.85,
        fmin=65.0,
        fmax=2093.0,
        trough_threshold=0.1,
        deltas=0,
        output="statistics",
        statistics=("mean", "std", "median", "q25", "q75"),
        n_frames=128,
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
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.features = features
        self.frame_length = frame_length
        self.roll_percent = roll_percent
        self.fmin = fmin
        self.fmax = fmax
        self.trough_threshold = trough_threshold
        self.deltas = deltas
        self.output = output
        self.statistics = statistics
        self.n_frames = n_frames
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

    def _series_names(self) -> list[str]:
        return list(self.features)

    def _series(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        series = {}
        if spectral := [name for name in self.features if name in SPECTRAL]:
            series = spectral_series(
                samples, self._frame_config, spectral, self.roll_percent
            )
        config = self._long_frames
        if "zero_crossing_rate" in self.features:
            series["zero_crossing_rate"] = zero_crossing_rate(samples, config)
        if "rms" in self.features:
            power = mean_power(samples, config.n_fft, config.hop_length, config.center)
            series["rms"] = np.sqrt(power)
        if any(name in self.features for name in _PITCH):
            pitch = yin(samples, config, self.fmin, self.fmax, self.trough_threshold)
            series |= pitch._asdict()
        # frames of two lengths may differ in number, by those that are not whole
        n_frames = min(map(len, series.values()))
        return np.stack([series[name][:n_frames] for name in self.features])

    @property
    def _long_frames(self) -> FrameConfig:
        length = self.frame_length
        return replace(self._frame_config, n_fft=length, win_length=length)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown or len(set(self.features)) < len(self.features):
            raise ValueError(
                f"features must be different ones of {FEATURES}, got "
                f"{tuple(self.features)}."
            )
        if not self.features:
            raise ValueError(f"features is empty; choose some of {FEATURES}.")
        if not any(name in self.features for name in _PITCH):
            return
        if not self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError(
                f"Pitch must lie between 0 and half of the sample rate, "
                f"{self.sample_rate / 2:g} Hz: got fmin={self.fmin} and "
                f"fmax={self.fmax}."
            )
        shortest, longest = self.sample_rate // self.fmax, self.sample_rate / self.fmin
        if longest > self.frame_length - 1 or longest - shortest < 2:
            raise ValueError(
                f"A pitch of {self.fmin} to {self.fmax} Hz repeats itself every "
                f"{shortest:g} to {longest:.0f} samples; that must be a range of "
                f"three or more, below frame_length={self.frame_length}. Change fmin, "
                "fmax or frame_length."
            )
