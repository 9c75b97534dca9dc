"""What clips sound like, by the shape of their spectrum."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval, Options
from mmsk.feature_extraction.audio._mel_base import MelFrameExtractor
from mmsk.feature_extraction.audio._mel_spectrogram import mel_spectrogram
from mmsk.feature_extraction.audio._mfcc import mfcc


class MFCCExtractor(MelFrameExtractor):
    r"""Describe clips by their mel-frequency cepstral coefficients.

    A clip is mixed to one channel, resampled and cut into overlapping frames. The
    power spectrum of each frame is summed by triangular filters on the mel scale and
    taken in decibels; its cosine transform [1]_,

    .. math:: c_k = \sqrt{2 / M}\; \sum_{m=0}^{M-1} L_m
              \cos\left(\frac{\pi k (m + 1/2)}{M}\right) \quad (k > 0),

    is the spectrum's coarse shape, the timbre, apart from its pitch. What remains of
    the frames is a fixed number of statistics: of the coefficients, and of their first
    and second derivative over time. ``output="sequence"`` keeps the frames themselves,
    for encoders that are trained.

    The words and defaults are librosa's, and so are the coefficients, to 1e-5 of the
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
    n_mfcc : int, default=20
        Number of coefficients, at most `n_mels`.
    dct_type : {1, 2, 3}, default=2
        Type of the orthonormal cosine transform.
    lifter : float, default=0
        If positive, coefficient k is weighted by
        ``1 + lifter / 2 * sin(pi * (k + 1) / lifter)``.
    top_db : float, default=80.0
        How many decibels below the clip's loudest value the others are cut off.
        ``None``: nowhere above -100 dB.
    deltas : {0, 1, 2}, default=2
        Up to which derivative over time the coefficients are followed by theirs.
    output : {"statistics", "sequence"}, default="statistics"
        What a row is: statistics over the frames, or a raw block of the first
        `n_frames` frames of shape ``(n_frames, n_features + 1)``, whose last channel
        is 1 for a frame and 0 for the zeros behind the last one.
    statistics : sequence of str, default=("mean", "std", "skew", "quarters")
        Which statistics are taken: some of "mean", "std", "skew", "min", "q25",
        "median", "q75", "max" and "quarters". The last are the means of the clip's
        four quarters, of the coefficients alone.
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
    mmsk.media.decode_audio : What is decoded, and what is refused.
    mmsk.store.FeatureStore : Keeps features.

    References
    ----------
    .. [1] S. Davis and P. Mermelstein, "Comparison of Parametric Representations for
           Monosyllabic Word Recognition in Continuously Spoken Sentences", IEEE
           Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.feature_extraction.audio import MFCCExtractor
    >>> time = np.arange(8000) / 16000
    >>> X = np.empty((3, 1), dtype=object)
    >>> X[0, 0] = np.sin(2 * np.pi * 440 * time), 16000
    >>> X[1, 0] = {"array": np.sin(2 * np.pi * 880 * time), "sampling_rate": 16000}
    >>> extractor = MFCCExtractor(n_mfcc=3, deltas=0, statistics=["mean", "std"])
    >>> extractor.fit_transform(X).shape
    (3, 7)
    >>> extractor.transform(X)[:, -1]
    array([1., 1., 0.], dtype=float32)
    >>> extractor.get_feature_names_out()[[0, 3, 6]]
    array(['x0_mfcc_0_mean', 'x0_mfcc_0_std', 'modality_present'], dtype=object)
    """

    _store_id = "mmsk.MFCCExtractor"

    _parameter_constraints: ClassVar[dict] = {
        **MelFrameExtractor._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
        "dct_type": [Options(Integral, {1, 2, 3})],
        "lifter": [Interval(Real, 0, None, closed="left")],
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
        n_mfcc=20,
        dct_type=2,
        lifter=0,
        top_db=80.0,
        deltas=2,
        output="statistics",
        statistics=("mean", "std", "skew", "quarters"),
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
        self.n_mfcc = n_mfcc
        self.dct_type = dct_type
        self.lifter = lifter
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
        return [f"mfcc_{position}" for position in range(self.n_mfcc)]

    def _series(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        mel = mel_spectrogram(samples, self._config_of_mel, lent=True)
        return mfcc(mel, self.top_db, self.n_mfcc, self.dct_type, self.lifter)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.n_mfcc > self.n_mels:
            raise ValueError(
                f"n_mfcc={self.n_mfcc} coefficients cannot be made of "
                f"n_mels={self.n_mels} filters."
            )
