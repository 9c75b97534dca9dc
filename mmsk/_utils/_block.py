"""The columns of one modality in a matrix."""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import scipy.sparse as sp

KINDS = ("vector", "image", "tokens", "sequence")


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of one modality.

    Parameters
    ----------
    name : str
        Name of the modality.
    start, stop : int
        The features stand in the columns ``[start, stop)``.
    indicator : int, default=None
        The column that is 1 where a sample has this modality and 0 where it
        has not, outside ``[start, stop)``. ``None``: every sample has it.
    kind : {"vector", "image", "tokens", "sequence"}, default="vector"
        What a sample's features are. Anything but a vector is *raw*: only a
        trainable encoder can read it.
    shape : tuple of int, default=None
        Shape of one sample, its product is ``stop - start``. ``None`` stands
        for ``(stop - start,)``.
    categorical : tuple of int, default=()
        Offsets from `start` of the columns that hold category codes.
    parts : tuple of (str, int, int), default=()
        Source column, first offset and end offset from `start` of the features
        made from it, where the features of different columns are apart.
    sparse : bool, default=None
        Whether its zeros stand for what is not there, as in counts of words: such
        columns are never shifted or standardised. ``None``: if the matrix is sparse.
    unseen : bool, default=False
        Whether no sample of fit had the modality, of which its extractor has warned.

    Raises
    ------
    ValueError
        If the numbers contradict each other.

    Examples
    --------
    >>> from mmsk.compose import Block
    >>> Block("image", 0, 324, indicator=324)
    Block('image', 0:324, indicator=324)
    """

    name: str
    start: int
    stop: int
    indicator: int | None = None
    kind: str = "vector"
    shape: tuple[int, ...] | None = None
    categorical: tuple[int, ...] = ()
    parts: tuple[tuple[str, int, int], ...] = field(default=(), compare=False)
    sparse: bool | None = field(default=None, compare=False)
    unseen: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        # NumPy's integers and lists are neither JSON nor hashable
        set_(self, "start", int(self.start))
        set_(self, "stop", int(self.stop))
        if self.indicator is not None:
            set_(self, "indicator", int(self.indicator))
        shape = (self.width,) if self.shape is None else self.shape
        set_(self, "shape", tuple(map(int, shape)))
        set_(self, "categorical", tuple(map(int, self.categorical)))
        parts = [(str(name), int(start), int(stop)) for name, start, stop in self.parts]
        set_(self, "parts", tuple(parts))
        if self.sparse is not None:
            set_(self, "sparse", bool(self.sparse))
        if not 0 <= self.start <= self.stop:
            raise ValueError(
                f"Block {self.name!r}: got columns {self.start}:{self.stop}."
            )
        if self.kind not in KINDS:
            raise ValueError(
                f"Block {self.name!r}: kind must be one of {KINDS}, got {self.kind!r}."
            )
        if prod(self.shape) != self.width:
            raise ValueError(
                f"Block {self.name!r}: a sample of shape {self.shape} does not fill "
                f"{self.width} columns."
            )
        if self.indicator is not None and (
            self.indicator < 0 or self.start <= self.indicator < self.stop
        ):
            raise ValueError(
                f"Block {self.name!r}: the presence column {self.indicator} must stand "
                f"outside the features {self.start}:{self.stop}."
            )
        if any(not 0 <= offset < self.width for offset in self.categorical):
            raise ValueError(
                f"Block {self.name!r}: categorical offsets must be in "
                f"[0, {self.width}), got {self.categorical}."
            )
        if any(not 0 <= start <= stop <= self.width for _, start, stop in self.parts):
            raise ValueError(
                f"Block {self.name!r}: parts must lie in its {self.width} columns, got "
                f"{self.parts}."
            )

    @property
    def width(self) -> int:
        """Number of feature columns, the presence column not counted."""
        return self.stop - self.start

    def is_sparse(self, X: Any) -> bool:
        """Tell whether the block counts as sparse in a matrix, however that is stored.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            What decides where `sparse` is None.
        """
        return sp.issparse(X) if self.sparse is None else self.sparse

    @property
    def columns(self) -> list[int]:
        """All columns of the block, the presence column last."""
        own = list(range(self.start, self.stop))
        return own if self.indicator is None else [*own, self.indicator]

    @property
    def n_columns(self) -> int:
        """Number of columns, the presence column among them."""
        return self.width + (self.indicator is not None)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and end column of what stands together, the presence column last."""
        own = [(self.start, self.stop)] if self.width else []
        if self.indicator is not None:
            own.append((self.indicator, self.indicator + 1))
        return own

    def moved(self, start: int, name: str | None = None) -> "Block":
        """Return the block at another place, its presence column right behind it."""
        return replace(
            self,
            name=self.name if name is None else name,
            start=start,
            stop=start + self.width,
            indicator=None if self.indicator is None else start + self.width,
        )

    def __repr__(self) -> str:
        extra = "" if self.indicator is None else f", indicator={self.indicator}"
        if self.kind != "vector":
            extra += f", {self.kind} {self.shape}"
        return f"Block({self.name!r}, {self.start}:{self.stop}{extra})"
