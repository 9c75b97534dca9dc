"""Keeping the columns of some modalities."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import fit_context
from mmsk.compose._block_base import BlockTransformer


class BlockSelector(BlockTransformer):
    """Keep the columns of some modalities, for estimators that know no blocks.

    mmsk's fusion estimators choose by their own parameter ``modalities``.

    Parameters
    ----------
    modalities : str or list of str, default=None
        Names of the blocks to keep. ``None`` keeps all.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier and MultimodalRegressor fill it.
        ``None`` reads it from the column names of a DataFrame
        (``"text__cat"``), and takes an array as one block ``"X"``.

    Attributes
    ----------
    blocks_in_ : Blocks
        Layout of X.
    blocks_out_ : Blocks
        Layout of the output.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown or X does not fit `blocks`.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks, BlockSelector
    >>> blocks = Blocks([Block("text", 0, 2, indicator=2), Block("table", 3, 4)])
    >>> BlockSelector("table", blocks=blocks).fit_transform(np.eye(4)).shape
    (4, 1)
    """

    _parameter_constraints: dict = {
        "modalities": [str, list, tuple, None],
        "blocks": [Blocks, None],
    }

    def __init__(self, modalities=None, *, blocks: Blocks | None = None) -> None:
        self.modalities = modalities
        self.blocks = blocks

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None) -> "BlockSelector":
        """Learn the layout.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self : BlockSelector
        """
        self._check(X, reset=True)
        self._columns = self.blocks_in_.select(self.modalities).columns
        self.blocks_out_ = self._blocks_after(self.blocks_in_)
        return self

    def transform(self, X):
        """Return the kept columns, presence columns among them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        kept : array or CSR array of shape (n_samples, n_kept)
        """
        check_is_fitted(self)
        return self._check(X, reset=False)[:, self._columns]

    def get_feature_names_out(self, input_features=None):
        """Return the names of the kept columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the columns of X; ``x0, x1, ...`` where there are none.

        Returns
        -------
        names : object ndarray of shape (n_kept,)
        """
        check_is_fitted(self)
        return feature_names(self, input_features)[self._columns]

    def _blocks_after(self, blocks: Blocks) -> Blocks:
        return blocks.select(self.modalities).packed()


def feature_names(transformer, input_features) -> np.ndarray:
    """Return the names of the columns a fitted transformer reads."""
    known = getattr(transformer, "feature_names_in_", None)
    if input_features is None:
        input_features = known
    if input_features is None:
        input_features = [f"x{i}" for i in range(transformer.n_features_in_)]
    input_features = np.asarray(input_features, dtype=object)
    if known is not None and not np.array_equal(known, input_features):
        raise ValueError("input_features is not equal to feature_names_in_")
    if len(input_features) != transformer.n_features_in_:
        raise ValueError(
            "input_features should have length equal to number of features "
            f"({transformer.n_features_in_}), got {len(input_features)}"
        )
    return input_features
