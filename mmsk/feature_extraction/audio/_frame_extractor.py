"""Base of the extractors that describe a clip frame by frame."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

from mmsk._utils._block import Block
from mmsk._utils._labels import Labels
from mmsk._utils._param_validation import Interval, Options, StrOptions
from mmsk._utils._threads import suitable_threads
from mmsk.feature_extraction.audio._audio_extractor import AudioExtractor
from mmsk.feature_extraction.audio._mfcc import delta
from mmsk.feature_extraction.audio._spectrum import FrameConfig
from mmsk.feature_extraction.audio._statistics import (
    QUARTERS,
    STATISTICS,
    statistic_names,
    summarize,
)

_DERIVATIVES = ("", "delta_", "delta2_")


class FrameExtractor(AudioExtractor):
    """Compute series over the frames of a clip; return statistics, or the series.

    A subclass says what the series are called (`_series_names`) and computes them
    (`_series`).
    """

    _store_version = 4

    _parameter_constraints: ClassVar[dict] = {
        **AudioExtractor._parameter_constraints,
        "n_fft": [Interval(Integral, 2, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "window": [str, tuple],
        "center": ["boolean"],
        "deltas": [Options(Integral, {0, 1, 2})],
        "output": [StrOptions({"statistics", "sequence"})],
        "statistics": [list, tuple],
        "n_frames": [Interval(Integral, 1, None, closed="left")],
    }

    @abstractmethod
    def _series_names(self) -> list[str]:
        """Return the names of the series, their derivatives not counted."""

    @abstractmethod
    def _series(self, samples: NDArray[np.float32]) -> NDArray:
        """Return the series of a clip, of shape (n_series, n_frames)."""

    @property
    def _is_sequence(self) -> bool:
        return self.output == "sequence"

    def _row_names(self) -> list[str]:
        self._check_parameters()
        series = self._series_names()
        if self._is_sequence:
            columns = [
                f"{prefix}{name}"
                for prefix in _DERIVATIVES[: 1 + self.deltas]
                for name in series
            ]
            return [
                f"frame_{frame}_{name}"
                for frame in range(self.n_frames)
                for name in [*columns, "present"]
            ]
        return [
            f"{prefix}{name}_{statistic}"
            for order, prefix in enumerate(_DERIVATIVES[: 1 + self.deltas])
            for statistic in statistic_names(self._statistics_of(order))
            for name in series
        ]

    def _statistics_of(self, order: int) -> list[str]:
        return [name for name in self.statistics if not order or name != QUARTERS]

    def _extract(self, decoded: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        # waiting for a second thread takes longer than a transform
        with suitable_threads(0):
            return np.stack([self._row(samples) for samples in decoded])

    def _row(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        series = np.ascontiguousarray(self._series(samples), dtype=np.float64)
        if self._is_sequence:
            return self._sequence(series).ravel()
        values = [summarize(series, self._statistics_of(0))]
        for order in range(1, 1 + self.deltas):
            if names := self._statistics_of(order):
                values.append(summarize(delta(series, order), names))
        return np.concatenate(values).astype(np.float32)

    def _sequence(self, series: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return frames of shape (self.n_frames, n_features + 1), zero behind them."""
        derivatives = [delta(series, order) for order in range(1, 1 + self.deltas)]
        features = np.concatenate([series, *derivatives]).T[: self.n_frames]
        sequence = np.zeros((self.n_frames, features.shape[1] + 1), dtype=np.float32)
        sequence[: len(features), :-1] = features
        sequence[: len(features), -1] = 1
        return sequence

    def _pool(self, values: list[NDArray[np.float32]]) -> NDArray:
        if not self._is_sequence:
            return super()._pool(values)
        clips = [value.reshape(self.n_frames, -1) for value in values]
        frames = np.concatenate([clip[clip[:, -1] == 1] for clip in clips])
        joined = np.zeros_like(clips[0])
        joined[: len(frames)] = frames[: self.n_frames]
        return joined.ravel()

    def _learn_fill(
        self,
        output: NDArray[np.float32],
        present: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        if self._is_sequence:  # all padding
            return np.zeros(output.shape[1] - 1, dtype=np.float32)
        return super()._learn_fill(output, present, weights)

    def _check_cells(
        self, X: Any, *, reset: bool | None
    ) -> tuple[NDArray[np.object_], Labels]:
        cells, labels = super()._check_cells(X, reset=reset)
        if self._is_sequence and len(labels.columns) > 1:
            raise ValueError(
                f'output="sequence" makes a block of one column, got {labels.columns}. '
                "Give each column a branch of its own."
            )
        return cells, labels

    @property
    def block_(self) -> Block:
        """Where the features and the presence column stand, a nameless block."""
        block = super().block_
        if not self._is_sequence:
            return block
        shape = (self.n_frames, block.width // self.n_frames)
        return replace(block, kind="sequence", shape=shape)

    @property
    def _frame_config(self) -> FrameConfig:
        return FrameConfig(
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length or self.n_fft,
            window=self.window,
            center=self.center,
            precise=True,
        )

    def _check_parameters(self) -> None:
        """Raise ValueError where parameters contradict each other."""
        frames = self._frame_config
        if frames.win_length > frames.n_fft:
            raise ValueError(
                f"win_length={frames.win_length} is longer than a frame of "
                f"n_fft={frames.n_fft} samples."
            )
        get_window(frames.window, frames.win_length)  # raises for one it doesn't know
        if self._is_sequence:
            if self.missing == "nan":
                raise ValueError(
                    'missing="nan" is for statistics; a missing row of '
                    'output="sequence" is all padding. Pass missing="auto".'
                )
            return
        unknown = [name for name in self.statistics if name not in STATISTICS]
        if unknown or len(set(self.statistics)) < len(self.statistics):
            raise ValueError(
                f"statistics must be different ones of {STATISTICS}, got "
                f"{tuple(self.statistics)}."
            )
        if not self.statistics:
            raise ValueError(f"statistics is empty; choose some of {STATISTICS}.")

    def _versions(self) -> Mapping[str, object]:
        return {**super()._versions(), "numbers": "fp32-cpu"}
