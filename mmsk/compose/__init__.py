"""From tables to blocks, and from blocks to estimators."""

from mmsk._utils._blocks import Block, Blocks
from mmsk.compose._block_reducer import BlockReducer
from mmsk.compose._block_scaler import BlockScaler
from mmsk.compose._block_selector import BlockSelector
from mmsk.compose._hand_down import register_block_rule, visit_blocks
from mmsk.compose._modality_transformer import ModalityTransformer
from mmsk.compose._multimodal import MultimodalClassifier, MultimodalRegressor
from mmsk.compose._named_columns import NamedColumns
from mmsk.compose._packed_rows import pack_rows
from mmsk.compose._select import ROLES, select

__all__ = [
    "ROLES",
    "Block",
    "BlockReducer",
    "BlockScaler",
    "BlockSelector",
    "Blocks",
    "ModalityTransformer",
    "MultimodalClassifier",
    "MultimodalRegressor",
    "NamedColumns",
    "pack_rows",
    "register_block_rule",
    "select",
    "visit_blocks",
]
