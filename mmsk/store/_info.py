"""What a feature store holds and what it was good for."""

from dataclasses import dataclass

from mmsk.store._size import format_size


@dataclass(frozen=True)
class StoreInfo:
    """What a feature store holds and how often it was asked.

    The numbers are kept in the store: they add up over all processes that use it
    and start again at zero with ``FeatureStore.clear``.

    Attributes
    ----------
    location : str
        The directory of the store.
    entries : int
        How many entries it holds.
    n_bytes : int
        What they take together, in bytes, 24 of each in the index. The files may take
        up to twice that, or little more after ``FeatureStore.prune``.
    hits : int
        How many rows were asked for and found.
    misses : int
        How many rows were asked for and not found, or found damaged.
    written : int
        How many rows were computed and put: the number of extractions. A row that
        was there already is not counted again.

    Examples
    --------
    >>> from mmsk.store import StoreInfo
    >>> info = StoreInfo("cache", 801, 4_101_120, 1602, 801, 801)
    >>> print(info)
    Feature store 'cache': 801 entries, 4.1 MB; 801 extracted, 1602 hits, 801 misses
    """

    location: str
    entries: int = 0
    n_bytes: int = 0
    hits: int = 0
    misses: int = 0
    written: int = 0

    def __str__(self) -> str:
        return (
            f"Feature store {self.location!r}: {self.entries} entries, "
            f"{format_size(self.n_bytes)}; {self.written} extracted, "
            f"{self.hits} hits, {self.misses} misses"
        )
