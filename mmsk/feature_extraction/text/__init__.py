"""Features of texts."""

from mmsk.feature_extraction.text._tfidf_extractor import TfidfExtractor

__all__ = ["TfidfExtractor"]
