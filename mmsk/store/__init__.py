"""The feature store: what was computed from a cell once is never computed again."""

from mmsk.store._as_store import as_store
from mmsk.store._feature_store import FeatureStore
from mmsk.store._info import StoreInfo
from mmsk.store._keys import config_digest, content_digest, row_key

__all__ = [
    "FeatureStore",
    "StoreInfo",
    "as_store",
    "config_digest",
    "content_digest",
    "row_key",
]
