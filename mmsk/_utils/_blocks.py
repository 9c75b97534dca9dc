"""Where each modality stands in the columns of one matrix."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mmsk._utils._block import Block

PRESENCE_NAME = "modality_present"
"""Name of the presence column that extractors put behind their features."""

SPARSE_PRESENCE_NAME = "modality_present_sparse"
"""Its name in the joined matrix, where the features before it are sparse."""


def presence_name(name: str, *, sparse: bool | None) -> str:
    """Return the name of a column, the presence column's by the kind of its block.

    Parameters
    ----------
    name : str
        With or without the prefix of a modality.
    sparse : bool or None
        Whether its block is.
    """
    prefix, dash, own = name.rpartition("__")
    if own not in (PRESENCE_NAME, SPARSE_PRESENCE_NAME):
        return name
    return prefix + dash + (SPARSE_PRESENCE_NAME if sparse else PRESENCE_NAME)


class Blocks(Sequence):
    """The ordered, immutable layout of a matrix: one `Block` a modality.

    A ``Blocks`` describes columns, it holds no data. It is what
    ``ModalityTransformer.blocks_`` is after fit and what the constructor
    parameter ``blocks`` of the fusion estimators takes.

    Parameters
    ----------
    blocks : iterable of Block
        The blocks in the order of their columns. Names are unique, and no
        column belongs to two blocks.
    n_features : int, default=None
        Number of columns of the whole matrix. ``None`` stands for one behind
        the last column of the last block.

    Raises
    ------
    ValueError
        If two blocks share a name or a column.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> blocks = Blocks([Block("text", 0, 2, indicator=2), Block("table", 3, 4)])
    >>> blocks.names
    ('text', 'table')
    >>> X = np.array([[0.5, 0.1, 1.0, 7.0], [0.0, 0.0, 0.0, 8.0]])
    >>> blocks.split(X)["table"]
    array([[7.],
           [8.]])
    >>> blocks.present(X)
    array([[ True,  True],
           [False,  True]])
    """

    __slots__ = ("_blocks", "n_features", "names")

    _blocks: tuple[Block, ...]
    n_features: int
    names: tuple[str, ...]

    def __init__(self, blocks: Iterable[Block], n_features: int | None = None) -> None:
        blocks = tuple(blocks)
        names = tuple(block.name for block in blocks)
        if len(set(names)) < len(names):
            raise ValueError(f"Block names must be unique, got {list(names)}.")
        spans = sorted(span for block in blocks for span in block.spans)
        if any(stop > start for (_, stop), (start, _) in pairwise(spans)):
            raise ValueError(f"Blocks must not share columns, got {list(blocks)}.")
        needed = max((stop for _, stop in spans), default=0)
        if n_features is not None and n_features < needed:
            raise ValueError(
                f"The blocks need {needed} columns, got n_features={n_features}."
            )
        set_ = object.__setattr__
        set_(self, "_blocks", blocks)
        set_(self, "names", names)
        set_(self, "n_features", needed if n_features is None else int(n_features))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("Blocks is immutable.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Blocks is immutable.")

    @classmethod
    def from_feature_names(cls, names: Sequence[str]) -> "Blocks":
        """Read the layout from column names such as ``"text__cat"``.

        What stands before the first double underscore is the modality, as
        scikit-learn's ColumnTransformer writes it; the extractors' presence
        columns are recognised by their name, which in the matrix of a
        ModalityTransformer says whether their block is sparse. Where one is, the
        others are not.

        Parameters
        ----------
        names : sequence of str of shape (n_features,)
            Column names; the columns of one modality stand together.

        Returns
        -------
        blocks : Blocks
            One vector block a prefix; one block ``"X"`` where no column has one.

        Raises
        ------
        ValueError
            If only some columns have a prefix or a prefix comes twice.
        """
        split = [name.partition("__") for name in map(str, names)]
        bare = [name for name, dash, _ in split if not dash]
        if len(bare) == len(split):
            return cls([Block("X", 0, len(split))])
        if bare:
            raise ValueError(
                "Blocks are read from column names like 'text__cat', but these "
                f"columns have no prefix: {bare[:5]}. Rename them or pass blocks=."
            )
        blocks, start = [], 0
        for prefix, group in groupby(split, key=lambda part: part[0]):
            rest = [name for _, _, name in group]
            stop, indicator = start + len(rest), None
            marks = [n for n in rest if n in (PRESENCE_NAME, SPARSE_PRESENCE_NAME)]
            if marks:
                if rest.index(marks[0]) != len(rest) - 1:
                    raise ValueError(
                        f"Column '{prefix}__{marks[0]}' must be the last column "
                        f"of modality {prefix!r}."
                    )
                stop -= 1
                indicator = stop
            sparse = SPARSE_PRESENCE_NAME in marks
            blocks.append(Block(prefix, start, stop, indicator, sparse=sparse))
            start += len(rest)
        if not any(block.sparse for block in blocks):
            blocks = [dataclasses.replace(block, sparse=None) for block in blocks]
        return cls(blocks)

    @classmethod
    def stacked(cls, blocks: Iterable[Block]) -> "Blocks":
        """Put blocks one behind the other, wherever they stood before."""
        blocks = list(blocks)
        starts = accumulate((block.n_columns for block in blocks), initial=0)
        return cls(map(Block.moved, blocks, starts))

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks)

    def __contains__(self, key: object) -> bool:
        return key in self.names if isinstance(key, str) else key in self._blocks

    def __getitem__(self, key: str | int) -> Block:
        if isinstance(key, str):
            return self._blocks[self._index(key)]
        return self._blocks[key]

    def _index(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(
                f"There is no modality {name!r}; there are {list(self.names)}."
            ) from None

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the blocks that are not vectors."""
        return tuple(block.name for block in self if block.kind != "vector")

    @property
    def digest(self) -> str:
        """A short hash of the layout: equal layouts have equal digests."""
        fields = [field.name for field in dataclasses.fields(Block)]
        fields.remove("unseen")  # of the samples, not of the layout
        layout = [[getattr(block, field) for field in fields] for block in self]
        text = json.dumps([self.n_features, layout])
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def select(self, names: Iterable[str] | None) -> "Blocks":
        """Keep some modalities; their columns stay where they are.

        Parameters
        ----------
        names : iterable of str or None
            The modalities to keep, in any order. ``None`` keeps all.

        Returns
        -------
        blocks : Blocks
            The kept blocks, in this layout's order, of the same matrix.

        Raises
        ------
        ValueError
            If a name is unknown or none is given.
        """
        if names is None:
            return self
        if isinstance(names, str):
            names = [names]
        names = list(names)
        unknown = [name for name in names if name not in self.names]
        if unknown or not names:
            raise ValueError(
                f"Unknown modalities {unknown}: choose from {list(self.names)}."
                if unknown
                else f"No modality is chosen: choose from {list(self.names)}."
            )
        kept = [block for block in self if block.name in names]
        return Blocks(kept, self.n_features)

    def packed(self) -> "Blocks":
        """Return the layout of ``X[:, blocks.columns]``: the same blocks, no gaps."""
        return Blocks.stacked(self)

    @property
    def columns(self) -> list[int]:
        """All columns of all blocks, block by block, presence columns last."""
        return [column for block in self for column in block.columns]

    def take(self, X: Any) -> Any:
        """Return ``X[:, blocks.columns]``, X itself or a slice of it where these are.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        """
        spans = [span for block in self for span in block.spans]
        if all(stop == start for (_, stop), (start, _) in pairwise(spans)) and spans:
            start, stop = spans[0][0], spans[-1][1]
            return X if (start, stop) == (0, X.shape[1]) else X[:, start:stop]
        return X[:, self.columns]

    def stored(self, X: Any) -> Any:
        """Return a matrix that is no larger dense than sparse, by its layout, as dense.

        A sparse matrix stores an index with each value; where half of the columns or
        more are of dense blocks, it takes no less memory, and more time.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        """
        if not sp.issparse(X) or any(block.sparse is None for block in self):
            return X
        dense = sum(block.n_columns for block in self if not block.sparse)
        return X.toarray() if 2 * dense >= X.shape[1] else X

    def check(self, X: Any) -> None:
        """Refuse a matrix that this layout does not describe.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            If X has another number of columns, or a presence column holds
            anything but 0 and 1.
        """
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"blocks describe {self.n_features} columns, X has {X.shape[1]}: "
                f"{self!r}."
            )
        self.present(X)

    def split(
        self, X: Any, rows: NDArray | slice | None = None
    ) -> dict[str, NDArray | sp.csr_array]:
        """Cut a matrix into its modalities.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
        rows : array of int or bool, or slice, default=None
            Which rows. ``None``: all.

        Returns
        -------
        parts : dict of str to array
            For a vector block ``(n_rows, width)``, CSR where X is sparse; for a
            raw block ``(n_rows, *shape)``.
        """
        if rows is not None:
            X = X[rows]
        parts = {}
        for block in self:
            part = X[:, block.start : block.stop]
            if block.kind != "vector":
                part = part.reshape(part.shape[0], *block.shape)
            parts[block.name] = part
        return parts

    def present(self, X: Any, rows: NDArray | slice | None = None) -> NDArray[np.bool_]:
        """Tell which modalities the samples have.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
        rows : array of int or bool, or slice, default=None
            Which rows. ``None``: all.

        Returns
        -------
        present : bool ndarray of shape (n_rows, n_blocks)

        Raises
        ------
        ValueError
            If a presence column holds anything but 0 and 1.
        """
        if rows is not None:
            X = X[rows]
        present = np.ones((X.shape[0], len(self)), dtype=bool)
        marked = [i for i, block in enumerate(self) if block.indicator is not None]
        if not marked:
            return present
        told = X[:, [self[i].indicator for i in marked]]
        told = told.toarray() if sp.issparse(told) else np.asarray(told)
        present[:, marked] = told == 1
        wrong = np.flatnonzero(~(present[:, marked] | (told == 0)).all(axis=0))
        if len(wrong):
            block, column = self[marked[wrong[0]]], told[:, wrong[0]]
            got = column[(column != 0) & (column != 1)][0]
            raise ValueError(
                f"The presence column {block.indicator} of modality "
                f"{block.name!r} must be 0 or 1, got {got:g}. A step before this "
                "estimator changed it: scale with BlockScaler instead."
            )
        return present

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blocks):
            return NotImplemented
        return self._blocks == other._blocks and self.n_features == other.n_features

    def __hash__(self) -> int:
        return hash((self._blocks, self.n_features))

    def __copy__(self) -> "Blocks":
        return self

    def __deepcopy__(self, memo: dict) -> "Blocks":
        return self

    def __reduce__(self):
        return Blocks, (self._blocks, self.n_features)

    def __repr__(self) -> str:
        inside = ", ".join(f"{block.name}: {block.width}" for block in self)
        return f"Blocks({inside})"
