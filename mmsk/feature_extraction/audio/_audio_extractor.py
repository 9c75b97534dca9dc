"""Base of the extractors that read clips."""

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import RowExtractor
from mmsk.feature_extraction._cells._media_cells import (
    audio_decoder,
    clips_of,
    file_of,
)
from mmsk.feature_extraction.audio._trim import trim
from mmsk.media import decode_audio, read_audio


class AudioExtractor(RowExtractor):
    """Compute a row from each clip, one channel at ``sample_rate``."""

    _parameter_constraints: ClassVar[dict] = {
        **RowExtractor._parameter_constraints,
        "sample_rate": [Interval(Integral, 100, 768_000, closed="both")],
        "trim_db": [Interval(Real, 0, None, closed="neither"), None],
        "root": [str, os.PathLike, None],
        "max_seconds": [Interval(Real, 0, None, closed="neither")],
        "max_values": [Interval(Integral, 1, None, closed="left")],
        "max_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    def _read_cell(self, cell: Any) -> bytes:
        return read_audio(cell, root=self.root, max_bytes=self.max_bytes)

    def _cell_parts(self, cell: Any) -> Sequence[Any]:
        return clips_of(super()._cell_parts(cell))

    def _cell_path(self, cell: Any) -> str | None:
        return file_of(cell)

    def _decode(self, content: bytes) -> NDArray[np.float32]:
        samples, _ = decode_audio(
            content,
            sample_rate=self.sample_rate,
            max_seconds=self.max_seconds,
            max_values=self.max_values,
            max_bytes=len(content),  # files were measured when they were read
        )
        return samples if self.trim_db is None else trim(samples, self.trim_db)

    def _compute(self, contents: list) -> list[NDArray[np.float32] | MediaError]:
        compute = super()._compute
        # a clip may be long: no more than one is held decoded
        return [compute([content])[0] for content in contents]

    def _versions(self) -> Mapping[str, object]:
        return {"decoder": audio_decoder()}
