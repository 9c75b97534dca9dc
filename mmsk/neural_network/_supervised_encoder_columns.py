"""The one block that a supervised encoder reads, and the columns that it returns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import PRESENCE_NAME, Block, Blocks
from mmsk.neural_network._encoders import names_of
from mmsk.neural_network._supervised_encoder_training import said_by


class BaseSupervisedEncoder(TransformerMixin, BaseEstimator):
    """Private base: which columns are read and returned, and what stands in them.

    A subclass stores the parameters `encoder`, `output` and `blocks`, calls
    `_learn_block` in `fit`, and learns the trained net `estimator_`, what y is,
    `task_`, its `classes_` if there are any, and `fill_`, one number for each column
    that is returned but the presence column.
    """

    def get_feature_names_out(self, input_features=None) -> NDArray[np.object_]:
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Not used, only checked.

        Returns
        -------
        names : object ndarray of shape (n_features_out,)
            ``"score_class"`` for classes, for two of them the second; ``"score"``
            for a number, ``"score0", ...`` for several; ``"hidden0", ...``; and
            ``"modality_present"`` last, where X had that column.
        """
        check_is_fitted(self)
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        n = len(self.fill_)
        if self.output == "hidden":
            names = [f"hidden{i}" for i in range(n)]
        elif self.task_ == "classification":
            names = [f"score_{label}" for label in self.classes_[-n:]]
        else:
            names = ["score"] if n == 1 else [f"score{i}" for i in range(n)]
        marked = self.block_.indicator is not None
        return np.array([*names, PRESENCE_NAME] if marked else names, dtype=object)

    @property
    def blocks_(self) -> Blocks:
        """Layout of X."""
        check_is_fitted(self, "_block")
        return Blocks([self._block], self.n_features_in_)

    @property
    def block_(self) -> Block:
        """Where the outputs stand, a nameless vector."""
        check_is_fitted(self)
        n = len(self.fill_)
        marked = self._block.indicator is not None
        return Block("", 0, n, indicator=n if marked else None)

    def _learn_block(self, X: Any) -> Block:
        """Check the layout of validated rows against the encoder; return its block."""
        blocks = self.blocks
        if blocks is None:
            names = getattr(self, "feature_names_in_", [""] * X.shape[1])
            blocks = Blocks.from_feature_names(names)
        blocks.check(X)
        if len(blocks) != 1:
            raise ValueError(
                "SupervisedEncoder reads one block, got the modalities "
                f"{list(blocks.names)}. Use one in each branch, or put "
                f"BlockSelector([{blocks.names[0]!r}]) before it."
            )
        self._block = block = blocks[0]
        chosen, names = self.encoder, names_of(block)
        if isinstance(chosen, str) and chosen not in ("auto", *names):
            advice = "If X holds pictures, tokens or frames, say by blocks= what shape."
            raise ValueError(
                f"encoder={chosen!r} does not read the {block.kind} "
                f"{block.name!r} of shape {block.shape}: choose one of {names}. "
                f"{advice if block.kind == 'vector' else ''}".rstrip()
            )
        return block

    def _outputs(self, X: Any, present: NDArray[np.bool_]) -> NDArray:
        """Return what the encoder of all rows says of validated rows."""
        block = self.block_
        outputs = np.empty((X.shape[0], len(block.columns)), dtype=X.dtype)
        outputs[:, : block.stop] = self.fill_
        if present.any():
            classes = getattr(self, "classes_", None)
            rows = X if present.all() else X[present]
            said = said_by(self.estimator_, rows, classes, self.output == "hidden")
            outputs[present, : block.stop] = said
        if block.indicator is not None:
            outputs[:, block.indicator] = present
        return outputs
