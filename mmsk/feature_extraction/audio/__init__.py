"""Features of clips."""

from mmsk.feature_extraction.audio._mfcc_extractor import MFCCExtractor

__all__ = ["MFCCExtractor"]
