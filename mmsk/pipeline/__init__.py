"""From a table to an estimator in one line."""

from mmsk.pipeline._make import (
    make_multimodal_classifier,
    make_multimodal_regressor,
)
from mmsk.pipeline._roles import infer_roles

__all__ = [
    "infer_roles",
    "make_multimodal_classifier",
    "make_multimodal_regressor",
]
