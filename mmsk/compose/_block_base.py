"""What the block-keeping transformers share."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from mmsk._utils._blocks import Blocks


class BlockTransformer(TransformerMixin, BaseEstimator):
    """Private base of transformers that know what they do to the blocks.

    A subclass stores ``blocks`` in its constructor and says by `_blocks_after`
    how the layout looks behind it, before it is fitted.
    """

    blocks: Blocks | None
    _allow_nan = True

    def _check(self, X: Any, *, reset: bool) -> Any:
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan" if self._allow_nan else True,
        )
        if reset:
            if self.blocks is None and hasattr(self, "feature_names_in_"):
                self.blocks_in_ = Blocks.from_feature_names(self.feature_names_in_)
            elif self.blocks is None:
                self.blocks_in_ = Blocks.from_feature_names([""] * X.shape[1])
            else:
                self.blocks_in_ = self.blocks
        self.blocks_in_.check(X)
        return X

    def _blocks_after(self, blocks: Blocks) -> Blocks:
        raise TypeError(f"{type(self).__name__} must define _blocks_after.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._allow_nan
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
