"""The matrix of several blocks, and which blocks it can hold."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from mmsk._utils._blocks import Blocks
from mmsk._utils._sparse import as_csr
from mmsk.compose._branches import Branch


def check_raw_size(blocks: Blocks, n_samples: int, max_block_bytes: int) -> None:
    """Refuse raw blocks that would be too large for so many rows.

    Raises
    ------
    ValueError
        If one takes more than `max_block_bytes` in float32.
    """
    for block in blocks:
        size = block.width * n_samples * 4
        if block.kind != "vector" and size > max_block_bytes:
            raise ValueError(
                f"Block {block.name!r} holds raw {block.kind}s of shape "
                f"{block.shape} and would take {size / 2**20:.0f} MiB for "
                f"{n_samples} rows, more than max_block_bytes="
                f"{max_block_bytes}. Make the samples smaller or fewer, or "
                "raise max_block_bytes."
            )


def join_blocks(
    parts: list,
    branches: Sequence[Branch],
    blocks: Blocks,
    sparse_output: str | bool,
) -> Any:
    """Put the columns of the branches side by side.

    Parameters
    ----------
    parts : list of arrays of shape (n_samples, n_columns)
        What each branch gave, dense or sparse.
    branches : sequence of Branch
        Those that gave them, fitted.
    blocks : Blocks
        Their blocks.
    sparse_output : {"auto"} or bool
        ``"auto"``: CSR where a branch gave sparse columns in fit.

    Returns
    -------
    matrix : float32 ndarray or CSR array of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If a raw block would stand in a sparse matrix or beside a sparse block.
    """
    sparse = any(branch.sparse for branch in branches)
    if sparse and blocks.raw:
        wide = [branch.name for branch in branches if branch.sparse]
        raise ValueError(
            f"The raw blocks {list(blocks.raw)} cannot stand beside the "
            f"sparse blocks {wide}. Make these dense: n_components= reduces them."
        )
    if sparse_output is True and blocks.raw:
        raise ValueError(
            f"The raw blocks {list(blocks.raw)} cannot stand in a sparse "
            'matrix. Set sparse_output="auto".'
        )
    if sparse_output != "auto":
        sparse = sparse_output
    if sparse:
        parts = [as_csr(part, np.float32) for part in parts]
        return sp.hstack(parts, format="csr")
    parts = [part.toarray() if sp.issparse(part) else part for part in parts]
    return np.hstack([np.asarray(part, dtype=np.float32) for part in parts])


def check_frame(matrix: Any, branches: Sequence[Branch], library: str) -> None:
    """Check that a matrix can become a frame, and warn if its names say too little.

    Parameters
    ----------
    matrix : array or sparse matrix of shape (n_samples, n_features)
    branches : sequence of Branch
        Those that gave its columns, fitted.
    library : str
        Of the frame.

    Raises
    ------
    ValueError
        If the matrix is sparse.

    Warns
    -----
    UserWarning
        If a sparse block has no presence column, the name of which would say so.
    """
    wide = [branch.name for branch in branches if branch.sparse]
    if sp.issparse(matrix):
        raise ValueError(
            f"{library.capitalize()} output does not support sparse data (sparse "
            f"branches: {wide}). Set sparse_output=False, n_components= of an "
            'extractor, or set_output(transform="default").'
        )
    unmarked = [each.name for each in branches if each.block.indicator is None]
    unmarked = [name for name in unmarked if name in wide]
    if unmarked:
        warnings.warn(
            f"The columns of a frame do not tell that the branches {unmarked} are "
            "sparse, which the name of a presence column does: an estimator that "
            "reads the layout from names will standardise them like numbers. Pass it "
            "blocks=, the blocks_ of this transformer, or use MultimodalClassifier or "
            "MultimodalRegressor.",
            stacklevel=5,
        )
