"""Features by pretrained transformers, of texts, pictures and sound."""

from mmsk.feature_extraction.pretrained._transformers_encoder import (
    TransformersEncoder,
)

__all__ = ["TransformersEncoder"]
