"""Reducing wide modalities to a few columns each."""

from numbers import Integral

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Block, Blocks, presence_name
from mmsk._utils._param_validation import Interval, fit_context
from mmsk._utils._weights import positive_weights
from mmsk.compose._block_base import BlockTransformer
from mmsk.compose._block_selector import feature_names


class BlockReducer(BlockTransformer):
    """Reduce every vector block that is wider than `n_components`.

    Dense blocks by principal components, sparse ones by truncated SVD (latent
    semantic analysis), whichever way X is stored (`Block.sparse`); both are fitted on
    the samples that have the modality.
    Narrower blocks, raw blocks, blocks with category codes and presence columns
    pass unchanged. The output is dense.

    Parameters
    ----------
    n_components : int, default=64
        Columns of a reduced block. With fewer samples than this, the last
        columns are 0.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier and MultimodalRegressor fill it.
        ``None`` reads it from the column names of a DataFrame
        (``"text__cat"``), and takes an array as one block ``"X"``.
    random_state : int, RandomState instance or None, default=None
        Starts the iterative solver.

    Attributes
    ----------
    components_ : dict of str to ndarray of shape (n_components, width)
        The principal axes of the wide blocks, fewer with fewer samples.
    means_ : dict of str to ndarray of shape (width,)
        What is subtracted first; 0 for sparse blocks.
    blocks_in_, blocks_out_ : Blocks
        Layouts of X and of the output.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks, BlockReducer
    >>> X = np.random.default_rng(0).normal(size=(20, 9))
    >>> blocks = Blocks([Block("image", 0, 8), Block("table", 8, 9)])
    >>> reducer = BlockReducer(n_components=3, blocks=blocks).fit(X)
    >>> reducer.blocks_out_
    Blocks(image: 3, table: 1)
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "blocks": [Blocks, None],
        "random_state": ["random_state"],
    }

    __metadata_request__fit = {"sample_weight": True}
    _allow_nan = False

    def __init__(
        self,
        n_components: int = 64,
        *,
        blocks: Blocks | None = None,
        random_state=None,
    ) -> None:
        self.n_components = n_components
        self.blocks = blocks
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None) -> "BlockReducer":
        """Find the components of each wide block.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Without NaN.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in means and components.

        Returns
        -------
        self : BlockReducer
        """
        X = self._check(X, reset=True)
        rows, weights = positive_weights(sample_weight, X)
        X = X[rows]
        random_state = check_random_state(self.random_state)
        present = self.blocks_in_.present(X)
        self.means_, self.components_ = {}, {}
        for position, block in enumerate(self.blocks_in_):
            if not self._is_wide(block):
                continue
            has = present[:, position]
            self.means_[block.name], self.components_[block.name] = _principal_axes(
                X[has, block.start : block.stop],
                block.is_sparse(X),
                None if weights is None else weights[has],
                self.n_components,
                random_state,
            )
        self.blocks_out_ = self._blocks_after(self.blocks_in_)
        return self

    def transform(self, X):
        """Reduce the wide blocks of new samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        reduced : ndarray of shape (n_samples, n_reduced_features)
            In the dtype of X.
        """
        check_is_fitted(self)
        X = self._check(X, reset=False)
        out = np.zeros((X.shape[0], self.blocks_out_.n_features), dtype=X.dtype)
        for before, after in zip(self.blocks_in_, self.blocks_out_, strict=True):
            part = X[:, before.start : before.stop]
            if before.name in self.components_:
                axes = self.components_[before.name].astype(X.dtype)
                part = part @ axes.T - (self.means_[before.name] @ axes.T).astype(
                    X.dtype
                )
                out[:, after.start : after.start + len(axes)] = part
            else:
                part = part.toarray() if sp.issparse(part) else part
                out[:, after.start : after.stop] = part
            if before.indicator is not None:
                column = X[:, [before.indicator]]
                column = column.toarray() if sp.issparse(column) else column
                out[:, [after.indicator]] = column
        return out

    def get_feature_names_out(self, input_features=None):
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the columns of X; ``x0, x1, ...`` where there are none.

        Returns
        -------
        names : object ndarray of shape (n_reduced_features,)
            ``"text__reduced0"`` for a reduced block ``"text"``; other columns
            keep their names.
        """
        check_is_fitted(self)
        given = feature_names(self, input_features)
        names = np.empty(self.blocks_out_.n_features, dtype=object)
        for before, after in zip(self.blocks_in_, self.blocks_out_, strict=True):
            own = given[before.start : before.stop]
            if self._is_wide(before):
                own = [f"{after.name}__reduced{i}" for i in range(after.width)]
            names[after.start : after.stop] = own
            if before.indicator is not None:
                mark = given[before.indicator]
                if self._is_wide(before):  # a sparse block is dense now
                    mark = presence_name(mark, sparse=False)
                names[after.indicator] = mark
        return names

    def _is_wide(self, block) -> bool:
        plain = block.kind == "vector" and not block.categorical
        return plain and block.width > self.n_components

    def _blocks_after(self, blocks: Blocks) -> Blocks:
        return Blocks.stacked(
            self._narrowed(block) if self._is_wide(block) else block for block in blocks
        )

    def _narrowed(self, block: Block) -> Block:
        width = self.n_components
        indicator = None if block.indicator is None else width
        return Block(block.name, 0, width, indicator, sparse=False)


def _principal_axes(X, is_sparse, weights, n_components, random_state):
    """Return mean and principal axes of samples, the axes by falling variance.

    The mean of a sparse block is not taken: 0.
    """
    n_samples, width = X.shape
    mean = np.zeros(width)
    if n_samples == 0:
        return mean, np.zeros((0, width))
    scale = np.ones(n_samples) if weights is None else np.sqrt(weights)
    if is_sparse:
        rows = sp.diags_array(scale) @ sp.csr_array(X, dtype=np.float64)
    else:
        X = (X.toarray() if sp.issparse(X) else X).astype(np.float64)
        mean = np.average(X, axis=0, weights=weights)
        rows = (X - mean) * scale[:, None]
    count = min(n_components, n_samples)
    if sp.issparse(rows) and not rows.nnz:
        return mean, np.zeros((count, width))
    if count < min(rows.shape) and abs(rows).max() > 0:
        start = random_state.uniform(-1, 1, size=min(rows.shape))
        _, sizes, axes = svds(rows, count, v0=start, return_singular_vectors="vh")
        sizes, axes = sizes[::-1], axes[::-1]
    else:
        rows = rows.toarray() if sp.issparse(rows) else rows
        _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
        sizes, axes = sizes[:count], axes[:count]
    # the sign of an axis is free: its largest entry is positive
    largest = np.abs(axes).argmax(axis=1)
    sign = np.sign(axes[np.arange(len(axes)), largest])
    # directions in which nothing varies are noise of the solver
    sign[sizes <= sizes[0] * 1e-10] = 0
    return mean, axes * sign[:, None]
