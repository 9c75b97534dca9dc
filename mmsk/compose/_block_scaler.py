"""Scaling every modality, its presence column left alone."""

from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import Interval, fit_context
from mmsk._utils._sparse import as_csr
from mmsk._utils._weights import positive_weights
from mmsk.compose._block_base import BlockTransformer

# a column whose standard deviation is at most so many steps between neighbouring
# numbers of its size is constant but for rounding
_ULPS = 10


class BlockScaler(OneToOneFeatureMixin, BlockTransformer):
    r"""Standardise each vector block, and let no block outweigh another by width.

    The columns of a dense block get mean 0 and variance 1 over the samples that
    have the modality. Columns of a sparse block are not shifted, and keep the
    weights that the extractor gave them. Which a block is, the layout says
    (`Block.sparse`), not how X is stored; where it does not, as one that is read
    from names, all blocks of a sparse X count as sparse. Then every block is
    divided by a number, so that the mean squared norm of its rows becomes
    `block_norm` to the power of two (*block scaling* [1]_):

    .. math:: x_m \leftarrow x_m \cdot \frac{s}{\sqrt{\operatorname{mean}
              \lVert x_m \rVert^2}}

    Presence columns, raw blocks and category codes pass unchanged; NaN stays
    NaN. A column that varies by no more than rounding errors, in the precision of X,
    is constant: it is shifted, and not blown up to variance 1.

    A column that hardly varied in fit, such as a colour that one picture had, may be
    hundreds of standard deviations from its mean in a new sample, and decides it alone.
    With a `clip` values stop at so many, before the block is divided.

    Parameters
    ----------
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every block, :math:`s`. 10 is
        what 100 standardised columns have. ``None`` leaves the blocks at their
        own: :math:`\sqrt d` for a dense block of d columns that vary, 1 for rows
        of TF-IDF, so that a linear model hears the dense block only.
    clip : float or None, default=None
        What is further than this many standard deviations from the mean of its
        column, in a dense block, counts as that far, and a column that was constant
        in fit stays 0; 10 leaves ordinary columns alone. ``None``: as it is.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier and MultimodalRegressor fill it.
        ``None`` reads it from the column names of a DataFrame
        (``"text__cat"``), and takes an array as one block ``"X"``.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features_in_,)
        Output is ``(X - mean_) / scale_``, as far as `limit_` allows.
    limit_ : ndarray of shape (n_features_in_,)
        The largest absolute values of the output, infinite for columns that are not
        clipped.
    blocks_in_ : Blocks
        Layout of X and of the output.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    References
    ----------
    .. [1] J. A. Westerhuis, T. Kourti, J. F. MacGregor, "Analysis of multiblock
           and hierarchical PCA and PLS models", Journal of Chemometrics, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks, BlockScaler
    >>> blocks = Blocks([Block("image", 0, 1, indicator=1)])
    >>> X = np.array([[1.0, 1.0], [3.0, 1.0], [9.0, 0.0]])
    >>> scaler = BlockScaler(block_norm=None, clip=10, blocks=blocks).fit(X)
    >>> scaler.transform(X)
    array([[-1.,  1.],
           [ 1.,  1.],
           [ 7.,  0.]])
    >>> scaler.transform([[99.0, 1.0]])
    array([[10.,  1.]])
    """

    _parameter_constraints: dict = {
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "blocks": [Blocks, None],
    }
    __metadata_request__fit = {"sample_weight": True}

    def __init__(
        self,
        *,
        block_norm: float | None = 10.0,
        clip: float | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self.block_norm = block_norm
        self.clip = clip
        self.blocks = blocks

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None) -> "BlockScaler":
        """Learn means, scales and limits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in means and variances.

        Returns
        -------
        self : BlockScaler
        """
        X = self._check(X, reset=True)
        rows, weights = positive_weights(sample_weight, X)
        X = X[rows]
        self.mean_ = np.zeros(X.shape[1])
        self.scale_ = np.ones(X.shape[1])
        self.limit_ = np.full(X.shape[1], np.inf)
        present = self.blocks_in_.present(X)
        for position, block in enumerate(self.blocks_in_):
            has = present[:, position]
            if block.kind != "vector" or not has.any() or not block.width:
                continue
            own = slice(block.start, block.stop)
            self.mean_[own], self.scale_[own], self.limit_[own] = _moments(
                X[has, own],
                block.is_sparse(X),
                None if weights is None else weights[has],
                self.block_norm,
                self.clip,
                np.isin(np.arange(block.width), block.categorical),
            )
        return self

    def transform(self, X):
        """Scale the blocks of new samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        scaled : array or CSR array of shape (n_samples, n_features)
            In the dtype of X.
        """
        check_is_fitted(self)
        X = self._check(X, reset=False)
        if not sp.issparse(X):
            return self._scaled(X, 0, X.shape[1])
        parts, stop = [], 0
        for block in sorted(self.blocks_in_, key=lambda block: block.start):
            own = slice(block.start, block.stop)
            if self.mean_[own].any() or np.isfinite(self.limit_[own]).any():
                parts.append(self._weighed(X, stop, block.start))
                dense = self._scaled(X[:, own].toarray(), block.start, block.stop)
                parts.append(as_csr(dense))
                stop = block.stop
        parts.append(self._weighed(X, stop, X.shape[1]))
        return parts[0] if len(parts) == 1 else sp.hstack(parts, format="csr")

    def _scaled(self, X, start, stop):
        """Scale dense columns, those from `start` to `stop`."""
        with np.errstate(over="ignore"):  # no limit may be beyond those of X
            mean, scale, limit = [
                each[start:stop].astype(X.dtype)
                for each in (self.mean_, self.scale_, self.limit_)
            ]
        scaled = X - mean
        scaled /= scale
        if np.isfinite(limit).any():
            np.clip(scaled, -limit, limit, out=scaled)
        return scaled

    def _weighed(self, X, start, stop):
        """Return sparse columns, which are not shifted, of X."""
        part = sp.csr_array(X[:, start:stop])
        part.data *= (1 / self.scale_[start:stop].astype(X.dtype))[part.indices]
        return part

    def _blocks_after(self, blocks: Blocks) -> Blocks:
        return blocks


