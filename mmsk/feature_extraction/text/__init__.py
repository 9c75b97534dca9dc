"""Features of texts."""

from mmsk.feature_extraction.text._text_statistics_extractor import (
    TextStatisticsExtractor,
)
from mmsk.feature_extraction.text._tfidf_extractor import TfidfExtractor
from mmsk.feature_extraction.text._token_sequencer import TokenSequencer
from mmsk.feature_extraction.text._word_embedding import WordEmbeddingEncoder

__all__ = [
    "TextStatisticsExtractor",
    "TfidfExtractor",
    "TokenSequencer",
    "WordEmbeddingEncoder",
]
