"""Base of the extractors that begin with a mel spectrogram."""

from numbers import Integral, Real
from typing import ClassVar

from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.feature_extraction.audio._frame_extractor import FrameExtractor
from mmsk.feature_extraction.audio._mel_spectrogram import MelConfig, mel_config


class MelFrameExtractor(FrameExtractor):
    """Add the parameters of the mel filters, and what contradicts in them."""

    _parameter_constraints: ClassVar[dict] = {
        **FrameExtractor._parameter_constraints,
        "n_mels": [Interval(Integral, 2, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "htk": ["boolean"],
        "norm": [StrOptions({"slaney"}), None],
        "power": [Interval(Real, 0, 2, closed="right")],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
    }

    @property
    def _config_of_mel(self) -> MelConfig:
        return mel_config(
            self.sample_rate,
            self.n_fft,
            self.hop_length,
            self.win_length or self.n_fft,
            self.window,
            self.center,
            self._is_precise,
            self.n_mels,
            self.fmin,
            self.sample_rate / 2 if self.fmax is None else self.fmax,
            self.htk,
            self.norm,
            self.power,
        )

    @property
    def _is_precise(self) -> bool:
        """Whether values matter that single precision loses in rounding."""
        return self.power < 2 or self.top_db is None or self.top_db > 80

    def _check_parameters(self) -> None:
        super()._check_parameters()
        mel = self._config_of_mel
        if not mel.fmin < mel.fmax <= mel.sample_rate / 2:
            raise ValueError(
                f"Filters must lie between 0 and half of the sample rate, "
                f"{mel.sample_rate / 2:g} Hz: got fmin={mel.fmin} and fmax={mel.fmax}."
            )
