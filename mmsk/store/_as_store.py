"""The store that a `memory` parameter means."""

import os

from mmsk.store._feature_store import FeatureStore


def as_store(
    memory: str | os.PathLike[str] | FeatureStore | None,
) -> FeatureStore | None:
    """Return the store that a `memory` parameter means.

    Parameters
    ----------
    memory : str, path-like, FeatureStore or None
        A directory, a store, or None for no store.

    Returns
    -------
    store : FeatureStore or None
        A store of the default size for a directory, else what was given.

    Raises
    ------
    TypeError
        If `memory` is something else.

    Examples
    --------
    >>> from mmsk.store import as_store
    >>> as_store(None) is None
    True
    """
    if memory is None or isinstance(memory, FeatureStore):
        return memory
    if isinstance(memory, str | os.PathLike):
        return FeatureStore(memory)
    raise TypeError(
        f"memory is None, a directory or a mmsk.store.FeatureStore, got {memory!r} of "
        f"type {type(memory).__name__}."
    )
