"""Features of pictures."""

from mmsk.feature_extraction.image._hog_extractor import HOGExtractor

__all__ = ["HOGExtractor"]
