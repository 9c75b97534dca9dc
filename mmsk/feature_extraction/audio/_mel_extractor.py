"""What clips sound like, by their mel spectrogram."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.audio._mel_base import MelFrameExtractor
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from mmsk.feature_extraction.audio._mfcc import power_to_db


class MelSpectrogramExtractor(MelFrameExtractor):
    """Describe clips by their mel spectrograms.

    A clip is mixed to one channel, resampled and cut into overlapping frames. The
    power spectrum of each frame is summed by triangular filters on the mel scale [1]_
    and taken in decibels. What remains of the frames is a fixed number of statistics
    of each filter; ``output="sequence"`` keeps the frames themselves, the picture that
    a spectrogram is, for encoders that are trained.

    The words and defaults are librosa's, and so are the powers, to 1e-5 of the
    largest. Frames of 2048 samples suit music and noises; speech is better described
    by shorter ones, such as ``n_fft=512, hop_length=160, n_mels=40`` at 16 kHz.

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
    n_mels : int, default=128
        Number of mel filters.
    fmin : float, default=0.0
        Lower edge of the lowest filter in Hz.
    fmax : float, default=None
        Upper edge of the highest filter in Hz, at most half of `sample_rate`, which
        ``None`` stands for.
    htk : bool, default=False
        Whether mels are those of HTK, else those of Slaney's Auditory Toolbox.
    norm : {"slaney", None}, default="slaney"
        Whether filters have equal areas or equal heights.
    power : float, default=2.0
        Exponent of the magnitudes, above 0 and at most 2.
    decibels : bool, default=True
        Whether powers are taken in decibels, as by ``librosa.power_to_db``.
    top_db : float, default=80.0
        How many decibels below the clip's loudest value the others are cut off.
        ``None``: nowhere above -100 dB. Without effect if not `decibels`.
    deltas : {0, 1, 2}, default=0
        Up to which derivative over time the filters are followed by theirs.
    output : {"statistics", "sequence"}, default="statistics"
        What a row is: statistics over the frames, or a raw block of the first
        `n_frames` frames of shape ``(n_frames, n_features + 1)``, whose last channel
        is 1 for a frame and 0 for the zeros behind the last one.
    statistics : sequence of str, default=("mean", "std", "quarters")
        Which statistics are taken: some of "mean", "std", "skew", "min", "q25",
        "median", "q75", "max" and "quarters". The last are the means of the clip's
        four quarters, not of their derivatives.
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
    MFCCExtractor : Its shape, apart from its pitch.
    mmsk.media.decode_audio : What is decoded, and what is refused.
    mmsk.store.FeatureStore : Keeps features.

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox", Technical Report 1998-010, Interval Research
           Corporation, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.audio import MelSpectrogramExtractor
    >>> time = np.arange(8000) / 16000
    >>> X = np.empty((2, 1), dtype=object)
    >>> X[0, 0] = np.sin(2 * np.pi * 440 * time), 16000
    >>> X[1, 0] = np.sin(2 * np.pi * 880 * time)[:4000], 16000
    >>> extractor = MelSpectrogramExtractor(n_mels=40, statistics=["mean"])
    >>> extractor.fit_transform(X)[:, :-1].argmax(axis=1)  # the loudest filter
    array([ 5, 11])
    >>> extractor = MelSpectrogramExtractor(n_mels=40, output="sequence", n_frames=20)
    >>> rows = extractor.fit_transform(X)
    >>> extractor.block_
    Block('', 0:820, indicator=820, sequence (20, 41))
    >>> rows[:, :-1].reshape(2, 20, 41)[:, :, -1].sum(axis=1)  # frames
    array([16.,  8.], dtype=float32)
    """

    _store_id = "mmsk.MelSpectrogramExtractor"
    _store_version = 3

    _parameter_constraints: ClassVar[dict] = {
        **MelFrameExtractor._parameter_constraints,
        "decibels": ["boolean"],
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
        n_mels=128,
        fmin=0.0,
        fmax=None,
        htk=False,
        norm="slaney",
        power=2.0,
        decibels=True,
        top_db=80.0,
        deltas=0,
        output="statistics",
        statistics=("mean", "std", "quarters"),
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
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.htk = htk
        self.norm = norm
        self.power = power
        self.decibels = decibels
        self.top_db = top_db
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
        return [f"mel_{position}" for position in range(self.n_mels)]

    def _series(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        mel = mel_spectrogram(samples, self._config_of_mel)
        return power_to_db(mel, self.top_db) if self.decibels else mel

    @property
    def _is_precise(self) -> bool:
        return self.decibels and super()._is_precise