def _moments(X, is_sparse, weights, block_norm, clip, codes):
    """Return mean, scale and limit of the columns of one block."""
    width = X.shape[1]
    limit = np.full(width, np.inf)
    numbers = np.flatnonzero(~codes) if codes.any() else slice(None)
    if is_sparse:
        mean, scale = np.zeros(width), np.ones(width)
        values = sp.csr_array(X[:, numbers])
        norms = np.asarray(values.power(2).sum(axis=1, dtype=np.float64)).ravel()
    else:
        eps = np.finfo(X.dtype).eps
        values = (X.toarray() if sp.issparse(X) else X).astype(np.float64)
        scaler = StandardScaler().fit(values, sample_weight=weights)
        mean, scale = scaler.mean_, scaler.scale_
        constant = np.sqrt(scaler.var_) <= _ULPS * eps * np.abs(mean)
        scale[constant] = 1
        mean[codes], scale[codes] = 0, 1
        values -= mean
        values /= scale
        values[:, constant] = 0
        if clip is not None:
            limit[~codes] = np.where(constant, 0.0, clip)[~codes]
            np.clip(values, -clip, clip, out=values)
        values *= values
        values = values[:, numbers]
        norms = values.sum(axis=1)
        if np.isnan(norms).any():
            norms = np.nansum(values, axis=1)
    size = np.sqrt(np.average(norms, weights=weights))
    if block_norm is not None and size > 0:
        scale[numbers] *= size / block_norm
        limit *= block_norm / size
    return mean, scale, limit
