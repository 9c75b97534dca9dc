"""What all extractors of pictures, clips and texts have in common."""

from mmsk.feature_extraction._cells._cell_extractor import CellExtractor
from mmsk.feature_extraction._cells._failures import Failure, FailureLog
from mmsk.feature_extraction._cells._row_extractor import RowExtractor

__all__ = ["CellExtractor", "Failure", "FailureLog", "RowExtractor"]
