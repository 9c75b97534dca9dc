"""Base of the extractors that read pictures."""

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsk._utils._param_validation import Interval
from mmsk.feature_extraction._cells import RowExtractor
from mmsk.feature_extraction._cells._media_cells import file_of, image_decoder
from mmsk.media import decode_image, read_image


class ImageExtractor(RowExtractor):
    """Compute a row from each picture, decoded and resized to ``_picture_size``."""

    _parameter_constraints: ClassVar[dict] = {
        **RowExtractor._parameter_constraints,
        "root": [str, os.PathLike, None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
        "max_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    @property
    def _picture_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.size, self.size

    @property
    def _has_key(self) -> bool:
        """Whether parameters and content alone decide a row: it may be stored."""
        return "_store_id" in vars(type(self))

    def _read_cell(self, cell: Any) -> bytes | NDArray:
        return read_image(
            cell,
            root=self.root,
            max_pixels=self.max_pixels,
            max_bytes=self.max_bytes,
        )

    def _cell_path(self, cell: Any) -> str | None:
        return file_of(cell)

    def _decode(self, content: bytes | NDArray) -> NDArray[np.uint8]:
        return decode_image(
            content,
            size=self._picture_size,
            max_pixels=self.max_pixels,
            max_bytes=self.max_bytes,
        )

    def _versions(self) -> Mapping[str, object]:
        return {"decoder": image_decoder()}
